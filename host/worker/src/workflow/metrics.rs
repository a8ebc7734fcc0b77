//! What a workflow task is counted and measured as.

use std::time::Duration;

use host_telemetry as telemetry;
use host_wire::{
    temporal::api::{
        enums::v1::{CommandType, WorkflowTaskFailedCause},
        workflowservice::v1::PollWorkflowTaskQueueResponse,
    },
    timestamp_from_proto,
};
use tokio::time::Instant;

/// A task that is worked on. Nothing when metrics are not exported.
#[derive(Debug)]
pub(crate) struct TaskMetrics(Option<Begun>);

/// Whose task it is, and since when it is worked on.
#[derive(Debug)]
struct Begun {
    namespace: String,
    task_queue: String,
    workflow_type: String,
    received: Instant,
    replays: bool,
}

impl TaskMetrics {
    /// Counts a task that came. `is_cached` is whether its run was in the cache.
    pub(crate) fn begin(
        task: &PollWorkflowTaskQueueResponse,
        namespace: &str,
        task_queue: &str,
        received: Instant,
        is_cached: bool,
    ) -> Self {
        if !telemetry::is_enabled() {
            return Self(None);
        }
        let workflow_type = task.workflow_type.as_ref().map(|kind| kind.name.as_str()).unwrap_or_default();
        let begun = Begun {
            namespace: namespace.to_owned(),
            task_queue: task_queue.to_owned(),
            workflow_type: telemetry::other_beyond("workflow_type", workflow_type).to_owned(),
            received,
            replays: !is_cached && task.previous_started_event_id > 0,
        };
        let cache = [namespace, task_queue];
        if is_cached {
            telemetry::STICKY_CACHE_HIT.count(cache);
        } else if begun.replays {
            telemetry::STICKY_CACHE_MISS.count(cache);
        }
        let scheduled = task.scheduled_time.map(timestamp_from_proto);
        let started = task.started_time.map(timestamp_from_proto);
        if let Some(waited) = scheduled.zip(started).and_then(|(from, to)| to.duration_since(from).ok()) {
            telemetry::WORKFLOW_TASK_SCHEDULE_TO_START.took(begun.labels(), waited);
        }
        Self(Some(begun))
    }
}

impl Begun {
    fn labels(&self) -> [&str; 3] {
        [&self.namespace, &self.task_queue, &self.workflow_type]
    }
}

impl TaskMetrics {
    /// The task has its answer, or failed.
    pub(crate) fn answered(&self) {
        let Some(begun) = &self.0 else { return };
        let took: Duration = begun.received.elapsed();
        telemetry::WORKFLOW_TASK_EXECUTION.took(begun.labels(), took);
        if begun.replays {
            telemetry::WORKFLOW_TASK_REPLAY.took(begun.labels(), took);
        }
    }

    /// The task is reported as failed.
    pub(crate) fn failed(&self, cause: WorkflowTaskFailedCause) {
        let Some(begun) = &self.0 else { return };
        let reason = match cause {
            WorkflowTaskFailedCause::NonDeterministicError => "NonDeterminismError",
            _ => "WorkflowError",
        };
        let [namespace, task_queue, workflow_type] = begun.labels();
        telemetry::WORKFLOW_TASK_FAILED.count([namespace, task_queue, workflow_type, reason]);
    }

    /// The service took a task's last command, which may end the run.
    pub(crate) fn completed(&self, last: Option<CommandType>) {
        let Some(begun) = &self.0 else { return };
        let counter = match last {
            Some(CommandType::CompleteWorkflowExecution) => &telemetry::WORKFLOW_COMPLETED,
            Some(CommandType::FailWorkflowExecution) => &telemetry::WORKFLOW_FAILED,
            Some(CommandType::CancelWorkflowExecution) => &telemetry::WORKFLOW_CANCELED,
            Some(CommandType::ContinueAsNewWorkflowExecution) => &telemetry::WORKFLOW_CONTINUE_AS_NEW,
            Some(_) | None => return,
        };
        counter.count(begun.labels());
    }
}
