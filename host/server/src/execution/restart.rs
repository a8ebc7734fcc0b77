//! Fails the tasks of workers that were part of the process, after a restart. Tokens of other workers stay valid.

use host_wire::temporal::api::{
    enums::v1::WorkflowTaskFailedCause,
    failure::v1::{Failure, ServerFailureInfo, failure::FailureInfo},
};

use crate::execution::{
    activity::attempt::{self, AttemptEnd},
    run::Run,
    run_transition::RunTransition,
    worker::Worker,
    workflow_task::end,
};

const IDENTITY: &str = "history-service";

/// Whether a worker that was part of the process has a task of the run.
pub(crate) fn has_lost_worker(run: &Run) -> bool {
    let mut attempts = run.activities().iter().filter_map(|activity| activity.started.as_ref());
    run.workflow_tasks().started_task().is_some_and(|(_, started)| started.worker.in_process)
        || attempts.any(|started| started.worker.in_process)
}

/// Fails the tasks of such workers: the workflow task is scheduled again, attempts of activities are used up.
pub(crate) fn lose_workers(run: &mut RunTransition<'_>) {
    if run.workflow_tasks().started_task().is_some_and(|(_, started)| started.worker.in_process) {
        let cause = WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure;
        end::fail(run, cause, Some(process_ended()), IDENTITY, "");
    }
    let lost = run
        .activities()
        .iter()
        .filter(|activity| activity.started.as_ref().is_some_and(|started| started.worker.in_process));
    let lost: Vec<i64> = lost.map(|activity| activity.scheduled_event_id).collect();
    for id in lost {
        let failure = Box::new(process_ended());
        let worker = Worker { identity: IDENTITY.to_owned(), ..Worker::default() };
        attempt::end(run, id, AttemptEnd::Failed { failure, heartbeat_details: None }, &worker);
    }
}

fn process_ended() -> Failure {
    Failure {
        message: "the process of the worker ended".to_owned(),
        source: "Server".to_owned(),
        failure_info: Some(FailureInfo::ServerFailureInfo(ServerFailureInfo { non_retryable: false })),
        ..Failure::default()
    }
}
