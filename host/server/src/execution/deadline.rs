//! What time alone does to a run.

use host_wire::temporal::api::enums::v1::TimeoutType;

/// Something that becomes due in a run. Each feature says when its own are due, [`super::run::Run`] which is the
/// first of all, and [`super::pass_time`] does it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deadline {
    /// The history is larger than the service keeps: the run is terminated. Due at once.
    HistoryTooLarge,
    /// The run timeout, or that of the whole execution.
    Run,
    /// The end of `first_workflow_task_backoff`.
    FirstWorkflowTask,
    /// The schedule-to-start timeout of a workflow task on a sticky queue, or the start-to-close timeout of one that
    /// a worker has.
    WorkflowTask,
    /// A timer, by its id.
    Timer(String),
    /// The end of the backoff of an activity, by the id of its scheduled event.
    ActivityRetry(i64),
    /// A timeout of an activity, by the id of its scheduled event.
    ActivityTimeout(i64, TimeoutType),
    /// The end of the backoff of a call for a Nexus operation, by the id of its scheduled event.
    NexusRetry(i64),
    /// The time for a worker to answer such a call is over.
    NexusRequest(i64),
    /// The schedule-to-close timeout of a Nexus operation.
    NexusTimeout(i64),
}
