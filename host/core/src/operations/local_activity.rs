//! One local activity: run by the worker within a workflow task, recorded by a marker.
//!
//! In replay nothing runs: the marker of the coming task resolves the activity in the very activation
//! in which it was resolved before, which the marker names by its index within the task.

use std::time::Duration;

use host_wire::temporal::api::{
    command::v1::{RecordMarkerCommandAttributes, command::Attributes},
    common::v1::{ActivityType, Payload},
    enums::v1::{CommandType, EventType, RetryState},
    failure::v1::{ActivityFailureInfo, Failure, failure::FailureInfo},
};
use prost_types::Timestamp;

use crate::{
    api::LocalActivityResult,
    command::{self, ActivityCancellation},
    error::Error,
    failures,
    history::{
        Event, Flag,
        markers::{self, LocalActivityData, LocalActivityMarker, Marker},
    },
    job::{ActivityResolution, Job, LocalActivityBackoff, Outcome},
    operation::{Cancelled, Context, NewCommand, Operation, Progress, states, unexpected},
};

const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// One local activity of a run.
#[derive(Debug)]
pub(crate) struct LocalActivity {
    seq: u32,
    activity: Box<command::LocalActivity>,
    state: State,
    is_replayed: bool,
    scheduled_at: Timestamp,
    marker: Option<Box<RecordMarkerCommandAttributes>>,
}

states! {
    /// Where a local activity stands.
    enum State {
        /// The worker runs it, or is about to.
        Requested,
        /// Resolved; the command to record its marker is not in history yet.
        MarkerCommanded { kind: ResultKind },
        /// In replay: no marker was found yet.
        AwaitingMarker,
        /// In replay: resolved by a marker that is still to come.
        ResolvedByMarker,
    }
}

states! {
    /// What a local activity was resolved with.
    enum ResultKind {
        Completed,
        Failed,
        Canceled,
    }
}

/// What a marker does to a local activity.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transition {
    /// It is the one that resolved the activity, or was commanded: it has to say the same.
    Record,
    /// It is not: history is broken.
    Refuse,
}

/// How a local activity closed, as the worker, a marker or a cancellation says.
#[derive(Clone, Debug)]
pub(crate) struct Resolution {
    result: Result<Option<Payload>, Failure>,
    complete_time: Option<Timestamp>,
    attempt: u32,
    backoff: Option<prost_types::Duration>,
    original_schedule_time: Option<Timestamp>,
    pub(crate) activation_index: Option<u64>,
    /// The marker's event, if a marker says it.
    event_id: i64,
}

impl Resolution {
    pub(crate) fn from_marker(event_id: i64, marker: LocalActivityMarker) -> Self {
        Self {
            event_id,
            complete_time: marker.data.complete_time(),
            attempt: marker.data.attempt,
            backoff: marker.data.backoff(),
            original_schedule_time: marker.data.original_schedule_time(),
            activation_index: marker.data.activation_index,
            result: marker.result,
        }
    }
}

/// What resolving a local activity leads to, beside its job.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// The time is now at least this.
    pub(crate) time: Option<Timestamp>,
    /// A marker is to be recorded.
    pub(crate) records_marker: bool,
}

impl LocalActivity {
    pub(crate) fn new(
        seq: u32,
        mut activity: Box<command::LocalActivity>,
        is_replaying: bool,
        now: Timestamp,
    ) -> Self {
        if activity.activity_id.is_empty() {
            activity.activity_id = seq.to_string();
        }
        Self {
            seq,
            activity,
            state: if is_replaying { State::AwaitingMarker } else { State::Requested },
            is_replayed: is_replaying,
            scheduled_at: now,
            marker: None,
        }
    }

    /// What the worker has to run.
    pub(crate) fn activity(&self) -> &command::LocalActivity {
        &self.activity
    }

    pub(crate) fn awaits_marker(&self) -> bool {
        self.state == State::AwaitingMarker
    }

    /// After replay: what the worker has to run, if no marker was found.
    pub(crate) fn request(&mut self) -> Option<command::LocalActivity> {
        if !self.awaits_marker() {
            return None;
        }
        self.state = State::Requested;
        self.is_replayed = false;
        Some((*self.activity).clone())
    }

    /// The resolution of a cancellation that does not wait, or comes before the start.
    pub(crate) fn cancelled(&self, activation_index: u64) -> Resolution {
        Resolution {
            result: Err(Failure {
                message: "Activity cancelled".to_owned(),
                ..failures::canceled(None)
            }),
            complete_time: None,
            attempt: self.activity.attempt,
            backoff: None,
            original_schedule_time: self.activity.original_schedule_time,
            activation_index: Some(activation_index),
            event_id: 0,
        }
    }

    /// The resolution of the worker's answer.
    pub(crate) fn resolution(&self, result: LocalActivityResult, activation_index: u64) -> Resolution {
        Resolution {
            complete_time: Some(later(self.scheduled_at, result.runtime)),
            attempt: result.attempt,
            backoff: result.backoff.map(protocol_duration),
            original_schedule_time: result.original_schedule_time,
            activation_index: Some(activation_index),
            event_id: 0,
            result: match result.outcome {
                Outcome::Completed(payload) => Ok(payload),
                Outcome::Failed(failure) | Outcome::Canceled(failure) => Err(*failure),
            },
        }
    }

    /// Resolves it, by what the worker or a marker says. What comes twice is ignored.
    pub(crate) fn resolve(
        &mut self,
        resolution: Resolution,
        is_marker: bool,
        jobs: &mut Vec<Job>,
    ) -> Result<Resolved, Error> {
        match (self.state, is_marker) {
            (State::Requested, false) => {
                self.state = State::MarkerCommanded { kind: kind_of(&resolution) };
            }
            (State::AwaitingMarker, true) => self.state = State::ResolvedByMarker,
            (State::MarkerCommanded { .. }, false) => return Ok(Resolved::default()),
            _ => {
                return Err(Error::broken(
                    resolution.event_id,
                    format!("a marker of local activity {}, which runs", self.activity.activity_id),
                ));
            }
        }
        if !self.is_replayed {
            self.marker = Some(Box::new(self.new_marker(&resolution)));
        }
        let time = resolution.complete_time;
        jobs.push(Job::ActivityResolved {
            seq: self.seq,
            resolution: self.job_resolution(resolution),
            is_local: true,
        });
        Ok(Resolved { time, records_marker: !self.is_replayed })
    }

    fn job_resolution(&self, resolution: Resolution) -> ActivityResolution {
        if let Some(backoff) = resolution.backoff {
            return ActivityResolution::Backoff(LocalActivityBackoff {
                attempt: resolution.attempt + 1,
                backoff,
                original_schedule_time: resolution.original_schedule_time,
            });
        }
        let kind = kind_of(&resolution);
        ActivityResolution::Outcome(match resolution.result {
            Ok(payload) => Outcome::Completed(payload),
            Err(failure) => {
                let wrap = |message, failure| {
                    failures::caused(message, self.failure_info(), Some(failure))
                };
                match &failure.failure_info {
                    Some(FailureInfo::CanceledFailureInfo(_)) => {
                        Outcome::Canceled(wrap("Local Activity cancelled", failure))
                    }
                    Some(FailureInfo::TimeoutFailureInfo(_)) => {
                        Outcome::Failed(wrap("Local Activity timed out", failure))
                    }
                    _ if kind == ResultKind::Canceled => Outcome::Canceled(Box::new(failure)),
                    _ => Outcome::Failed(Box::new(failure)),
                }
            }
        })
    }

    fn new_marker(&self, resolution: &Resolution) -> RecordMarkerCommandAttributes {
        let mut data = LocalActivityData::new(
            self.seq,
            resolution.attempt,
            self.activity.activity_id.clone(),
            self.activity.activity_type.clone(),
        )
        .with_times(resolution.complete_time, resolution.backoff, resolution.original_schedule_time);
        data.activation_index = resolution.activation_index;
        let (result, failure) = match &resolution.result {
            Ok(payload) => (payload.clone(), None),
            Err(failure) => (None, Some(failure.clone())),
        };
        let input = self.activity.include_arguments_in_marker.then(|| self.activity.arguments.clone());
        RecordMarkerCommandAttributes {
            marker_name: markers::LOCAL_ACTIVITY_MARKER_NAME.to_owned(),
            details: markers::local_activity_details(&data, result, input),
            header: None,
            failure,
        }
    }

    /// Whether its marker is the answer to a command, rather than one that resolved it in replay.
    pub(crate) fn has_command(&self) -> bool {
        matches!(self.state, State::MarkerCommanded { .. })
    }

    fn failure_info(&self) -> FailureInfo {
        FailureInfo::ActivityFailureInfo(ActivityFailureInfo {
            activity_type: Some(ActivityType { name: self.activity.activity_type.clone() }),
            activity_id: self.activity.activity_id.clone(),
            retry_state: RetryState::CancelRequested.into(),
            ..ActivityFailureInfo::default()
        })
    }

    /// Whether a marker says what the activity was resolved with.
    fn agrees_with(&self, marker: &LocalActivityMarker) -> bool {
        match (self.state, &marker.result) {
            (State::MarkerCommanded { kind: ResultKind::Completed }, Err(_))
            | (State::MarkerCommanded { kind: ResultKind::Failed }, Ok(_)) => false,
            (
                State::MarkerCommanded { .. }
                | State::ResolvedByMarker
                | State::Requested
                | State::AwaitingMarker,
                _,
            ) => true,
        }
    }

    /// Its marker is in history.
    fn on_marker(&self, event: &Event, marker: &LocalActivityMarker, checks: bool) -> Result<(), Error> {
        let own = self.name();
        if !self.agrees_with(marker) {
            return Err(Error::nondeterminism(event.id(), format!("{own} with another outcome"), own));
        }
        let LocalActivityData { seq, activity_id, activity_type, .. } = &marker.data;
        let differs =
            *activity_id != self.activity.activity_id || *activity_type != self.activity.activity_type;
        if *seq != self.seq || checks && differs {
            return Err(Error::nondeterminism(
                event.id(),
                event.words(),
                own,
            ));
        }
        Ok(())
    }
}

impl Operation for LocalActivity {
    type State = State;
    type Transition = Transition;

    /// The command to record its marker comes when it is resolved.
    const BEGINS_WITH: Option<CommandType> = None;

    fn name(&self) -> String {
        format!(
            "a marker of local activity {} of type {}",
            self.activity.activity_id, self.activity.activity_type
        )
    }

    fn describe(&self, _: CommandType) -> String {
        self.name()
    }

    fn command(&mut self, _: CommandType) -> Option<NewCommand> {
        Some(NewCommand {
            attributes: Attributes::RecordMarkerCommandAttributes(self.marker.take()?),
            user_metadata: self.activity.user_metadata.take(),
        })
    }

    fn cancel(&mut self, _: String, _: &mut Vec<Job>) -> Cancelled {
        match (self.state, self.activity.cancellation) {
            (State::MarkerCommanded { .. }, _) => Cancelled::Nothing,
            (State::Requested, ActivityCancellation::TryCancel) => Cancelled::ResolveLocal { and_stop: true },
            (State::Requested, ActivityCancellation::Abandon) => Cancelled::ResolveLocal { and_stop: false },
            (State::Requested, ActivityCancellation::WaitCancellationCompleted)
            | (State::AwaitingMarker | State::ResolvedByMarker, _) => Cancelled::StopLocal,
        }
    }

    fn state(&self) -> State {
        self.state
    }

    fn transition(state: State, event: EventType) -> Option<Transition> {
        if event != EventType::MarkerRecorded {
            return None;
        }
        Some(match state {
            State::MarkerCommanded { .. } | State::ResolvedByMarker => Transition::Record,
            State::Requested | State::AwaitingMarker => Transition::Refuse,
        })
    }

    fn apply(
        &mut self,
        transition: Transition,
        event: &Event,
        context: &mut Context<'_>,
    ) -> Result<Progress, Error> {
        let Some(Marker::LocalActivity(marker)) = Marker::of(event)? else {
            return Err(unexpected(event, &self.name()));
        };
        match transition {
            Transition::Record => {
                let checks = context.position.holds(Flag::ChecksIdAndType, !self.is_replayed);
                self.on_marker(event, &marker, checks)?;
                Ok(Progress::Closed)
            }
            Transition::Refuse => Err(event.broken("a marker of a local activity that is not resolved")),
        }
    }
}

fn kind_of(resolution: &Resolution) -> ResultKind {
    let is_cancelled =
        |failure: &Failure| matches!(failure.failure_info, Some(FailureInfo::CanceledFailureInfo(_)));
    match &resolution.result {
        Ok(_) => ResultKind::Completed,
        Err(failure) if is_cancelled(failure) || failure.cause.as_deref().is_some_and(is_cancelled) => {
            ResultKind::Canceled
        }
        Err(_) => ResultKind::Failed,
    }
}

/// A time, and so much later.
fn later(time: Timestamp, duration: Duration) -> Timestamp {
    let nanos = u32::try_from(time.nanos).unwrap_or_default() + duration.subsec_nanos();
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    Timestamp {
        seconds: time.seconds.saturating_add(seconds).saturating_add(i64::from(nanos / NANOS_PER_SECOND)),
        nanos: (nanos % NANOS_PER_SECOND).cast_signed(),
    }
}

fn protocol_duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: duration.subsec_nanos().cast_signed(),
    }
}
