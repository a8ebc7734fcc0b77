//! Commands of a completed workflow task, one file each.
//!
//! All commands are checked before the first is recorded, so that a bad one leaves nothing behind.
//! `check` looks at the run and at what earlier commands of the same completion will do to it;
//! `record` cannot fail.

mod cancel_timer;
mod cancel_workflow;
mod complete_workflow;
mod continue_as_new;
mod fail_workflow;
mod modify_properties;
mod record_marker;
mod request_cancel_activity;
mod request_cancel_external;
mod schedule_activity;
mod signal_external;
mod start_child;
mod start_timer;
mod upsert_search_attributes;

use std::collections::HashSet;

use host_wire::temporal::api::{
    command::v1::{Command, command::Attributes},
    common::v1::Payloads,
    enums::v1::WorkflowTaskFailedCause as Cause,
};
use prost::Message;

use super::{limits, run::Run, step::Step};

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

fn bad(cause: Cause, message: impl Into<String>) -> Refused {
    Refused::Bad(BadCommand { cause, message: message.into() })
}

/// The run as it will be after the commands checked so far.
pub(crate) struct Plan<'a> {
    pub(crate) run: &'a Run,
    activity_ids: HashSet<String>,
    activities: usize,
    timer_ids: HashSet<String>,
    children: usize,
    external_signals: usize,
    external_cancels: usize,
    buffered: usize,
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
            Attributes::ScheduleActivityTaskCommandAttributes(a) => schedule_activity::check(self, a),
            Attributes::RequestCancelActivityTaskCommandAttributes(a) => {
                request_cancel_activity::check(self, a)
            }
            Attributes::StartTimerCommandAttributes(a) => start_timer::check(self, a),
            Attributes::CancelTimerCommandAttributes(a) => cancel_timer::check(self, a),
            Attributes::RecordMarkerCommandAttributes(a) => record_marker::check(a),
            Attributes::CompleteWorkflowExecutionCommandAttributes(a) => complete_workflow::check(self, a),
            Attributes::FailWorkflowExecutionCommandAttributes(a) => fail_workflow::check(self, a),
            Attributes::CancelWorkflowExecutionCommandAttributes(a) => cancel_workflow::check(self, a),
            Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(a) => continue_as_new::check(self, a),
            Attributes::UpsertWorkflowSearchAttributesCommandAttributes(a) => {
                upsert_search_attributes::check(a)
            }
            Attributes::ModifyWorkflowPropertiesCommandAttributes(a) => modify_properties::check(self, a),
            Attributes::StartChildWorkflowExecutionCommandAttributes(a) => start_child::check(self, a),
            Attributes::SignalExternalWorkflowExecutionCommandAttributes(a) => {
                signal_external::check(self, a)
            }
            Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(a) => {
                request_cancel_external::check(self, a)
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
    fn close(&mut self) -> Result<(), Refused> {
        if self.buffered > 0 {
            return Err(bad(Cause::UnhandledCommand, String::new()));
        }
        self.closes = true;
        Ok(())
    }
}

/// Records what a checked command does.
pub(crate) fn record(
    step: &mut Step<'_>,
    completed_id: i64,
    command: Command,
    identity: &str,
    eager: &mut Vec<i64>,
) {
    let metadata = command.user_metadata;
    match command.attributes {
        Some(Attributes::ScheduleActivityTaskCommandAttributes(a)) => {
            schedule_activity::record(step, completed_id, *a, metadata, eager);
        }
        Some(Attributes::RequestCancelActivityTaskCommandAttributes(a)) => {
            request_cancel_activity::record(step, completed_id, &a, metadata, identity);
        }
        Some(Attributes::StartTimerCommandAttributes(a)) => {
            start_timer::record(step, completed_id, *a, metadata);
        }
        Some(Attributes::CancelTimerCommandAttributes(a)) => {
            cancel_timer::record(step, completed_id, *a, metadata, identity);
        }
        Some(Attributes::RecordMarkerCommandAttributes(a)) => {
            record_marker::record(step, completed_id, *a, metadata);
        }
        Some(Attributes::CompleteWorkflowExecutionCommandAttributes(a)) => {
            complete_workflow::record(step, completed_id, *a, metadata);
        }
        Some(Attributes::FailWorkflowExecutionCommandAttributes(a)) => {
            fail_workflow::record(step, completed_id, *a, metadata);
        }
        Some(Attributes::CancelWorkflowExecutionCommandAttributes(a)) => {
            cancel_workflow::record(step, completed_id, *a, metadata);
        }
        Some(Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(a)) => {
            continue_as_new::record(step, completed_id, *a, metadata);
        }
        Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(a)) => {
            upsert_search_attributes::record(step, completed_id, *a, metadata);
        }
        Some(Attributes::ModifyWorkflowPropertiesCommandAttributes(a)) => {
            modify_properties::record(step, completed_id, *a, metadata);
        }
        Some(Attributes::StartChildWorkflowExecutionCommandAttributes(a)) => {
            start_child::record(step, completed_id, *a, metadata);
        }
        Some(Attributes::SignalExternalWorkflowExecutionCommandAttributes(a)) => {
            signal_external::record(step, completed_id, *a, metadata);
        }
        Some(Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(a)) => {
            request_cancel_external::record(step, completed_id, *a, metadata);
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
fn check_id(cause: Cause, what: &str, command: &str, id: &str) -> Result<(), Refused> {
    if id.is_empty() {
        return Err(bad(cause, format!("{what} is not set on {command}.")));
    }
    if id.len() > limits::ID_BYTES {
        return Err(bad(cause, format!("{what} on {command} exceeds length limit.")));
    }
    Ok(())
}

/// Payloads that fit into an event.
fn check_payloads(cause: Cause, what: &str, payloads: Option<&Payloads>) -> Result<(), Refused> {
    let size = payloads.map_or(0, Message::encoded_len);
    if size > limits::BLOB_BYTES {
        return Err(bad(cause, format!("{what} of {size} bytes exceeds size limit.")));
    }
    Ok(())
}
