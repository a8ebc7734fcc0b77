//! Looks up the schedule that a request changes, and works out its step.

use bytes::Bytes;

use crate::{
    error::Error,
    execution::{executions::Executions, loading::NotReady},
    schedule::{
        describe::token,
        state::Schedule,
        step::{self, Change, Plan},
    },
    time::Time,
};

/// A change that also remembers the request.
struct Requested<C> {
    request_id: String,
    change: C,
}

impl<C: Change> Change for Requested<C> {
    fn change(self, schedule: &mut Schedule, now: Time) {
        schedule.note_request(self.request_id);
        self.change.change(schedule, now);
    }
}

/// The step that a request brings; none if it was done before. `names` are those of the namespace, the schedule and
/// the request.
///
/// # Errors
///
/// When there is no such schedule, it was changed since the token was given out, or a run must be loaded first.
pub(crate) fn prepare(
    executions: &Executions,
    names: (&str, &str, &str),
    conflict_token: Option<&Bytes>,
    change: impl Change,
    now: Time,
) -> Result<Option<Plan>, NotReady> {
    let (namespace, schedule_id, request_id) = names;
    executions.check_namespace(namespace)?;
    let found = executions.schedules.find(namespace, schedule_id)?;
    let (_, schedule) = found.ok_or_else(Error::no_schedule)?;
    if schedule.has_request(request_id) {
        return Ok(None);
    }
    if conflict_token.is_some_and(|expected| *expected != token(schedule)) {
        return Err(Error::FailedPrecondition("mismatched conflict token".to_owned()).into());
    }
    let change = Requested { request_id: request_id.to_owned(), change };
    step::plan(executions, schedule, change, now).map(Some)
}
