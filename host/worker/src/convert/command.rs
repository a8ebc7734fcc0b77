//! Commands: what a guest asked for. Dispatch only.

use host_core::Command;
use host_sandbox::{
    Command as GuestCommand,
    wit::workflow::host::types::{Failure, Payload},
};
use host_wire::temporal::api::command::v1::{
    CancelWorkflowExecutionCommandAttributes, CompleteWorkflowExecutionCommandAttributes,
    FailWorkflowExecutionCommandAttributes,
};

use super::{
    Defaults, Malformed, activity, child_workflow, continue_as_new, external_workflow, failure,
    local_activity, named_payloads, nexus, outcome, payload, time, user_metadata,
};

/// Shortest timer, in nanoseconds: the service refuses timers of zero, and the run would fail at that task for ever.
/// One millisecond, as in Temporal's TypeScript SDK.
const SHORTEST_TIMER_NANOS: u64 = 1_000_000;

/// A command for the workflow core. Nothing for one that history does not know.
pub(crate) fn to_core(command: GuestCommand, defaults: &Defaults) -> Result<Option<Command>, Malformed> {
    Ok(Some(match command {
        GuestCommand::StartTimer { seq, options } => Command::StartTimer {
            seq,
            start_to_fire_timeout: time::duration_to_wire(
                options.start_to_fire_timeout.max(SHORTEST_TIMER_NANOS),
            ),
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

#[cfg(test)]
mod tests {
    use host_sandbox::wit::workflow::host::{
        activities::{ActivityOptions, CancellationType},
        types::{Priority, RetryPolicy, VersioningIntent},
        workflow::{ContinueAsNewOptions, ContinueAsNewVersioningBehavior},
    };

    use super::*;

    fn defaults() -> Defaults {
        Defaults {
            namespace: "default".to_owned(),
            task_queue: "own".to_owned(),
            workflow_type: "Own".to_owned(),
        }
    }

    fn schedule(change: impl FnOnce(&mut ActivityOptions)) -> GuestCommand {
        let mut options = ActivityOptions {
            activity_id: None,
            activity_type: "charge".to_owned(),
            task_queue: None,
            headers: Vec::new(),
            arguments: Vec::new(),
            schedule_to_close_timeout: None,
            schedule_to_start_timeout: None,
            start_to_close_timeout: Some(1_500_000_000),
            heartbeat_timeout: None,
            retry_policy: None,
            cancellation_type: CancellationType::TryCancel,
            do_not_eagerly_execute: false,
            versioning_intent: VersioningIntent::Unspecified,
            priority: None,
            user_metadata: None,
        };
        change(&mut options);
        GuestCommand::ScheduleActivity { seq: 1, options: Box::new(options) }
    }

    fn retrying(maximum_attempts: u32) -> RetryPolicy {
        RetryPolicy {
            initial_interval: None,
            backoff_coefficient: 0.0,
            maximum_interval: None,
            maximum_attempts,
            non_retryable_error_types: Vec::new(),
        }
    }

    fn prioritized(priority_key: u32) -> Priority {
        Priority { priority_key, fairness_key: String::new(), fairness_weight: 0.0 }
    }

    #[test]
    fn what_the_protocol_cannot_express_is_malformed() {
        for (command, expected) in [
            (
                schedule(|options| options.start_to_close_timeout = None),
                "activity `charge` has neither a start-to-close nor a schedule-to-close timeout: set one",
            ),
            (
                schedule(|options| options.retry_policy = Some(retrying(u32::MAX))),
                "maximum-attempts is 4294967295, and 2147483647 is the most",
            ),
            (
                schedule(|options| options.priority = Some(prioritized(1 << 31))),
                "priority-key is 2147483648, and 2147483647 is the most",
            ),
            (GuestCommand::Fail { failure: Vec::new() }, "a failure has no link"),
        ] {
            assert_eq!(to_core(command, &defaults()).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn what_a_guest_leaves_out_is_the_runs_own() {
        let command = schedule(|options| options.do_not_eagerly_execute = true);
        let Some(Command::ScheduleActivity { attributes, .. }) = to_core(command, &defaults()).unwrap()
        else {
            panic!("another command");
        };
        assert_eq!(attributes.task_queue.unwrap().name, "own");
        assert_eq!(
            attributes.start_to_close_timeout,
            Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 })
        );
        assert!(!attributes.request_eager_execution);

        let options = ContinueAsNewOptions {
            workflow_type: None,
            task_queue: Some("other".to_owned()),
            arguments: Vec::new(),
            run_timeout: None,
            task_timeout: None,
            memo: None,
            headers: Vec::new(),
            search_attributes: Some(Vec::new()),
            retry_policy: None,
            versioning_intent: VersioningIntent::Unspecified,
            initial_versioning_behavior: ContinueAsNewVersioningBehavior::Unspecified,
            backoff_start_interval: None,
        };
        let command = GuestCommand::ContinueAsNew { options: Box::new(options) };
        let Some(Command::ContinueAsNew(attributes)) = to_core(command, &defaults()).unwrap() else {
            panic!("another command");
        };
        assert_eq!(attributes.workflow_type.unwrap().name, "Own");
        assert_eq!(attributes.task_queue.unwrap().name, "other");
        // Left out is inherited, empty is empty.
        assert_eq!(attributes.memo, None);
        assert!(attributes.search_attributes.is_some());
    }

    #[test]
    fn what_history_does_not_know_is_no_command() {
        let command = GuestCommand::SetCurrentDetails { details: "here".to_owned() };
        assert_eq!(to_core(command, &defaults()), Ok(None));
    }
}
