//! Reports of workers about attempts: ended or still alive. They name the attempt by task token, or by workflow id,
//! run id and activity id.

use host_wire::temporal::api::common::v1::{Payloads, WorkflowExecution};

use crate::{
    error::Error,
    execution::{
        activity::{
            attempt::{self, AttemptEnd},
            state::Activity,
        },
        executions::Executions,
        loading::NotReady,
        record::RunNumber,
        request::check_payloads,
        run::Run,
        run_transition::RunTransition,
        token::TaskToken,
        worker::Worker,
    },
};

/// The attempt that a request names.
#[derive(Debug)]
pub(crate) enum Attempt {
    Token(TaskToken),
    Ids { workflow_id: String, run_id: String, activity_id: String },
}

impl Attempt {
    /// Finds the run and the scheduled event id of the activity.
    ///
    /// # Errors
    ///
    /// When no worker has such an attempt, or its run must be loaded first.
    pub(crate) fn find(
        &self,
        executions: &Executions,
        namespace: &str,
    ) -> Result<(RunNumber, i64), NotReady> {
        match self {
            Self::Token(token) => {
                token.check_activity(executions, namespace)?;
                Ok((token.run, token.scheduled_event_id))
            }
            Self::Ids { workflow_id, run_id, activity_id } => {
                let execution =
                    WorkflowExecution { workflow_id: workflow_id.clone(), run_id: run_id.clone() };
                if activity_id.is_empty() {
                    return Err(Error::invalid("ActivityId is not set on request.").into());
                }
                let number = executions.find(namespace, Some(&execution))?;
                let run = executions.get(number).ok_or_else(Error::no_activity)?;
                let activity = run.activities().by_id(activity_id).ok_or_else(|| {
                    Error::NotFound(format!("cannot find pending activity with ActivityID {activity_id}"))
                })?;
                if activity.started.is_none() {
                    return Err(Error::no_activity().into());
                }
                Ok((number, activity.scheduled_event_id))
            }
        }
    }
}

/// Ends the attempt.
///
/// # Errors
///
/// When the payloads are too large, or a worker cancels an activity whose cancellation was not requested.
pub(crate) fn end(
    run: &mut RunTransition<'_>,
    scheduled_event_id: i64,
    end: AttemptEnd,
    worker: &Worker,
) -> Result<(), Error> {
    match &end {
        AttemptEnd::Completed(payloads)
        | AttemptEnd::Canceled(payloads)
        | AttemptEnd::Failed { failure: _, heartbeat_details: payloads } => {
            check_payloads(payloads.as_ref())?;
        }
    }
    if matches!(end, AttemptEnd::Canceled(_)) && !cancel_requested(run, scheduled_event_id) {
        return Err(Error::invalid("ActivityTask is not cancel requested."));
    }
    attempt::end(run, scheduled_event_id, end, worker);
    Ok(())
}

/// What the worker is told with the answer to a heartbeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) cancel_requested: bool,
    pub(crate) is_paused: bool,
    pub(crate) was_reset: bool,
}

/// Keeps a heartbeat; answers what the worker is to know.
///
/// # Errors
///
/// When the details are too large.
pub(crate) fn heartbeat(
    run: &mut RunTransition<'_>,
    scheduled_event_id: i64,
    details: Option<Payloads>,
) -> Result<Told, Error> {
    check_payloads(details.as_ref())?;
    attempt::heartbeat(run, scheduled_event_id, details);
    let activity = run.activities().get(scheduled_event_id);
    Ok(activity.map_or_else(Told::default, |activity| Told {
        cancel_requested: activity.cancel_requested(),
        is_paused: activity.paused.is_some(),
        was_reset: activity.was_reset,
    }))
}

fn cancel_requested(run: &Run, scheduled_event_id: i64) -> bool {
    run.activities().get(scheduled_event_id).is_some_and(Activity::cancel_requested)
}
