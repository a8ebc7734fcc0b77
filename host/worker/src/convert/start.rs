//! The start of a run, and what is known of it from then on.

use host_core::Start;
use host_sandbox::wit::workflow::host::{
    activation::{ContinuedInitiator, Start as GuestStart, WorkflowInfo},
    types::{Execution, NamespacedExecution},
};
use host_wire::temporal::api::enums::v1::ContinueAsNewInitiator;

use super::{failure, named_payloads, payload, priority, retry_policy, time};

/// What a run's history does not say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunIdentity {
    /// The namespace that the run is in.
    pub namespace: String,
    /// The workflow id. Histories of older services do not say it.
    pub workflow_id: String,
    /// The run id: not the one of the start when the run was reset.
    pub run_id: String,
}

/// The start of a run for a guest.
pub(super) fn to_guest(start: Start, identity: &RunIdentity) -> GuestStart {
    let attributes = start.attributes;
    let initiator = attributes.initiator();
    // The service leaves the first run out of the field that names it when that is this run.
    let first_run_id = Some(attributes.first_execution_run_id)
        .filter(|run_id| !run_id.is_empty())
        .unwrap_or_else(|| attributes.original_execution_run_id.clone());
    let info = WorkflowInfo {
        namespace: identity.namespace.clone(),
        workflow_id: identity.workflow_id.clone(),
        run_id: identity.run_id.clone(),
        workflow_type: attributes.workflow_type.map(|r#type| r#type.name).unwrap_or_default(),
        task_queue: attributes.task_queue.map(|queue| queue.name).unwrap_or_default(),
        start_time: time::instant_to_guest(start.time),
        attempt: u32::try_from(attributes.attempt).unwrap_or(1).max(1),
        identity: attributes.identity,
        execution_timeout: attributes.workflow_execution_timeout.map(time::duration_to_guest),
        run_timeout: attributes.workflow_run_timeout.map(time::duration_to_guest),
        task_timeout: attributes.workflow_task_timeout.map(time::duration_to_guest),
        execution_expiration_time: attributes.workflow_execution_expiration_time.map(time::instant_to_guest),
        retry_policy: attributes.retry_policy.map(retry_policy::to_guest),
        cron_schedule_to_schedule_interval: (!attributes.cron_schedule.is_empty())
            .then_some(attributes.first_workflow_task_backoff)
            .flatten()
            .map(time::duration_to_guest),
        cron_schedule: attributes.cron_schedule,
        parent: attributes.parent_workflow_execution.map(|parent| NamespacedExecution {
            namespace: attributes.parent_workflow_namespace,
            workflow_id: parent.workflow_id,
            run_id: parent.run_id,
        }),
        root: attributes
            .root_workflow_execution
            .map(|root| Execution { workflow_id: root.workflow_id, run_id: root.run_id }),
        continued_from_run_id: attributes.continued_execution_run_id,
        continued_initiator: match initiator {
            ContinueAsNewInitiator::Unspecified => ContinuedInitiator::None,
            ContinueAsNewInitiator::Workflow => ContinuedInitiator::Workflow,
            ContinueAsNewInitiator::Retry => ContinuedInitiator::Retry,
            ContinueAsNewInitiator::CronSchedule => ContinuedInitiator::CronSchedule,
        },
        continued_failure: attributes.continued_failure.map(failure::to_guest),
        last_completion_result: payload::list_to_guest(attributes.last_completion_result),
        first_run_id,
        original_run_id: attributes.original_execution_run_id,
        memo: attributes.memo.map_or_else(Vec::new, |memo| named_payloads::to_guest(memo.fields)),
        search_attributes: attributes
            .search_attributes
            .map_or_else(Vec::new, |attributes| named_payloads::to_guest(attributes.indexed_fields)),
        headers: named_payloads::header_to_guest(attributes.header),
        priority: attributes.priority.map(priority::to_guest),
    };
    GuestStart { info, arguments: payload::list_to_guest(attributes.input) }
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::history::v1::WorkflowExecutionStartedEventAttributes;
    use prost_types::{Duration, Timestamp};

    use super::*;

    fn info(attributes: WorkflowExecutionStartedEventAttributes) -> WorkflowInfo {
        let identity = RunIdentity {
            namespace: "default".to_owned(),
            workflow_id: "w".to_owned(),
            run_id: "after-reset".to_owned(),
        };
        let time = Timestamp { seconds: 1, nanos: 2 };
        to_guest(Start { time, seed: 0, attributes }, &identity).info
    }

    #[test]
    fn what_a_first_run_does_not_say_is_filled_in() {
        let first = info(WorkflowExecutionStartedEventAttributes {
            original_execution_run_id: "first".to_owned(),
            first_workflow_task_backoff: Some(Duration { seconds: 5, nanos: 0 }),
            ..WorkflowExecutionStartedEventAttributes::default()
        });
        assert_eq!(
            (&*first.first_run_id, &*first.original_run_id, &*first.run_id),
            ("first", "first", "after-reset")
        );
        assert_eq!((first.attempt, first.start_time), (1, 1_000_000_002));
        assert_eq!(first.cron_schedule_to_schedule_interval, None);
        assert_eq!(first.parent, None);
    }

    #[test]
    fn a_later_run_says_where_it_comes_from() {
        let later = info(WorkflowExecutionStartedEventAttributes {
            original_execution_run_id: "second".to_owned(),
            first_execution_run_id: "first".to_owned(),
            continued_execution_run_id: "first".to_owned(),
            initiator: ContinueAsNewInitiator::CronSchedule.into(),
            cron_schedule: "@daily".to_owned(),
            first_workflow_task_backoff: Some(Duration { seconds: 5, nanos: 0 }),
            attempt: 3,
            ..WorkflowExecutionStartedEventAttributes::default()
        });
        assert_eq!((&*later.first_run_id, &*later.continued_from_run_id), ("first", "first"));
        assert_eq!(later.continued_initiator, ContinuedInitiator::CronSchedule);
        assert_eq!(later.cron_schedule_to_schedule_interval, Some(5_000_000_000));
        assert_eq!(later.attempt, 3);
    }
}
