//! What workflows log, on its way to the host's own log.

use std::fmt;

use host_sandbox::{
    Sink,
    wit::workflow::host::{
        log::{Entry, Level},
        metrics::Measurement,
    },
};

/// Hands entries of one run to `tracing`, under the target `workflow`, with the names of the run.
/// Measurements are not collected anywhere yet.
#[derive(Debug)]
pub(crate) struct RunLog {
    pub(crate) workflow_type: String,
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
}

impl Sink for RunLog {
    fn log(&mut self, entry: Entry) {
        // The level and the target of a `tracing` event are fixed where it is written down.
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: "workflow",
                    tracing::Level::$level,
                    workflow_type = self.workflow_type,
                    workflow_id = self.workflow_id,
                    run_id = self.run_id,
                    source = entry.target,
                    fields = %Fields(&entry.fields),
                    "{}",
                    entry.message
                )
            };
        }
        match entry.level {
            Level::Trace => event!(TRACE),
            Level::Debug => event!(DEBUG),
            Level::Info => event!(INFO),
            Level::Warn => event!(WARN),
            Level::Error => event!(ERROR),
        }
    }

    fn measure(&mut self, _: Measurement) {}
}

/// The further fields of an entry: `name=value`, as their author wrote them.
struct Fields<'a>(&'a [(String, String)]);

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, value)) in self.0.iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            write!(f, "{space}{name}={value}")?;
        }
        Ok(())
    }
}
