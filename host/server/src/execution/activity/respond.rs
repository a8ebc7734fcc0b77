//! What workers say about activities: completed, failed, cancelled, still alive. By token, or by
//! workflow and activity id.

use host_wire::temporal::api::common::v1::{Payloads, WorkflowExecution};

use crate::{
    error::Error,
    execution::{
        activity::AttemptEnd, executions::Executions, record::RunNumber, request::check_payloads,
        token::TaskToken, transition::Transition, worker::Worker,
    },
};

/// The attempt of an activity that a request speaks of.
#[derive(Debug)]
pub(crate) enum Attempt {
    Token(TaskToken),
    Ids { workflow_id: String, run_id: String, activity_id: String },
}

impl Attempt {
    fn find(&self, executions: &Executions, namespace: &str) -> Result<(RunNumber, i64), Error> {
        match self {
            Self::Token(token) => {
                token.check_activity(executions, namespace)?;
                Ok((token.run, token.scheduled_event_id))
            }
            Self::Ids { workflow_id, run_id, activity_id } => {
                let execution =
                    WorkflowExecution { workflow_id: workflow_id.clone(), run_id: run_id.clone() };
                if activity_id.is_empty() {
                    return Err(Error::invalid("ActivityId is not set on request."));
                }
                let number = executions.find(namespace, Some(&execution))?;
                let run = executions.run(number).ok_or_else(Error::no_activity)?;
                let activity = run.activity_by_id(activity_id).ok_or_else(|| {
                    Error::NotFound(format!("cannot find pending activity with ActivityID {activity_id}"))
                })?;
                if activity.started.is_none() {
                    return Err(Error::no_activity());
                }
                Ok((number, activity.scheduled_event_id))
            }
        }
    }
}

/// The attempt ended.
pub(crate) fn end(
    transition: &mut Transition<'_>,
    namespace: &str,
    attempt: &Attempt,
    end: AttemptEnd,
    worker: &Worker,
) -> Result<(), Error> {
    let (number, id) = attempt.find(transition.executions, namespace)?;
    if let AttemptEnd::Completed(payloads) | AttemptEnd::Canceled(payloads) = &end {
        check_payloads(payloads.as_ref())?;
    }
    let canceled = matches!(end, AttemptEnd::Canceled(_));
    let requested = transition
        .executions
        .run(number)
        .and_then(|run| run.activities.get(&id))
        .is_some_and(|activity| activity.cancel_requested_event_id != 0);
    if canceled && !requested {
        return Err(Error::invalid("ActivityTask is not cancel requested."));
    }
    transition.change(number, |run| run.end_attempt(id, end, worker));
    Ok(())
}

/// The attempt goes on; answers whether the activity should stop.
pub(crate) fn heartbeat(
    transition: &mut Transition<'_>,
    namespace: &str,
    attempt: &Attempt,
    details: Option<Payloads>,
) -> Result<bool, Error> {
    let (number, id) = attempt.find(transition.executions, namespace)?;
    check_payloads(details.as_ref())?;
    let requested = transition.change(number, |run| {
        run.activity_heartbeat(id, details);
        run.state.activities.get(&id).is_some_and(|activity| activity.cancel_requested_event_id != 0)
    });
    Ok(requested.unwrap_or_default())
}
