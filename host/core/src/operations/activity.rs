//! Activities: scheduled, perhaps cancelled, resolved.

use host_wire::{
    ScheduledActivity, activity_result,
    temporal::api::{
        command::v1::{
            RequestCancelActivityTaskCommandAttributes, ScheduleActivityTaskCommandAttributes,
            command::Attributes,
        },
        common::v1::ActivityType,
        enums::v1::{CommandType, EventType, RetryState},
        failure::v1::{ActivityFailureInfo, failure::FailureInfo},
        history::v1::{
            ActivityTaskCanceledEventAttributes, ActivityTaskFailedEventAttributes,
            ActivityTaskTimedOutEventAttributes,
        },
        sdk::v1::UserMetadata,
    },
};

use crate::{
    command::ActivityCancellation,
    error::Error,
    failures,
    history::Event,
    job::{ActivityResolution, Job, Outcome},
    operation::{Cancelled, Context, NewCommand, Operation, Progress, states},
};

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

states! {
    /// Where an activity stands.
    enum State {
        /// The command to schedule it is not in history yet.
        Commanded,
        Scheduled,
        Started,
        /// The command to cancel it is not in history yet.
        CancelCommanded { started: bool },
        CancelRequested { started: bool },
        /// Resolved without waiting for it; how it closes is ignored.
        Abandoned,
        /// Cancelled before it was sent.
        NeverSent,
    }
}

/// What an event does to an activity.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transition {
    Schedule,
    /// It is in this state now, and nothing else happens.
    Enter(State),
    Complete,
    Fail,
    TimeOut,
    Cancel,
    /// It was abandoned, and closes.
    Forget,
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
}

impl Operation for Activity {
    type State = State;
    type Transition = Transition;

    const BEGINS_WITH: Option<CommandType> = Some(CommandType::ScheduleActivityTask);

    fn name(&self) -> String {
        format!("activity {}", self.activity_id)
    }

    fn describe(&self, command: CommandType) -> String {
        if command == CommandType::RequestCancelActivityTask {
            format!("a request to cancel activity {}", self.activity_id)
        } else {
            format!("a schedule of activity {} of type {}", self.activity_id, self.activity_type)
        }
    }

    fn command(&mut self, command: CommandType) -> Option<NewCommand> {
        if command == CommandType::RequestCancelActivityTask {
            let cancel =
                RequestCancelActivityTaskCommandAttributes { scheduled_event_id: self.scheduled_event_id };
            return Some(Attributes::RequestCancelActivityTaskCommandAttributes(Box::new(cancel)).into());
        }
        let mut attributes = self.attributes.take()?;
        attributes.activity_id.clone_from(&self.activity_id);
        attributes.activity_type = Some(ActivityType { name: self.activity_type.clone() });
        Some(NewCommand {
            attributes: Attributes::ScheduleActivityTaskCommandAttributes(attributes),
            user_metadata: self.user_metadata.take().map(|metadata| *metadata),
        })
    }

    fn cancel(&mut self, _: String, jobs: &mut Vec<Job>) -> Cancelled {
        let started = match self.state {
            State::Commanded => {
                self.state = State::NeverSent;
                self.resolve_cancelled(ActivityTaskCanceledEventAttributes::default(), jobs);
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
            self.resolve_cancelled(ActivityTaskCanceledEventAttributes::default(), jobs);
        }
        if self.cancellation == ActivityCancellation::Abandon {
            self.state = State::Abandoned;
            return Cancelled::Nothing;
        }
        self.state = State::CancelCommanded { started };
        Cancelled::Command(CommandType::RequestCancelActivityTask)
    }

    fn state(&self) -> State {
        self.state
    }

    fn transition(state: State, event: EventType) -> Option<Transition> {
        use EventType as E;
        Some(match (state, event) {
            (State::Commanded, E::ActivityTaskScheduled) => Transition::Schedule,
            (State::Scheduled, E::ActivityTaskStarted) => Transition::Enter(State::Started),
            (State::CancelRequested { started: false }, E::ActivityTaskStarted) => {
                Transition::Enter(State::CancelRequested { started: true })
            }
            (State::Abandoned, E::ActivityTaskStarted) => Transition::Enter(State::Abandoned),
            (State::CancelCommanded { started }, E::ActivityTaskCancelRequested) => {
                Transition::Enter(State::CancelRequested { started })
            }
            (State::CancelRequested { .. }, E::ActivityTaskCanceled) => Transition::Cancel,
            (State::Started | State::CancelRequested { started: true }, E::ActivityTaskCompleted) => {
                Transition::Complete
            }
            (State::Started | State::CancelRequested { started: true }, E::ActivityTaskFailed) => {
                Transition::Fail
            }
            (
                State::Scheduled | State::Started | State::CancelRequested { .. },
                E::ActivityTaskTimedOut,
            ) => Transition::TimeOut,
            // sdk-core fails the workflow task when an abandoned activity fails or times out.
            (
                State::Abandoned,
                E::ActivityTaskCompleted
                | E::ActivityTaskFailed
                | E::ActivityTaskTimedOut
                | E::ActivityTaskCanceled,
            ) => Transition::Forget,
            _ => return None,
        })
    }

    fn apply(
        &mut self,
        transition: Transition,
        event: &Event,
        context: &mut Context<'_>,
    ) -> Result<Progress, Error> {
        match transition {
            Transition::Schedule => {
                self.on_scheduled(event, context)?;
                return Ok(Progress::Open);
            }
            Transition::Enter(state) => {
                self.state = state;
                return Ok(Progress::Open);
            }
            Transition::Complete => self.on_completed(event, context.jobs)?,
            Transition::Fail => self.on_failed(event, context.jobs)?,
            Transition::TimeOut => self.on_timed_out(event, context.jobs)?,
            Transition::Cancel => self.resolve_cancelled(event.attributes()?, context.jobs),
            Transition::Forget => {}
        }
        Ok(Progress::Closed)
    }

    fn was_never_sent(&self) -> bool {
        self.state == State::NeverSent
    }

    fn event_id(&self) -> Option<i64> {
        Some(self.scheduled_event_id)
    }
}

impl Activity {
    fn on_scheduled(&mut self, event: &Event, context: &Context<'_>) -> Result<(), Error> {
        if !event.has(EventType::ActivityTaskScheduled) {
            return Err(event.has_other_attributes());
        }
        if context.checks_id_and_type() {
            self.check_id_and_type(event)?;
        }
        self.state = State::Scheduled;
        self.scheduled_event_id = event.id();
        self.attributes = None;
        self.user_metadata = None;
        Ok(())
    }

    fn check_id_and_type(&self, event: &Event) -> Result<(), Error> {
        let ScheduledActivity { activity_id, activity_type } =
            event.read(ScheduledActivity::of)?.unwrap_or_default();
        if activity_id == self.activity_id.as_bytes() && activity_type == self.activity_type.as_bytes() {
            return Ok(());
        }
        Err(Error::nondeterminism(
            event.id(),
            event.words(),
            self.describe(CommandType::ScheduleActivityTask),
        ))
    }

    /// Whether the guest was told that it is cancelled before it closed.
    fn is_resolved(&self) -> bool {
        matches!(self.state, State::CancelRequested { .. })
            && self.cancellation == ActivityCancellation::TryCancel
    }

    fn resolve(&self, outcome: Outcome, jobs: &mut Vec<Job>) {
        if !self.is_resolved() {
            jobs.push(Job::ActivityResolved {
                seq: self.seq,
                resolution: ActivityResolution::Outcome(outcome),
                is_local: false,
            });
        }
    }

    fn on_completed(&self, event: &Event, jobs: &mut Vec<Job>) -> Result<(), Error> {
        if !event.has(EventType::ActivityTaskCompleted) {
            return Err(event.has_other_attributes());
        }
        // Of this event, one in six of most histories, only the result is decoded.
        let result = event.read(activity_result)?;
        if !self.is_resolved() {
            self.resolve(Outcome::Completed(failures::single_payload(event, result)?), jobs);
        }
        Ok(())
    }

    fn on_failed(&self, event: &Event, jobs: &mut Vec<Job>) -> Result<(), Error> {
        let failed: ActivityTaskFailedEventAttributes = event.attributes()?;
        let (retry_state, started) = (failed.retry_state(), failed.started_event_id);
        let info = self.failure_info(failed.identity, retry_state, started, failed.scheduled_event_id);
        self.resolve(Outcome::Failed(failures::caused("Activity task failed", info, failed.failure)), jobs);
        Ok(())
    }

    fn on_timed_out(&self, event: &Event, jobs: &mut Vec<Job>) -> Result<(), Error> {
        let timed_out: ActivityTaskTimedOutEventAttributes = event.attributes()?;
        let info = self.failure_info(
            String::new(),
            timed_out.retry_state(),
            timed_out.started_event_id,
            timed_out.scheduled_event_id,
        );
        let failure = failures::caused("Activity task timed out", info, timed_out.failure);
        self.resolve(Outcome::Failed(failure), jobs);
        Ok(())
    }

    fn resolve_cancelled(&self, canceled: ActivityTaskCanceledEventAttributes, jobs: &mut Vec<Job>) {
        let info = self.failure_info(
            canceled.identity,
            RetryState::CancelRequested,
            canceled.started_event_id,
            canceled.scheduled_event_id,
        );
        let failure =
            failures::caused("Activity cancelled", info, Some(failures::canceled(canceled.details)));
        self.resolve(Outcome::Canceled(failure), jobs);
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
