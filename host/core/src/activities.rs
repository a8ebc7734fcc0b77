//! Activities: scheduled, perhaps cancelled, resolved.

use host_wire::temporal::api::{
    command::v1::{
        RequestCancelActivityTaskCommandAttributes, ScheduleActivityTaskCommandAttributes,
        command::Attributes,
    },
    common::v1::{ActivityType, Payloads},
    enums::v1::{CommandType, EventType, RetryState},
    failure::v1::{ActivityFailureInfo, Failure, failure::FailureInfo},
    history::v1::{
        ActivityTaskCanceledEventAttributes, ActivityTaskFailedEventAttributes,
        ActivityTaskTimedOutEventAttributes,
    },
    sdk::v1::UserMetadata,
};

use crate::{
    command::ActivityCancellation,
    error::Error,
    event::{Event, tag},
    failures,
    fields::{Fields, Value},
    job::{ActivityResolution, Job, Outcome},
    operations::{Cancelled, Context, Progress, unexpected},
};

/// Fields of `ActivityTaskScheduledEventAttributes`, and the one of `ActivityType`.
const ACTIVITY_ID: u32 = 1;
const ACTIVITY_TYPE: u32 = 2;
const NAME: u32 = 1;
/// Field of `ActivityTaskCompletedEventAttributes`.
const RESULT: u32 = 1;

/// One activity of a run.
#[derive(Debug)]
pub(crate) struct Activity {
    seq: u32,
    activity_id: String,
    activity_type: String,
    cancellation: ActivityCancellation,
    state: State,
    scheduled_event_id: i64,
    /// Until it is sent, or found in history.
    attributes: Option<Box<ScheduleActivityTaskCommandAttributes>>,
    user_metadata: Option<Box<UserMetadata>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The command to schedule it is not in history yet.
    Commanded,
    Scheduled,
    Started,
    /// The command to cancel it is not in history yet.
    CancelCommanded {
        started: bool,
    },
    CancelRequested {
        started: bool,
    },
    /// Resolved without waiting for it; what it comes to is ignored.
    Abandoned,
    /// Cancelled before it was sent.
    NeverSent,
}

impl Activity {
    pub(crate) fn new(
        seq: u32,
        mut attributes: Box<ScheduleActivityTaskCommandAttributes>,
        cancellation: ActivityCancellation,
        user_metadata: Option<Box<UserMetadata>>,
    ) -> Self {
        let mut activity_id = std::mem::take(&mut attributes.activity_id);
        if activity_id.is_empty() {
            activity_id = seq.to_string();
        }
        Self {
            seq,
            activity_id,
            activity_type: attributes.activity_type.take().unwrap_or_default().name,
            cancellation,
            state: State::Commanded,
            scheduled_event_id: 0,
            attributes: Some(attributes),
            user_metadata,
        }
    }

    pub(crate) fn event_id(&self) -> i64 {
        self.scheduled_event_id
    }

    pub(crate) fn was_never_sent(&self) -> bool {
        self.state == State::NeverSent
    }

    pub(crate) fn describe(&self, command: CommandType) -> String {
        match command {
            CommandType::RequestCancelActivityTask => {
                format!("a request to cancel activity {}", self.activity_id)
            }
            _ => format!("a schedule of activity {} of type {}", self.activity_id, self.activity_type),
        }
    }

    /// What is sent for it.
    pub(crate) fn take_command(
        &mut self,
        command: CommandType,
    ) -> Option<(Attributes, Option<UserMetadata>)> {
        if command == CommandType::RequestCancelActivityTask {
            let cancel =
                RequestCancelActivityTaskCommandAttributes { scheduled_event_id: self.scheduled_event_id };
            return Some((Attributes::RequestCancelActivityTaskCommandAttributes(Box::new(cancel)), None));
        }
        let mut attributes = self.attributes.take()?;
        attributes.activity_id.clone_from(&self.activity_id);
        attributes.activity_type = Some(ActivityType { name: self.activity_type.clone() });
        Some((
            Attributes::ScheduleActivityTaskCommandAttributes(attributes),
            self.user_metadata.take().map(|metadata| *metadata),
        ))
    }

    /// The guest cancels it.
    pub(crate) fn cancel(&mut self, context: &mut Context<'_>) -> Cancelled {
        let started = match self.state {
            State::Commanded => {
                self.state = State::NeverSent;
                self.resolve_cancelled(ActivityTaskCanceledEventAttributes::default(), context);
                return Cancelled::Nothing;
            }
            State::Scheduled => false,
            State::Started => true,
            State::CancelCommanded { .. }
            | State::CancelRequested { .. }
            | State::Abandoned
            | State::NeverSent => return Cancelled::Nothing,
        };
        if self.cancellation != ActivityCancellation::WaitCancellationCompleted {
            self.resolve_cancelled(ActivityTaskCanceledEventAttributes::default(), context);
        }
        if self.cancellation == ActivityCancellation::Abandon {
            self.state = State::Abandoned;
            return Cancelled::Nothing;
        }
        self.state = State::CancelCommanded { started };
        Cancelled::Command(CommandType::RequestCancelActivityTask)
    }

    pub(crate) fn on_event(&mut self, event: &Event, context: &mut Context<'_>) -> Result<Progress, Error> {
        match (self.state, event.kind()) {
            (State::Commanded, EventType::ActivityTaskScheduled) => {
                self.on_scheduled(event, context)?;
                Ok(Progress::Open)
            }
            (State::Scheduled, EventType::ActivityTaskStarted) => {
                self.state = State::Started;
                Ok(Progress::Open)
            }
            (State::CancelRequested { started: false }, EventType::ActivityTaskStarted) => {
                self.state = State::CancelRequested { started: true };
                Ok(Progress::Open)
            }
            (State::Abandoned, EventType::ActivityTaskStarted) => Ok(Progress::Open),
            (State::CancelCommanded { started }, EventType::ActivityTaskCancelRequested) => {
                self.state = State::CancelRequested { started };
                Ok(Progress::Open)
            }
            (State::CancelRequested { .. }, EventType::ActivityTaskCanceled)
            | (
                State::Started | State::CancelRequested { started: true },
                EventType::ActivityTaskCompleted | EventType::ActivityTaskFailed,
            )
            | (
                State::Scheduled | State::Started | State::CancelRequested { .. },
                EventType::ActivityTaskTimedOut,
            ) => self.on_closed(event, context),
            // sdk-core fails the workflow task when an abandoned activity fails or times out.
            (
                State::Abandoned,
                EventType::ActivityTaskCompleted
                | EventType::ActivityTaskFailed
                | EventType::ActivityTaskTimedOut
                | EventType::ActivityTaskCanceled,
            ) => Ok(Progress::Closed),
            _ => Err(unexpected(event, &format!("activity {}", self.activity_id))),
        }
    }

    fn on_scheduled(&mut self, event: &Event, context: &Context<'_>) -> Result<(), Error> {
        if context.checks_id_and_type {
            let (id, activity_type) = scheduled_id_and_type(event)?;
            if id != self.activity_id.as_bytes() || activity_type != self.activity_type.as_bytes() {
                return Err(Error::nondeterminism(
                    event.id(),
                    format!(
                        "a schedule of activity {} of type {}",
                        String::from_utf8_lossy(id),
                        String::from_utf8_lossy(activity_type)
                    ),
                    self.describe(CommandType::ScheduleActivityTask),
                ));
            }
        } else if !event.has(tag::ACTIVITY_TASK_SCHEDULED) {
            return Err(event.broken("its attributes are those of another type"));
        }
        self.state = State::Scheduled;
        self.scheduled_event_id = event.id();
        self.attributes = None;
        self.user_metadata = None;
        Ok(())
    }

    fn on_closed(&self, event: &Event, context: &mut Context<'_>) -> Result<Progress, Error> {
        let is_resolved = matches!(self.state, State::CancelRequested { .. })
            && self.cancellation == ActivityCancellation::TryCancel;
        let outcome = match event.kind() {
            EventType::ActivityTaskCompleted => {
                // Of this event, one in six of most histories, only the result is decoded.
                let result = event.message(tag::ACTIVITY_TASK_COMPLETED, RESULT)?;
                if is_resolved {
                    return Ok(Progress::Closed);
                }
                Outcome::Completed(failures::single_payload(event, result)?)
            }
            EventType::ActivityTaskFailed => {
                let failed: ActivityTaskFailedEventAttributes =
                    event.attributes(tag::ACTIVITY_TASK_FAILED)?;
                let (retry_state, started) = (failed.retry_state(), failed.started_event_id);
                let info =
                    self.failure_info(failed.identity, retry_state, started, failed.scheduled_event_id);
                Outcome::Failed(failures::caused("Activity task failed", info, failed.failure))
            }
            EventType::ActivityTaskTimedOut => {
                let timed_out: ActivityTaskTimedOutEventAttributes =
                    event.attributes(tag::ACTIVITY_TASK_TIMED_OUT)?;
                let info = self.failure_info(
                    String::new(),
                    timed_out.retry_state(),
                    timed_out.started_event_id,
                    timed_out.scheduled_event_id,
                );
                Outcome::Failed(failures::caused("Activity task timed out", info, timed_out.failure))
            }
            _ => {
                let canceled: ActivityTaskCanceledEventAttributes =
                    event.attributes(tag::ACTIVITY_TASK_CANCELED)?;
                if !is_resolved {
                    self.resolve_cancelled(canceled, context);
                }
                return Ok(Progress::Closed);
            }
        };
        if !is_resolved {
            context.jobs.push(Job::ActivityResolved {
                seq: self.seq,
                resolution: ActivityResolution::Outcome(outcome),
                is_local: false,
            });
        }
        Ok(Progress::Closed)
    }

    fn resolve_cancelled(&self, canceled: ActivityTaskCanceledEventAttributes, context: &mut Context<'_>) {
        let info = self.failure_info(
            canceled.identity,
            RetryState::CancelRequested,
            canceled.started_event_id,
            canceled.scheduled_event_id,
        );
        let failure =
            failures::caused("Activity cancelled", info, Some(failures::canceled(canceled.details)));
        context.jobs.push(Job::ActivityResolved {
            seq: self.seq,
            resolution: ActivityResolution::Outcome(Outcome::Canceled(failure)),
            is_local: false,
        });
    }

    fn failure_info(
        &self,
        identity: String,
        retry_state: RetryState,
        started_event_id: i64,
        scheduled_event_id: i64,
    ) -> FailureInfo {
        FailureInfo::ActivityFailureInfo(ActivityFailureInfo {
            identity,
            activity_type: Some(ActivityType { name: self.activity_type.clone() }),
            activity_id: self.activity_id.clone(),
            retry_state: retry_state.into(),
            started_event_id,
            scheduled_event_id,
        })
    }
}

/// Activity id and type of an `ActivityTaskScheduled` event; the rest of it, such as the arguments,
/// is of no interest.
fn scheduled_id_and_type(event: &Event) -> Result<(&[u8], &[u8]), Error> {
    if !event.has(tag::ACTIVITY_TASK_SCHEDULED) {
        return Err(event.broken("its attributes are those of another type"));
    }
    let (mut id, mut name): (&[u8], &[u8]) = (&[], &[]);
    for field in Fields::new(event.encoded_attributes()) {
        match field.map_err(|error| event.unreadable(&error))? {
            (ACTIVITY_ID, Value::Bytes(value)) => id = value,
            (ACTIVITY_TYPE, Value::Bytes(activity_type)) => {
                for field in Fields::new(activity_type) {
                    if let (NAME, Value::Bytes(value)) = field.map_err(|error| event.unreadable(&error))? {
                        name = value;
                    }
                }
            }
            _ => {}
        }
    }
    Ok((id, name))
}

/// The failure of a local activity that was cancelled or timed out, as the guest gets it.
pub(crate) fn local_activity_failure(
    message: &str,
    activity_id: &str,
    activity_type: &str,
    cause: Failure,
) -> Box<Failure> {
    let info = FailureInfo::ActivityFailureInfo(ActivityFailureInfo {
        activity_type: Some(ActivityType { name: activity_type.to_owned() }),
        activity_id: activity_id.to_owned(),
        retry_state: RetryState::CancelRequested.into(),
        ..ActivityFailureInfo::default()
    });
    failures::caused(message, info, Some(cause))
}

/// What a failure says was cancelled, with details.
pub(crate) fn cancelled_activity(details: Option<Payloads>) -> Failure {
    Failure { message: "Activity cancelled".to_owned(), ..failures::canceled(details) }
}
