//! Checks of commands: the run as earlier commands of the completion leave it, and refusals.

use std::collections::HashSet;

use host_wire::temporal::api::{
    common::v1::{Header, Payloads},
    enums::v1::WorkflowTaskFailedCause as Cause,
};
use prost::Message;

use crate::{
    execution::{run::Run, update::plan::UpdatePlan},
    limits,
};

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
    /// Bytes that the first event of a successor would have.
    pub(crate) successor_bytes: usize,
    pub(crate) updates: UpdatePlan,
    pub(crate) closes: bool,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(run: &'a Run, updates: UpdatePlan) -> Self {
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
            successor_bytes: successor_bytes(run),
            updates,
            closes: false,
        }
    }

    /// Checks memo fields or search attributes that a command adds: a successor starts with all of them in one event.
    pub(crate) fn add_attributes(&mut self, cause: Cause, what: &str, bytes: usize) -> Result<(), Refused> {
        self.successor_bytes += bytes;
        if self.successor_bytes > limits::EVENT_BYTES {
            return Err(bad(cause, format!("{what} exceeds size limit.")));
        }
        Ok(())
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

fn successor_bytes(run: &Run) -> usize {
    let start = run.start().attributes();
    let inherited = [
        start.input.as_ref().map_or(0, Message::encoded_len),
        start.header.as_ref().map_or(0, Message::encoded_len),
        start.last_completion_result.as_ref().map_or(0, Message::encoded_len),
        start.retry_policy.as_ref().map_or(0, Message::encoded_len),
    ];
    inherited.iter().sum::<usize>() + run.attributes().bytes()
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
    check_input(cause, what, payloads, None)
}

/// Checks that payloads with the header that goes along have at most [`limits::BLOB_BYTES`].
pub(crate) fn check_input(
    cause: Cause,
    what: &str,
    payloads: Option<&Payloads>,
    header: Option<&Header>,
) -> Result<(), Refused> {
    let size = payloads.map_or(0, Message::encoded_len) + header.map_or(0, Message::encoded_len);
    if size > limits::BLOB_BYTES {
        return Err(bad(cause, format!("{what} of {size} bytes exceeds size limit.")));
    }
    Ok(())
}
