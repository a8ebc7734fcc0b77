//! The run timeout and the execution timeout.

use host_wire::{
    EventAttributes,
    temporal::api::{
        enums::v1::{RetryState, TimeoutType},
        failure::v1::{Failure, TimeoutFailureInfo, failure::FailureInfo},
        history::v1::WorkflowExecutionTimedOutEventAttributes,
    },
};

use crate::execution::{
    run_transition::{Effect, RunTransition},
    successor::{retry_or_cron, run_id_of},
    workflow_task::end,
};

/// Times out the run. Its retry policy or its cron schedule may start another, while the execution timeout allows.
pub(crate) fn time_out(run: &mut RunTransition<'_>) {
    end::force_closed(run);
    let failure = Failure {
        message: "workflow timeout".to_owned(),
        source: "Server".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: TimeoutType::StartToClose.into(),
            last_heartbeat_details: None,
        })),
        ..Failure::default()
    };
    let expired = run.start().execution_expires();
    let (retry_state, next) = if expired.is_some_and(|expired| expired <= run.now()) {
        (RetryState::Timeout, None)
    } else {
        let new_run_id = run.new_id();
        retry_or_cron(run, &failure, run.now(), new_run_id)
    };
    let new_execution_run_id = run_id_of(next.as_deref());
    run.record(EventAttributes::WorkflowExecutionTimedOutEventAttributes(Box::new(
        WorkflowExecutionTimedOutEventAttributes { retry_state: retry_state.into(), new_execution_run_id },
    )));
    if let Some(next) = next {
        run.effect(Effect::Continue(next));
    }
}
