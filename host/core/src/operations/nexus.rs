//! Nexus operations: their start is resolved, then they are.

use host_wire::temporal::api::{
    command::v1::{
        RequestCancelNexusOperationCommandAttributes, ScheduleNexusOperationCommandAttributes,
        command::Attributes,
    },
    enums::v1::{CommandType, EventType},
    failure::v1::{Failure, NexusOperationFailureInfo, failure::FailureInfo},
    history::v1::{
        NexusOperationCancelRequestFailedEventAttributes, NexusOperationCanceledEventAttributes,
        NexusOperationCompletedEventAttributes, NexusOperationFailedEventAttributes,
        NexusOperationStartedEventAttributes, NexusOperationTimedOutEventAttributes,
    },
    sdk::v1::UserMetadata,
};

use crate::{
    command::NexusCancellation,
    error::Error,
    failures,
    history::Event,
    job::{Job, NexusStartResolution, Outcome},
    operation::{Cancelled, Context, NewCommand, Operation, Progress, states, unexpected},
};

/// One Nexus operation of a run.
#[derive(Debug)]
pub(crate) struct Nexus {
    seq: u32,
    endpoint: String,
    service: String,
    operation: String,
    operation_token: String,
    cancellation: NexusCancellation,
    state: State,
    cancel_commanded: bool,
    scheduled_event_id: i64,
    /// Until it is sent, or found in history.
    attributes: Option<Box<ScheduleNexusOperationCommandAttributes>>,
    user_metadata: Option<Box<UserMetadata>>,
}

states! {
    /// Where a Nexus operation stands.
    enum State {
        /// The command to schedule it is not in history yet.
        Commanded,
        Scheduled,
        Started,
        /// Resolved; what still comes is ignored. A cancellation request may be answered after the
        /// operation itself, so it stays known.
        Resolved,
        /// Cancelled before it was sent.
        NeverSent,
    }
}

/// What an event does to a Nexus operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transition {
    Schedule,
    Start,
    Complete,
    Fail,
    Cancel,
    TimeOut,
    /// The handler was asked to cancel.
    AnswerCancelRequest,
    /// The handler could not be asked to cancel.
    FailCancelRequest,
    /// The operation is resolved, or the event is recorded for a command: nothing changes.
    Ignore,
}

impl Nexus {
    pub(crate) fn new(
        seq: u32,
        attributes: Box<ScheduleNexusOperationCommandAttributes>,
        cancellation: NexusCancellation,
        user_metadata: Option<Box<UserMetadata>>,
    ) -> Self {
        Self {
            seq,
            endpoint: attributes.endpoint.clone(),
            service: attributes.service.clone(),
            operation: attributes.operation.clone(),
            operation_token: String::new(),
            cancellation,
            state: State::Commanded,
            cancel_commanded: false,
            scheduled_event_id: 0,
            attributes: Some(attributes),
            user_metadata,
        }
    }
}

impl Operation for Nexus {
    type State = State;
    type Transition = Transition;

    const BEGINS_WITH: Option<CommandType> = Some(CommandType::ScheduleNexusOperation);

    fn name(&self) -> String {
        format!("Nexus operation {}", self.operation)
    }

    fn describe(&self, command: CommandType) -> String {
        let what = if command == CommandType::RequestCancelNexusOperation {
            "a request to cancel"
        } else {
            "a schedule of"
        };
        format!("{what} Nexus operation {} of {}", self.operation, self.service)
    }

    fn command(&mut self, command: CommandType) -> Option<NewCommand> {
        if command == CommandType::RequestCancelNexusOperation {
            let cancel =
                RequestCancelNexusOperationCommandAttributes { scheduled_event_id: self.scheduled_event_id };
            return Some(Attributes::RequestCancelNexusOperationCommandAttributes(Box::new(cancel)).into());
        }
        Some(NewCommand {
            attributes: Attributes::ScheduleNexusOperationCommandAttributes(self.attributes.take()?),
            user_metadata: self.user_metadata.take().map(|metadata| *metadata),
        })
    }

    fn cancel(&mut self, _: String, jobs: &mut Vec<Job>) -> Cancelled {
        match self.state {
            State::Commanded => {
                self.state = State::NeverSent;
                let failure = self.cancelled("Nexus Operation cancelled before scheduled");
                self.resolve_start(NexusStartResolution::Failed(failure), jobs);
                Cancelled::Nothing
            }
            State::Scheduled | State::Started if !self.cancel_commanded => {
                self.cancel_commanded = true;
                if matches!(self.cancellation, NexusCancellation::Abandon | NexusCancellation::TryCancel) {
                    self.state = State::Resolved;
                    let failure = self.cancelled("Nexus operation cancelled after starting");
                    self.resolve(Outcome::Canceled(failure), jobs);
                }
                if self.cancellation == NexusCancellation::Abandon {
                    Cancelled::Nothing
                } else {
                    Cancelled::Command(CommandType::RequestCancelNexusOperation)
                }
            }
            State::Scheduled | State::Started | State::Resolved | State::NeverSent => Cancelled::Nothing,
        }
    }

    fn state(&self) -> State {
        self.state
    }

    fn transition(state: State, event: EventType) -> Option<Transition> {
        use EventType as E;
        Some(match (state, event) {
            (State::Commanded, E::NexusOperationScheduled) => Transition::Schedule,
            (State::Scheduled, E::NexusOperationStarted) => Transition::Start,
            (State::Scheduled | State::Started, E::NexusOperationCompleted) => Transition::Complete,
            (State::Scheduled | State::Started, E::NexusOperationFailed) => Transition::Fail,
            (State::Scheduled | State::Started, E::NexusOperationCanceled) => Transition::Cancel,
            (State::Scheduled | State::Started, E::NexusOperationTimedOut) => Transition::TimeOut,
            (State::Started, E::NexusOperationCancelRequestCompleted) => Transition::AnswerCancelRequest,
            (State::Started, E::NexusOperationCancelRequestFailed) => Transition::FailCancelRequest,
            (State::Scheduled | State::Started | State::Resolved, E::NexusOperationCancelRequested) => {
                Transition::Ignore
            }
            // sdk-core refuses an abandoned operation that closes; here it may.
            (
                State::Resolved,
                E::NexusOperationStarted
                | E::NexusOperationCompleted
                | E::NexusOperationFailed
                | E::NexusOperationCanceled
                | E::NexusOperationTimedOut
                | E::NexusOperationCancelRequestCompleted
                | E::NexusOperationCancelRequestFailed,
            ) => Transition::Ignore,
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
                if !event.has(EventType::NexusOperationScheduled) {
                    return Err(unexpected(event, &self.name()));
                }
                self.state = State::Scheduled;
                self.scheduled_event_id = event.id();
                self.attributes = None;
                self.user_metadata = None;
            }
            Transition::Start => {
                let started: NexusOperationStartedEventAttributes = event.attributes()?;
                self.state = State::Started;
                self.operation_token.clone_from(&started.operation_token);
                let resolution = NexusStartResolution::StartedAsync(started.operation_token);
                self.resolve_start(resolution, context.jobs);
            }
            Transition::Complete => {
                let completed: NexusOperationCompletedEventAttributes = event.attributes()?;
                if self.state == State::Scheduled {
                    self.resolve_start(NexusStartResolution::StartedSync, context.jobs);
                }
                self.state = State::Resolved;
                self.resolve(Outcome::Completed(completed.result), context.jobs);
            }
            Transition::Fail => {
                let failed: NexusOperationFailedEventAttributes = event.attributes()?;
                self.on_failed(failed.failure, "failed", Outcome::Failed, context.jobs);
            }
            Transition::Cancel => {
                let canceled: NexusOperationCanceledEventAttributes = event.attributes()?;
                self.on_failed(canceled.failure, "was cancelled", Outcome::Canceled, context.jobs);
            }
            Transition::TimeOut => {
                let timed_out: NexusOperationTimedOutEventAttributes = event.attributes()?;
                self.on_failed(timed_out.failure, "timed out", Outcome::Failed, context.jobs);
            }
            Transition::AnswerCancelRequest => {
                if !event.has(EventType::NexusOperationCancelRequestCompleted) {
                    return Err(unexpected(event, &self.name()));
                }
                if self.cancellation == NexusCancellation::WaitCancellationRequested {
                    self.state = State::Resolved;
                    let failure = self.cancelled("Nexus operation cancellation request completed");
                    self.resolve(Outcome::Canceled(failure), context.jobs);
                }
            }
            Transition::FailCancelRequest => self.on_cancel_request_failed(event, context.jobs)?,
            Transition::Ignore => {}
        }
        // A cancellation request that was never made is never answered.
        let is_done = self.state == State::Resolved && !self.cancel_commanded;
        Ok(if is_done { Progress::Closed } else { Progress::Open })
    }

    fn was_never_sent(&self) -> bool {
        self.state == State::NeverSent
    }

    fn event_id(&self) -> Option<i64> {
        Some(self.scheduled_event_id)
    }
}

impl Nexus {
    /// It closes without a result. If it has not started, its start is what fails.
    fn on_failed(
        &mut self,
        failure: Option<Failure>,
        what: &str,
        outcome: fn(Box<Failure>) -> Outcome,
        jobs: &mut Vec<Job>,
    ) {
        let failure = Box::new(failure.unwrap_or_else(|| Failure {
            message: format!("Nexus operation {what} but failure field was not populated"),
            ..Failure::default()
        }));
        if self.state == State::Started {
            self.resolve(outcome(failure), jobs);
        } else {
            self.resolve_start(NexusStartResolution::Failed(failure), jobs);
        }
        self.state = State::Resolved;
    }

    fn on_cancel_request_failed(&mut self, event: &Event, jobs: &mut Vec<Job>) -> Result<(), Error> {
        let failed: NexusOperationCancelRequestFailedEventAttributes = event.attributes()?;
        if self.cancellation == NexusCancellation::WaitCancellationRequested {
            let message = "Nexus operation cancellation request failed";
            let cause = failed
                .failure
                .unwrap_or_else(|| Failure { message: message.to_owned(), ..Failure::default() });
            // sdk-core would resolve it again when it closes.
            self.state = State::Resolved;
            let failure = failures::caused(message, self.failure_info(), Some(cause));
            self.resolve(Outcome::Failed(failure), jobs);
        }
        Ok(())
    }

    fn cancelled(&self, message: &str) -> Box<Failure> {
        failures::caused(message, self.failure_info(), Some(failures::canceled(None)))
    }

    fn failure_info(&self) -> FailureInfo {
        FailureInfo::NexusOperationExecutionFailureInfo(NexusOperationFailureInfo {
            scheduled_event_id: self.scheduled_event_id,
            endpoint: self.endpoint.clone(),
            service: self.service.clone(),
            operation: self.operation.clone(),
            operation_token: self.operation_token.clone(),
            ..NexusOperationFailureInfo::default()
        })
    }

    fn resolve_start(&self, resolution: NexusStartResolution, jobs: &mut Vec<Job>) {
        jobs.push(Job::NexusStartResolved { seq: self.seq, resolution });
    }

    fn resolve(&self, outcome: Outcome, jobs: &mut Vec<Job>) {
        jobs.push(Job::NexusResolved { seq: self.seq, outcome });
    }
}
