//! Commands of a completed workflow task, one file each.
//!
//! All commands are checked before the first is recorded, so that a bad one leaves nothing behind.
//! `check` looks at the run and at what earlier commands of the same completion will do to it;
//! `record` cannot fail.

use std::collections::HashSet;

use host_wire::temporal::api::{
    command::v1::{Command, command::Attributes},
    common::v1::Payloads,
    enums::v1::WorkflowTaskFailedCause as Cause,
};
use prost::Message;

use crate::{
    execution::{
        activity, attributes, child, close, external, marker, run::Run, run_transition::RunTransition, timer,
    },
    limits,
};

/// A command that cannot be done; it fails the workflow task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BadCommand {
    pub(crate) cause: Cause,
    pub(crate) message: String,
}

/// Why a completion is refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refused {
    /// The workflow task fails.
    Bad(BadCommand),
    /// Nothing is recorded.
    Invalid(String),
    /// Nothing is recorded: the command is one that this service does not know how to do.
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
    closes: bool,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(run: &'a Run) -> Self {
        Self {
            run,
            activity_ids: run
                .activities
                .values()
                .map(|activity| activity.scheduled.activity_id.clone())
                .collect(),
            activities: run.activities.len(),
            timer_ids: run.timers.keys().cloned().collect(),
            children: run.children.len(),
            external_signals: run.external_signals.len(),
            external_cancels: run.external_cancels.len(),
            buffered: run.buffered.len(),
            closes: false,
        }
    }

    /// Checks the next command.
    pub(crate) fn check(&mut self, command: &Command) -> Result<(), Refused> {
        let Some(attributes) = &command.attributes else {
            return Err(Refused::Invalid(format!(
                "Command of type {} has no attributes.",
                command.command_type
            )));
        };
        if self.closes {
            return Err(Refused::Invalid(
                "Invalid command sequence: a command that closes the workflow must be the last.".to_owned(),
            ));
        }
        match attributes {
            Attributes::ScheduleActivityTaskCommandAttributes(a) => activity::schedule::check(self, a),
            Attributes::RequestCancelActivityTaskCommandAttributes(a) => {
                activity::request_cancel::check(self, a)
            }
            Attributes::StartTimerCommandAttributes(a) => timer::start::check(self, a),
            Attributes::CancelTimerCommandAttributes(a) => timer::cancel::check(self, a),
            Attributes::RecordMarkerCommandAttributes(a) => marker::check(a),
            Attributes::CompleteWorkflowExecutionCommandAttributes(a) => close::complete::check(self, a),
            Attributes::FailWorkflowExecutionCommandAttributes(a) => close::fail::check(self, a),
            Attributes::CancelWorkflowExecutionCommandAttributes(a) => close::cancel::check(self, a),
            Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(a) => {
                close::continue_as_new::check(self, a)
            }
            Attributes::UpsertWorkflowSearchAttributesCommandAttributes(a) => {
                attributes::upsert_search_attributes::check(a)
            }
            Attributes::ModifyWorkflowPropertiesCommandAttributes(a) => {
                attributes::modify_properties::check(self, a)
            }
            Attributes::StartChildWorkflowExecutionCommandAttributes(a) => child::start::check(self, a),
            Attributes::SignalExternalWorkflowExecutionCommandAttributes(a) => {
                external::signal::check(self, a)
            }
            Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(a) => {
                external::request_cancel::check(self, a)
            }
            Attributes::ProtocolMessageCommandAttributes(_) => {
                Err(Refused::Unsupported("updates (ProtocolMessage)"))
            }
            Attributes::ScheduleNexusOperationCommandAttributes(_)
            | Attributes::RequestCancelNexusOperationCommandAttributes(_) => {
                Err(Refused::Unsupported("Nexus operations"))
            }
        }
    }

    /// A command that closes the run; it must see everything that happened.
    pub(crate) fn close(&mut self) -> Result<(), Refused> {
        if self.buffered > 0 {
            return Err(bad(Cause::UnhandledCommand, String::new()));
        }
        self.closes = true;
        Ok(())
    }
}

/// Records what a checked command does.
pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    command: Command,
    identity: &str,
    eager: &mut Vec<i64>,
) {
    let metadata = command.user_metadata;
    match command.attributes {
        Some(Attributes::ScheduleActivityTaskCommandAttributes(a)) => {
            activity::schedule::record(run, completed_id, *a, metadata, eager);
        }
        Some(Attributes::RequestCancelActivityTaskCommandAttributes(a)) => {
            activity::request_cancel::record(run, completed_id, &a, metadata, identity);
        }
        Some(Attributes::StartTimerCommandAttributes(a)) => {
            timer::start::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::CancelTimerCommandAttributes(a)) => {
            timer::cancel::record(run, completed_id, *a, metadata, identity);
        }
        Some(Attributes::RecordMarkerCommandAttributes(a)) => {
            marker::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::CompleteWorkflowExecutionCommandAttributes(a)) => {
            close::complete::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::FailWorkflowExecutionCommandAttributes(a)) => {
            close::fail::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::CancelWorkflowExecutionCommandAttributes(a)) => {
            close::cancel::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(a)) => {
            close::continue_as_new::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(a)) => {
            attributes::upsert_search_attributes::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::ModifyWorkflowPropertiesCommandAttributes(a)) => {
            attributes::modify_properties::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::StartChildWorkflowExecutionCommandAttributes(a)) => {
            child::start::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::SignalExternalWorkflowExecutionCommandAttributes(a)) => {
            external::signal::record(run, completed_id, *a, metadata);
        }
        Some(Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(a)) => {
            external::request_cancel::record(run, completed_id, *a, metadata);
        }
        Some(
            Attributes::ProtocolMessageCommandAttributes(_)
            | Attributes::ScheduleNexusOperationCommandAttributes(_)
            | Attributes::RequestCancelNexusOperationCommandAttributes(_),
        )
        | None => {}
    }
}

/// An id or name that is there and not too long.
pub(crate) fn check_id(cause: Cause, what: &str, command: &str, id: &str) -> Result<(), Refused> {
    if id.is_empty() {
        return Err(bad(cause, format!("{what} is not set on {command}.")));
    }
    if id.len() > limits::ID_BYTES {
        return Err(bad(cause, format!("{what} on {command} exceeds length limit.")));
    }
    Ok(())
}

/// Payloads that fit into an event.
pub(crate) fn check_payloads(cause: Cause, what: &str, payloads: Option<&Payloads>) -> Result<(), Refused> {
    let size = payloads.map_or(0, Message::encoded_len);
    if size > limits::BLOB_BYTES {
        return Err(bad(cause, format!("{what} of {size} bytes exceeds size limit.")));
    }
    Ok(())
}
