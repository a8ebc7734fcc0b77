//! One local activity: run by the worker within a workflow task, recorded by a marker.
//!
//! In replay nothing runs: the marker of the coming task resolves the activity in the very activation
//! in which it was resolved before, which the marker names by its index within the task.

use std::time::Duration;

use host_wire::temporal::api::{
    command::v1::{RecordMarkerCommandAttributes, command::Attributes},
    common::v1::Payload,
    failure::v1::{Failure, failure::FailureInfo},
    sdk::v1::UserMetadata,
};
use prost_types::Timestamp;

use crate::{
    activities,
    command::{ActivityCancellation, LocalActivity},
    error::Error,
    event::Event,
    job::{ActivityResolution, Job, LocalActivityBackoff, Outcome},
    markers::{self, LocalActivityData, LocalActivityMarker, Marker},
    operations::{Context, Progress, unexpected},
    step::LocalActivityResult,
};

const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// One local activity of a run.
#[derive(Debug)]
pub(crate) struct LocalActivityMachine {
    seq: u32,
    activity: LocalActivity,
    state: State,
    is_replayed: bool,
    scheduled_at: Timestamp,
    marker: Option<Box<RecordMarkerCommandAttributes>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResultKind {
    Completed,
    Failed,
    Canceled,
}

/// How a local activity came out, from wherever that is known.
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

/// What cancelling a local activity asks of its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LocalCancel {
    Nothing,
    /// Resolve as cancelled, without waiting.
    Resolve {
        and_request: bool,
    },
    /// Stop it if it runs; resolve it if its end is known.
    Request,
}

impl LocalActivityMachine {
    pub(crate) fn new(seq: u32, mut activity: LocalActivity, is_replaying: bool, now: Timestamp) -> Self {
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

    pub(crate) fn activity(&self) -> &LocalActivity {
        &self.activity
    }

    pub(crate) fn describe(&self) -> String {
        format!(
            "a marker of local activity {} of type {}",
            self.activity.activity_id, self.activity.activity_type
        )
    }

    pub(crate) fn take_command(&mut self) -> Option<(Attributes, Option<UserMetadata>)> {
        Some((
            Attributes::RecordMarkerCommandAttributes(self.marker.take()?),
            self.activity.user_metadata.take(),
        ))
    }

    pub(crate) fn awaits_marker(&self) -> bool {
        self.state == State::AwaitingMarker
    }

    /// Replay is over and no marker came: the worker must run it.
    pub(crate) fn request(&mut self) {
        self.state = State::Requested;
        self.is_replayed = false;
    }

    pub(crate) fn cancel(&self) -> LocalCancel {
        match (self.state, self.activity.cancellation) {
            (State::MarkerCommanded { .. }, _) => LocalCancel::Nothing,
            (State::Requested, ActivityCancellation::TryCancel) => LocalCancel::Resolve { and_request: true },
            (State::Requested, ActivityCancellation::Abandon) => LocalCancel::Resolve { and_request: false },
            _ => LocalCancel::Request,
        }
    }

    /// What a cancellation that does not wait, or comes before the start, resolves it with.
    pub(crate) fn cancelled(&self, activation_index: u64) -> Resolution {
        Resolution {
            result: Err(activities::cancelled_activity(None)),
            complete_time: None,
            attempt: self.activity.attempt,
            backoff: None,
            original_schedule_time: self.activity.original_schedule_time,
            activation_index: Some(activation_index),
            event_id: 0,
        }
    }

    /// The worker ran it.
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
                    activities::local_activity_failure(
                        message,
                        &self.activity.activity_id,
                        &self.activity.activity_type,
                        failure,
                    )
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

    /// Its marker is in history.
    pub(crate) fn on_event(&mut self, event: &Event, context: &mut Context<'_>) -> Result<Progress, Error> {
        let Some(Marker::LocalActivity(marker)) = Marker::of(event)? else {
            return Err(unexpected(event, &self.describe()));
        };
        match (self.state, &marker.result) {
            (State::ResolvedByMarker, _)
            | (State::MarkerCommanded { kind: ResultKind::Canceled }, _)
            | (State::MarkerCommanded { kind: ResultKind::Completed }, Ok(_))
            | (State::MarkerCommanded { kind: ResultKind::Failed }, Err(_)) => {}
            (State::MarkerCommanded { .. }, _) => {
                return Err(Error::nondeterminism(
                    event.id(),
                    format!("{} with another outcome", self.describe()),
                    self.describe(),
                ));
            }
            _ => return Err(event.broken("a marker of a local activity that is not resolved")),
        }
        let LocalActivityData { seq, activity_id, activity_type, .. } = &marker.data;
        let differs =
            *activity_id != self.activity.activity_id || *activity_type != self.activity.activity_type;
        if *seq != self.seq || context.checks_id_and_type && differs {
            return Err(Error::nondeterminism(
                event.id(),
                format!("a marker of local activity {activity_id} of type {activity_type}"),
                self.describe(),
            ));
        }
        Ok(Progress::Closed)
    }

    /// Whether it was scheduled while history was replayed, and not run since.
    pub(crate) fn is_replayed(&self) -> bool {
        self.is_replayed
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
