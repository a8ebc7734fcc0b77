//! What a restart ends: attempts of workers that were part of the process. Others may still answer,
//! their tokens stay valid.

use host_wire::temporal::api::{
    enums::v1::WorkflowTaskFailedCause,
    failure::v1::{Failure, ServerFailureInfo, failure::FailureInfo},
};

use crate::execution::{activity::AttemptEnd, run::Run, run_transition::RunTransition, worker::Worker};

const IDENTITY: &str = "history-service";

impl Run {
    /// Whether a worker that was part of the process has a task of the run.
    pub(crate) fn has_lost_worker(&self) -> bool {
        self.started_task().is_some_and(|(_, started)| started.worker.in_process)
            || self
                .activities
                .values()
                .any(|activity| activity.started.as_ref().is_some_and(|started| started.worker.in_process))
    }
}

impl RunTransition<'_> {
    /// Fails what such workers had: workflow tasks are scheduled again, attempts of activities are
    /// used up.
    pub(crate) fn lose_workers(&mut self) {
        if self.state.started_task().is_some_and(|(_, started)| started.worker.in_process) {
            let cause = WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure;
            self.fail_task(cause, Some(process_ended()), IDENTITY, "");
        }
        let lost = self.state.activities.iter().filter(|(_, activity)| {
            activity.started.as_ref().is_some_and(|started| started.worker.in_process)
        });
        let lost: Vec<i64> = lost.map(|(id, _)| *id).collect();
        for id in lost {
            let failure = Box::new(process_ended());
            let worker = Worker { identity: IDENTITY.to_owned(), ..Worker::default() };
            self.end_attempt(id, AttemptEnd::Failed { failure, heartbeat_details: None }, &worker);
        }
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
