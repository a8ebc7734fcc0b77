//! The workers that get what is on a queue: those of the version that a run is pinned to, or that its deployment says.
//! `getPhysicalQueuesForAdd` of Temporal's server.
//!
//! What waits for a version waits in a queue of its own. Where the routing changes, or the version of a run, its tasks
//! are sent again; a poll that finds one which is not for its version sends it on.

use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::{TaskQueueKind, TaskQueueType, VersioningBehavior as Behavior},
    workflowservice::v1::StartWorkflowExecutionRequest,
};

use crate::{
    execution::{
        executions::Executions, options::state::current, run::Run, task::Task, versioning::effective::pinned,
    },
    matching::{queries::Queries, queue_key::QueueKey, queued::Queued},
};

/// The version of the workers that get a task of a run on a normal queue; none is workers without one.
pub(crate) fn version_for(
    executions: &Executions,
    run: &Run,
    queue: &str,
    activities: bool,
) -> Option<WorkerDeploymentVersion> {
    let of = if activities { TaskQueueType::Activity } else { TaskQueueType::Workflow };
    let (namespace, deployments) = (&run.identity().namespace, &executions.deployments);
    if let Some(pinned) = run.pinned_version() {
        // An activity on a queue that the workers of the version do not poll is independent of it.
        if !activities || deployments.polls(namespace, pinned, queue, of) {
            return Some(pinned.clone());
        }
    }
    deployments.routing(namespace, queue, of).version_for(&run.identity().workflow_id)
}

/// The version of the workers that get the calls of a Nexus handler on a queue. The caller has no say in it.
pub(crate) fn version_of_nexus(
    executions: &Executions,
    namespace: &str,
    queue: &str,
    caller: &Run,
) -> Option<WorkerDeploymentVersion> {
    let routing = executions.deployments.routing(namespace, queue, TaskQueueType::Nexus);
    routing.version_for(&caller.identity().workflow_id)
}

/// The version of the workers that get the first task of a run that a client starts.
pub(crate) fn version_of_start(
    executions: &Executions,
    start: &StartWorkflowExecutionRequest,
) -> Option<WorkerDeploymentVersion> {
    let given = start.versioning_override.as_ref().map(current);
    if let Some(version) = pinned(given.as_ref()) {
        return Some(version.clone());
    }
    let queue = start.task_queue.as_ref().map_or("", |queue| &queue.name);
    let routing = executions.deployments.routing(&start.namespace, queue, TaskQueueType::Workflow);
    routing.version_for(&start.workflow_id)
}

/// Whether the worker that has a run in its cache, at its own queue, is still the right one.
pub(crate) fn stays_sticky(executions: &Executions, run: &Run, sticky: &str) -> bool {
    if run.workflow_tasks().sticky().is_none_or(|own| own.queue != sticky) {
        return false;
    }
    if run.versioning_behavior() == Behavior::Pinned {
        return true;
    }
    let (namespace, queue) = (&run.identity().namespace, run.start().queue_name());
    let routing = executions.deployments.routing(namespace, queue, TaskQueueType::Workflow);
    let version = routing.version_for(&run.identity().workflow_id);
    version.is_none() || version.as_ref() == run.effective_version()
}

/// Whether what a poll took from a queue is for workers of another version.
pub(crate) fn is_misplaced(
    executions: &Executions,
    queries: &Queries,
    key: &QueueKey,
    queued: &Queued,
) -> bool {
    let number = match queued {
        Queued::Task(task) => Some(task.run()),
        Queued::Query(number) => queries.waiting(*number).map(|(run, _)| run),
    };
    let Some(run) = number.and_then(|number| executions.get(number)) else { return false };
    let is_sticky = match queued {
        Queued::Task(Task::Workflow { queue, .. }) => {
            queue.kind == i32::from(TaskQueueKind::Sticky) && queue.name == key.name
        }
        Queued::Task(Task::Activity { .. }) => false,
        Queued::Task(Task::Nexus { namespace, queue, .. }) => {
            return version_of_nexus(executions, namespace, queue, run) != key.version;
        }
        Queued::Query(number) => queries.normal_queue(*number).is_some_and(|normal| normal.name != key.name),
    };
    if is_sticky {
        !stays_sticky(executions, run, &key.name)
    } else {
        version_for(executions, run, &key.name, !key.is_of_workflows()) != key.version
    }
}
