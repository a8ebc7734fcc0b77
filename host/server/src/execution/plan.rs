//! Checks of commands: the run as earlier commands of the completion leave it, and refusals.

use std::collections::HashSet;

use host_wire::temporal::api::{common::v1::Payloads, enums::v1::WorkflowTaskFailedCause as Cause};
use prost::Message;

use crate::{execution::run::Run, limits};

/// An invalid command. The workflow task fails with this cause.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BadCommand {
    pub(crate) cause: Cause,
    pub(crate) message: String,
}

/// A refusal of a completion.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refused {
    /// The workflow task fails.
    Bad(BadCommand),
    /// Nothing is recorded.
    Invalid(String),
    /// Nothing is recorded: the service does not support the command.
    Unsupported(&'static str),
}

pub(crate) fn bad(cause: Cause, message: impl Into<String>) -> Refused {
    Refused::Bad(BadCommand { cause, message: message.into() })
}

/// The run as it will be after the commands checked so far.
pub(crate) struct Plan<'a> {
    pub(crate) run: &'a Run,
    pub(crate) activity_ids: HashSet<String>,
    pub(crate) activities: usize,
    pub(crate) timer_ids: HashSet<String>,
    pub(crate) children: usize,
    pub(crate) external_signals: usize,
    pub(crate) external_cancels: usize,
    pub(crate) buffered: usize,
    pub(crate) closes: bool,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(run: &'a Run) -> Self {
        Self {
            run,
            activity_ids: run
                .activities()
                .iter()
                .map(|activity| activity.scheduled.activity_id.clone())
                .collect(),
            activities: run.activities().len(),
            timer_ids: run.timers().ids().cloned().collect(),
            children: run.children().len(),
            external_signals: run.externals().signal_count(),
            external_cancels: run.externals().cancel_count(),
            buffered: run.buffer().events().len(),
            closes: false,
        }
    }

    /// Checks a command that closes the run: UnhandledCommand while events are buffered that the worker has not seen.
    pub(crate) fn close(&mut self) -> Result<(), Refused> {
        if self.buffered > 0 {
            return Err(bad(Cause::UnhandledCommand, String::new()));
        }
        self.closes = true;
        Ok(())
    }
}

/// Checks that an id or name is set and at most [`limits::ID_BYTES`] long.
pub(crate) fn check_id(cause: Cause, what: &str, command: &str, id: &str) -> Result<(), Refused> {
    if id.is_empty() {
        return Err(bad(cause, format!("{what} is not set on {command}.")));
    }
    if id.len() > limits::ID_BYTES {
        return Err(bad(cause, format!("{what} on {command} exceeds length limit.")));
    }
    Ok(())
}

/// Checks that payloads have at most [`limits::BLOB_BYTES`].
pub(crate) fn check_payloads(cause: Cause, what: &str, payloads: Option<&Payloads>) -> Result<(), Refused> {
    let size = payloads.map_or(0, Message::encoded_len);
    if size > limits::BLOB_BYTES {
        return Err(bad(cause, format!("{what} of {size} bytes exceeds size limit.")));
    }
    Ok(())
}
