//! Nexus operations that are not closed, and the calls of their handlers.

use host_wire::temporal::api::{
    failure::v1::Failure,
    history::v1::{NexusOperationScheduledEventAttributes, NexusOperationStartedEventAttributes},
};
use prost::Message;

use crate::{
    execution::{
        deadline::Deadline,
        fact::AttemptFailed,
        open::{Item, Open},
    },
    limits,
    time::{Time, positive},
};

/// The attempts of one kind of call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Call {
    /// Attempts that ended.
    pub(crate) ended: i32,
    /// When the current attempt could begin, or when it can.
    pub(crate) attempt_time: Time,
    /// Whether that is still to come.
    pub(crate) backing_off: bool,
    pub(crate) last_attempt_end: Option<Time>,
    pub(crate) last_failure: Option<Failure>,
}

impl Call {
    fn new(time: Time) -> Self {
        Self { attempt_time: time, ..Self::default() }
    }
}

/// A cancellation that the workflow requested.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cancellation {
    pub(crate) requested_event_id: i64,
    /// When the handler could be called: once the operation was started.
    pub(crate) time: Option<Time>,
    pub(crate) call: Call,
    /// Whether the handler took the request; none while that is open.
    pub(crate) outcome: Option<Result<(), Failure>>,
}

/// An operation that is not closed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) scheduled: Box<NexusOperationScheduledEventAttributes>,
    pub(crate) scheduled_event_id: i64,
    pub(crate) scheduled_time: Time,
    pub(crate) start: Call,
    /// What the handler calls the operation, once it started it.
    pub(crate) token: Option<String>,
    pub(crate) cancellation: Option<Cancellation>,
}

/// Which call an operation needs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Start,
    Cancel,
}

impl Operation {
    fn new(id: i64, time: Time, scheduled: &NexusOperationScheduledEventAttributes) -> Self {
        Self {
            scheduled: Box::new(scheduled.clone()),
            scheduled_event_id: id,
            scheduled_time: time,
            start: Call::new(time),
            token: None,
            cancellation: None,
        }
    }

    /// The call that is not answered yet, also while it backs off; none while the operation runs.
    pub(crate) fn open_call(&self) -> Option<(CallKind, &Call)> {
        if self.token.is_none() {
            return Some((CallKind::Start, &self.start));
        }
        let cancellation = self.cancellation.as_ref().filter(|it| it.outcome.is_none())?;
        Some((CallKind::Cancel, &cancellation.call))
    }

    fn open_call_mut(&mut self) -> Option<&mut Call> {
        if self.token.is_none() {
            return Some(&mut self.start);
        }
        let cancellation = self.cancellation.as_mut().filter(|it| it.outcome.is_none())?;
        Some(&mut cancellation.call)
    }

    /// The call for which the handler is waited.
    pub(crate) fn current_call(&self) -> Option<(CallKind, &Call)> {
        self.open_call().filter(|(_, call)| !call.backing_off)
    }

    /// The end of the schedule-to-close timeout.
    pub(crate) fn expires(&self) -> Option<Time> {
        positive(self.scheduled.schedule_to_close_timeout).map(|timeout| self.scheduled_time.after(timeout))
    }
}

impl Item for Operation {
    fn next_deadline(&self) -> Option<(Time, Deadline)> {
        let id = self.scheduled_event_id;
        let expires = self.expires().map(|time| (time, Deadline::NexusTimeout(id)));
        let call = self.open_call().map(|(_, call)| {
            if call.backing_off {
                (call.attempt_time, Deadline::NexusRetry(id))
            } else {
                (call.attempt_time.after(limits::NEXUS_REQUEST_TIMEOUT), Deadline::NexusRequest(id))
            }
        });
        // Of what is due at one time, the first.
        expires.into_iter().chain(call).min_by_key(|(time, _)| *time)
    }

    fn kept_bytes(&self) -> usize {
        let of_cancellation = self.cancellation.as_ref().map(|it| &it.call);
        [Some(&self.start), of_cancellation]
            .into_iter()
            .flatten()
            .map(|call| call.last_failure.as_ref().map_or(0, Message::encoded_len))
            .sum()
    }
}

/// The open operations of a run, by the id of their scheduled event.
pub(crate) type Operations = Open<Operation>;

impl Operations {
    pub(in crate::execution) fn scheduled(
        &mut self,
        id: i64,
        time: Time,
        scheduled: &NexusOperationScheduledEventAttributes,
    ) {
        self.insert(id, Operation::new(id, time, scheduled));
    }

    /// A cancellation that was requested before is sent now.
    pub(in crate::execution) fn started(
        &mut self,
        time: Time,
        started: &NexusOperationStartedEventAttributes,
    ) {
        self.change(started.scheduled_event_id, |operation| {
            operation.token = Some(started.operation_token.clone());
            operation.start.ended += 1;
            operation.start.backing_off = false;
            operation.start.last_attempt_end = Some(time);
            operation.start.last_failure = None;
            if let Some(cancellation) = &mut operation.cancellation {
                cancellation.time = Some(time);
                cancellation.call = Call::new(time);
            }
        });
    }

    pub(in crate::execution) fn cancel_requested(&mut self, event_id: i64, time: Time, id: i64) {
        self.change(id, |operation| {
            operation.cancellation = Some(Cancellation {
                requested_event_id: event_id,
                time: operation.token.is_some().then_some(time),
                call: Call::new(time),
                outcome: None,
            });
        });
    }

    /// The handler took or refused the request to cancel.
    pub(in crate::execution) fn cancel_answered(
        &mut self,
        time: Time,
        id: i64,
        outcome: Result<(), Failure>,
    ) {
        self.change(id, |operation| {
            if let Some(cancellation) = &mut operation.cancellation {
                cancellation.call.ended += 1;
                cancellation.call.last_attempt_end = Some(time);
                cancellation.call.last_failure = outcome.clone().err();
                cancellation.outcome = Some(outcome);
            }
        });
    }

    /// An attempt of the open call failed, and there will be another.
    pub(in crate::execution) fn attempt_failed(&mut self, failed: &AttemptFailed) {
        self.change(failed.scheduled_event_id, |operation| {
            let Some(call) = operation.open_call_mut() else { return };
            call.ended += 1;
            call.last_attempt_end = failed.time.map(Time::from);
            call.attempt_time = failed.next_time.map(Time::from).unwrap_or_default();
            call.backing_off = true;
            call.last_failure.clone_from(&failed.failure);
        });
    }

    /// The backoff of the open call is over.
    pub(in crate::execution) fn ready(&mut self, id: i64) {
        self.change(id, |operation| {
            if let Some(call) = operation.open_call_mut() {
                call.backing_off = false;
            }
        });
    }

    /// A reset made the run: calls begin anew.
    pub(in crate::execution) fn reset(&mut self, time: Time) {
        self.change_all(|operation| {
            operation.start.attempt_time = operation.start.attempt_time.max(time);
            if let Some(cancellation) = &mut operation.cancellation {
                cancellation.call.attempt_time = cancellation.call.attempt_time.max(time);
            }
        });
    }
}
