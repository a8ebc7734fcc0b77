//! The metrics of the host.

use crate::metric::{Counter, Description, Gauge, Histogram, Kind, Unit};

/// Defines metrics, and [`ALL`], the list of them.
macro_rules! metrics {
    ($(
        #[doc = $doc:literal]
        $type:ident $metric:ident = $name:literal [$($label:ident),*] $unit:ident;
    )*) => {
        $(
            #[doc = $doc]
            pub static $metric: $type<{ [$(stringify!($label)),*].len() }> =
                $type { name: $name, labels: [$(stringify!($label)),*] };
        )*

        /// Every metric of the host, but those of workflows.
        pub const ALL: &[Description] = &[$(Description {
            name: $name,
            kind: Kind::$type,
            unit: Unit::$unit,
            labels: &[$(stringify!($label)),*],
            description: $doc.trim_ascii(),
        }),*];
    };
}

metrics! {
    // Calls of a worker, as sdk-core names them.
    /// Calls of the service by workers, polls not included.
    Counter REQUEST = "temporal_request" [namespace, operation] Count;
    /// Those that failed.
    Counter REQUEST_FAILURE = "temporal_request_failure" [namespace, operation, status_code] Count;
    /// How long they took.
    Histogram REQUEST_LATENCY = "temporal_request_latency" [namespace, operation] Milliseconds;
    /// Polls of workers.
    Counter LONG_REQUEST = "temporal_long_request" [namespace, operation] Count;
    /// Those that failed.
    Counter LONG_REQUEST_FAILURE = "temporal_long_request_failure" [namespace, operation, status_code] Count;
    /// How long they took.
    Histogram LONG_REQUEST_LATENCY = "temporal_long_request_latency" [namespace, operation] Milliseconds;

    // Workers.
    /// Workers that have started: one for each task queue.
    Counter WORKER_START = "temporal_worker_start" [namespace, task_queue] Count;
    /// Polls that are open now; poller types: workflow_task, activity_task.
    Gauge NUM_POLLERS = "temporal_num_pollers" [namespace, task_queue, poller_type] Count;
    /// Tasks that could begin now; worker types: WorkflowWorker, ActivityWorker.
    Gauge TASK_SLOTS_AVAILABLE = "temporal_worker_task_slots_available" [namespace, task_queue, worker_type] Count;
    /// Tasks that are worked on now.
    Gauge TASK_SLOTS_USED = "temporal_worker_task_slots_used" [namespace, task_queue, worker_type] Count;

    // Workflow tasks.
    /// Polls that brought a workflow task.
    Counter WORKFLOW_TASK_POLL_SUCCEED = "temporal_workflow_task_queue_poll_succeed" [namespace, task_queue] Count;
    /// Polls for workflow tasks that ended without one.
    Counter WORKFLOW_TASK_POLL_EMPTY = "temporal_workflow_task_queue_poll_empty" [namespace, task_queue] Count;
    /// From a workflow task's schedule to its start, by the clock of the service.
    Histogram WORKFLOW_TASK_SCHEDULE_TO_START = "temporal_workflow_task_schedule_to_start_latency" [namespace, task_queue, workflow_type] Milliseconds;
    /// From a workflow task's arrival to its answer, replay included.
    Histogram WORKFLOW_TASK_EXECUTION = "temporal_workflow_task_execution_latency" [namespace, task_queue, workflow_type] Milliseconds;
    /// The same of tasks whose run had to be replayed.
    Histogram WORKFLOW_TASK_REPLAY = "temporal_workflow_task_replay_latency" [namespace, task_queue, workflow_type] Milliseconds;
    /// Workflow tasks that failed; reasons: NonDeterminismError, WorkflowError.
    Counter WORKFLOW_TASK_FAILED = "temporal_workflow_task_execution_failed" [namespace, task_queue, workflow_type, failure_reason] Count;

    // Workflows.
    /// Runs that completed.
    Counter WORKFLOW_COMPLETED = "temporal_workflow_completed" [namespace, task_queue, workflow_type] Count;
    /// Runs that failed.
    Counter WORKFLOW_FAILED = "temporal_workflow_failed" [namespace, task_queue, workflow_type] Count;
    /// Runs that were cancelled.
    Counter WORKFLOW_CANCELED = "temporal_workflow_canceled" [namespace, task_queue, workflow_type] Count;
    /// Runs that continued as new ones.
    Counter WORKFLOW_CONTINUE_AS_NEW = "temporal_workflow_continue_as_new" [namespace, task_queue, workflow_type] Count;

    // The cache of runs, which the workers of a host share.
    /// Workflow tasks that found their run in the cache.
    Counter STICKY_CACHE_HIT = "temporal_sticky_cache_hit" [namespace, task_queue] Count;
    /// Workflow tasks whose run was not in the cache, and had to be replayed.
    Counter STICKY_CACHE_MISS = "temporal_sticky_cache_miss" [namespace, task_queue] Count;
    /// Runs in the cache now.
    Gauge STICKY_CACHE_SIZE = "temporal_sticky_cache_size" [namespace] Count;
    /// Runs that left the cache because it was full.
    Counter STICKY_CACHE_EVICTION = "temporal_sticky_cache_total_forced_eviction" [namespace] Count;
    /// Guest memory of the idle runs in the cache.
    Gauge CACHE_BYTES = "host_cache_bytes" [namespace] Bytes;
    /// Workflow tasks that wait for a module that executes them.
    Gauge PARKED_TASKS = "host_parked_workflow_tasks" [namespace, task_queue] Count;

    // Swaps.
    /// What was done to modules, as `host modules log` names it.
    Counter MODULE_ACTIONS = "host_module_actions" [action] Count;
    /// Workflow tasks of the canary, by their first attempt; outcomes: completed, failed.
    Counter CANARY_TASKS = "host_canary_workflow_tasks" [outcome] Count;
    /// Runs of the canary that ended by themselves or timed out; outcomes: completed, failed, timed_out.
    Counter CANARY_RUNS = "host_canary_workflows" [outcome] Count;
    /// Workflow tasks that were shown to the shadow; outcomes: followed, dropped.
    Counter SHADOW_TASKS = "host_shadow_workflow_tasks" [outcome] Count;
    /// Runs of which the shadow knows a verdict; verdicts: agrees, differs, cannot_tell.
    Counter SHADOW_RUNS = "host_shadow_workflows" [verdict] Count;

    // Activities.
    /// Polls for activities that ended without one.
    Counter ACTIVITY_POLL_NO_TASK = "temporal_activity_poll_no_task" [namespace, task_queue] Count;
    /// Activity tasks that came, by polls or eagerly.
    Counter ACTIVITY_TASK_RECEIVED = "temporal_activity_task_received" [namespace, task_queue, activity_type] Count;
    /// From an attempt's schedule to its start, by the clock of the service.
    Histogram ACTIVITY_SCHEDULE_TO_START = "temporal_activity_schedule_to_start_latency" [namespace, task_queue, activity_type] Milliseconds;
    /// From an attempt's arrival to its outcome.
    Histogram ACTIVITY_EXECUTION = "temporal_activity_execution_latency" [namespace, task_queue, activity_type] Milliseconds;
    /// Attempts that failed.
    Counter ACTIVITY_FAILED = "temporal_activity_execution_failed" [namespace, task_queue, activity_type] Count;
    /// From an activity's schedule to its success, all attempts together.
    Histogram ACTIVITY_SUCCEED = "temporal_activity_succeed_endtoend_latency" [namespace, task_queue, activity_type] Milliseconds;

    // The embedded service, as Temporal's server names them.
    /// Calls of the embedded service.
    Counter SERVICE_REQUESTS = "service_requests" [service_name, operation] Count;
    /// Those that failed for a reason that is not the caller's.
    Counter SERVICE_ERRORS = "service_errors" [service_name, operation] Count;
    /// All that failed, by the code of gRPC.
    Counter SERVICE_ERRORS_WITH_TYPE = "service_error_with_type" [service_name, operation, error_type] Count;
    /// How long calls took; polls wait for tasks.
    Histogram SERVICE_LATENCY = "service_latency" [service_name, operation] Milliseconds;
    /// Runs that completed.
    Counter SERVICE_WORKFLOW_SUCCESS = "workflow_success" [namespace, operation] Count;
    /// Runs that failed.
    Counter SERVICE_WORKFLOW_FAILED = "workflow_failed" [namespace, operation] Count;
    /// Runs that timed out.
    Counter SERVICE_WORKFLOW_TIMEOUT = "workflow_timeout" [namespace, operation] Count;
    /// Runs that were terminated.
    Counter SERVICE_WORKFLOW_TERMINATE = "workflow_terminate" [namespace, operation] Count;
    /// Runs that were cancelled.
    Counter SERVICE_WORKFLOW_CANCEL = "workflow_cancel" [namespace, operation] Count;
    /// Runs that continued as new ones.
    Counter SERVICE_WORKFLOW_CONTINUED = "workflow_continued_as_new" [namespace, operation] Count;
    /// Groups of transitions that were written to the log and synced.
    Counter PERSISTENCE_REQUESTS = "persistence_requests" [operation] Count;
    /// How long writing and syncing a group took.
    Histogram PERSISTENCE_LATENCY = "persistence_latency" [operation] Milliseconds;
    /// Transitions of such a group.
    Histogram LOG_GROUP = "host_log_group_transitions" [operation] Count;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_prometheus_each_once() {
        let mut names: Vec<&str> = ALL.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for metric in ALL {
            let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(is_plain(metric.name), "{}", metric.name);
            assert!(metric.labels.iter().all(|label| is_plain(label)), "{}", metric.name);
            assert!(!metric.description.is_empty(), "{}", metric.name);
        }
    }
}
