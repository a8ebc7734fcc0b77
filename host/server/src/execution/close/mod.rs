//! Closing a run other than by its own commands.

pub(crate) mod cancel;
pub(crate) mod complete;
pub(crate) mod continue_as_new;
pub(crate) mod fail;
pub(crate) mod terminate;

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::Payloads,
        enums::v1::{RetryState, TimeoutType},
        failure::v1::{Failure, TimeoutFailureInfo, failure::FailureInfo},
        history::v1::{WorkflowExecutionTerminatedEventAttributes, WorkflowExecutionTimedOutEventAttributes},
    },
};

use crate::{
    execution::{
        run_transition::{Effect, RunTransition},
        successor::retry_run,
    },
    time::Time,
};

impl RunTransition<'_> {
    /// Ends the run, whatever it does.
    pub(crate) fn terminate(&mut self, reason: &str, details: Option<Payloads>, identity: &str) {
        self.force_task_closed();
        self.record(EventAttributes::WorkflowExecutionTerminatedEventAttributes(Box::new(
            WorkflowExecutionTerminatedEventAttributes {
                reason: reason.to_owned(),
                details,
                identity: identity.to_owned(),
            },
        )));
    }

    /// The run's time is over.
    pub(crate) fn time_out_run(&mut self) {
        self.force_task_closed();
        let failure = Failure {
            message: "workflow timeout".to_owned(),
            source: "Server".to_owned(),
            failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
                timeout_type: TimeoutType::StartToClose.into(),
                last_heartbeat_details: None,
            })),
            ..Failure::default()
        };
        let expired = self.state.start.workflow_execution_expiration_time.map(Time::from);
        let next = if expired.is_some_and(|expired| expired <= self.now) {
            Err(RetryState::Timeout)
        } else {
            let new_run_id = self.new_id();
            retry_run(self.state, &failure, self.now, || new_run_id)
        };
        let (retry_state, new_execution_run_id) = match &next {
            Ok(next) => (RetryState::InProgress, next.identity.run_id.clone()),
            Err(state) => (*state, String::new()),
        };
        self.record(EventAttributes::WorkflowExecutionTimedOutEventAttributes(Box::new(
            WorkflowExecutionTimedOutEventAttributes {
                retry_state: retry_state.into(),
                new_execution_run_id,
            },
        )));
        if let Ok(next) = next {
            self.effect(Effect::Continue(next));
        }
    }
}
