//! Commands: what a guest asked for. Dispatch only.

use host_core::Command;
use host_sandbox::{
    Command as GuestCommand,
    wit::workflow::host::types::{Failure, Payload, VersioningIntent},
};
use host_wire::temporal::api::{
    command::v1::{
        CancelWorkflowExecutionCommandAttributes, CompleteWorkflowExecutionCommandAttributes,
        FailWorkflowExecutionCommandAttributes,
    },
    taskqueue::v1::TaskQueue,
};

use super::{
    Malformed, activity, child_workflow, continue_as_new, external_workflow, failure, local_activity,
    named_payloads, nexus, outcome, payload, time, user_metadata,
};

/// What a command gets that a guest left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    /// The run's namespace.
    pub(crate) namespace: String,
    /// The run's own task queue.
    pub(crate) task_queue: String,
    /// The run's type.
    pub(crate) workflow_type: String,
}

impl Defaults {
    pub(super) fn task_queue(&self, name: Option<String>) -> TaskQueue {
        let name = name.unwrap_or_else(|| self.task_queue.clone());
        TaskQueue { name, ..TaskQueue::default() }
    }

    pub(super) fn namespace(&self, name: String) -> String {
        if name.is_empty() { self.namespace.clone() } else { name }
    }
}

/// A command for the workflow core. Nothing for one that history does not know.
pub(crate) fn to_core(command: GuestCommand, defaults: &Defaults) -> Result<Option<Command>, Malformed> {
    Ok(Some(match command {
        GuestCommand::StartTimer { seq, options } => Command::StartTimer {
            seq,
            start_to_fire_timeout: time::duration_to_wire(options.start_to_fire_timeout),
            user_metadata: user_metadata::boxed(options.user_metadata),
        },
        GuestCommand::CancelTimer { seq } => Command::CancelTimer { seq },
        GuestCommand::ScheduleActivity { seq, options } => activity::schedule(seq, *options, defaults)?,
        GuestCommand::ScheduleLocalActivity { seq, options } => local_activity::schedule(seq, *options)?,
        GuestCommand::CancelActivity { seq } => Command::CancelActivity { seq },
        GuestCommand::StartChildWorkflow { seq, options } => child_workflow::start(seq, *options, defaults)?,
        GuestCommand::CancelChildWorkflow { seq, reason } => Command::CancelChildWorkflow { seq, reason },
        GuestCommand::SignalExternal { seq, options } => external_workflow::signal(seq, *options, defaults),
        GuestCommand::CancelExternalSignal { seq } => Command::CancelSignalExternalWorkflow { seq },
        GuestCommand::RequestCancelExternal { seq, execution, reason } => {
            external_workflow::request_cancel(seq, execution, reason, defaults)
        }
        GuestCommand::ScheduleNexusOperation { seq, options } => nexus::schedule(seq, *options),
        GuestCommand::CancelNexusOperation { seq } => Command::CancelNexusOperation { seq },
        GuestCommand::Complete { result } => complete(result),
        GuestCommand::Fail { failure } => fail(failure)?,
        GuestCommand::Cancel { details } => cancel(details),
        GuestCommand::ContinueAsNew { options } => continue_as_new::command(*options, defaults)?,
        GuestCommand::Patched { patch_id, deprecated } => Command::SetPatchMarker { patch_id, deprecated },
        GuestCommand::UpsertSearchAttributes { search_attributes } => {
            Command::UpsertSearchAttributes(named_payloads::search_attributes_to_wire(search_attributes))
        }
        GuestCommand::UpsertMemo { memo } => Command::UpsertMemo(named_payloads::memo_to_wire(memo)),
        GuestCommand::SetCurrentDetails { .. } => return Ok(None),
        GuestCommand::CompleteUpdate { protocol_instance_id, outcome } => {
            Command::CompleteUpdate { protocol_instance_id, outcome: outcome::to_wire(outcome)? }
        }
    }))
}

/// Whether a command asks for a worker of a compatible version. Left unsaid it does not: digests pin
/// runs, and what a run starts takes the newest module.
pub(super) fn wants_compatible(intent: VersioningIntent) -> bool {
    match intent {
        VersioningIntent::Compatible => true,
        VersioningIntent::Unspecified | VersioningIntent::Default => false,
    }
}

fn complete(result: Option<Payload>) -> Command {
    let result = payload::list_to_wire(result.into_iter().collect());
    Command::CompleteWorkflow(Box::new(CompleteWorkflowExecutionCommandAttributes { result }))
}

fn fail(failure: Failure) -> Result<Command, Malformed> {
    let failure = Some(failure::to_wire(failure)?);
    Ok(Command::FailWorkflow(Box::new(FailWorkflowExecutionCommandAttributes { failure })))
}

fn cancel(details: Vec<Payload>) -> Command {
    let details = payload::list_to_wire(details);
    Command::CancelWorkflow(Box::new(CancelWorkflowExecutionCommandAttributes { details }))
}
