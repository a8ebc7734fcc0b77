//! What workflows log and measure, on its way to the host's own log and metrics.

use std::fmt;

use host_sandbox::{
    Sink,
    wit::workflow::host::{
        log::{Entry, Level},
        metrics::{Instrument, Measurement},
    },
};
use host_telemetry as telemetry;

use super::log_budget::{self, Verdict};

/// Hands entries of one run to `tracing`, under the target `workflow`, and measurements to the host's metrics, both with
/// the names of the run.
#[derive(Debug)]
pub(crate) struct RunLog {
    pub(crate) namespace: String,
    pub(crate) task_queue: String,
    pub(crate) workflow_type: String,
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
}

impl Sink for RunLog {
    fn log(&mut self, entry: Entry) {
        if !self.admit(&entry) {
            return;
        }
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

    fn measure(&mut self, measurement: Measurement) {
        let Measurement { instrument, name, unit: _, description, value, attributes } = &measurement;
        telemetry::record_guest(&telemetry::Measurement {
            namespace: &self.namespace,
            task_queue: &self.task_queue,
            workflow_type: &self.workflow_type,
            instrument: match instrument {
                Instrument::Counter => telemetry::Instrument::Counter,
                Instrument::Gauge => telemetry::Instrument::Gauge,
                Instrument::Histogram => telemetry::Instrument::Histogram,
            },
            name,
            description,
            value: *value,
            attributes,
        });
    }
}

impl RunLog {
    /// Whether an entry is written: see [`log_budget`]. Says in the log what is not.
    fn admit(&self, entry: &Entry) -> bool {
        let fields: usize = entry.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        let names = self.workflow_type.len() + self.workflow_id.len() + self.run_id.len();
        let bytes = entry.message.len() + entry.target.len() + fields + names;
        let verdict = log_budget::admit(&self.run_id, bytes);
        let (limit, seconds) = (log_budget::MAX_BYTES, log_budget::WINDOW.as_secs());
        match verdict {
            Verdict::Write => {}
            Verdict::WriteAfter { dropped } => tracing::warn!(
                workflow_id = self.workflow_id,
                run_id = self.run_id,
                "{dropped} entries of the workflow's log were dropped: a run may write {limit} bytes in {seconds} s"
            ),
            Verdict::DropFirst => tracing::warn!(
                workflow_id = self.workflow_id,
                run_id = self.run_id,
                "the workflow logs more than {limit} bytes in {seconds} s: the rest is dropped until they are over"
            ),
            Verdict::Drop => {}
        }
        matches!(verdict, Verdict::Write | Verdict::WriteAfter { .. })
    }
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
