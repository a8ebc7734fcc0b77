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
    event::{Event, tag},
    failures,
    job::{Job, NexusStartResolution, Outcome},
    operations::{Cancelled, Context, Progress, unexpected},
};

/// One Nexus operation of a run.
#[derive(Debug)]
pub(crate) struct NexusOperation {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl NexusOperation {
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

    pub(crate) fn event_id(&self) -> i64 {
        self.scheduled_event_id
    }

    pub(crate) fn was_never_sent(&self) -> bool {
        self.state == State::NeverSent
    }

    pub(crate) fn describe(&self, command: CommandType) -> String {
        let what = match command {
            CommandType::RequestCancelNexusOperation => "a request to cancel",
            _ => "a schedule of",
        };
        format!("{what} Nexus operation {} of {}", self.operation, self.service)
    }

    pub(crate) fn take_command(
        &mut self,
        command: CommandType,
    ) -> Option<(Attributes, Option<UserMetadata>)> {
        if command == CommandType::RequestCancelNexusOperation {
            let cancel =
                RequestCancelNexusOperationCommandAttributes { scheduled_event_id: self.scheduled_event_id };
            return Some((Attributes::RequestCancelNexusOperationCommandAttributes(Box::new(cancel)), None));
        }
        Some((
            Attributes::ScheduleNexusOperationCommandAttributes(self.attributes.take()?),
            self.user_metadata.take().map(|metadata| *metadata),
        ))
    }

    pub(crate) fn cancel(&mut self, context: &mut Context<'_>) -> Cancelled {
        match self.state {
            State::Commanded => {
                self.state = State::NeverSent;
                let failure = self.cancelled("Nexus Operation cancelled before scheduled");
                self.resolve_start(NexusStartResolution::Failed(failure), context);
                Cancelled::Nothing
            }
            State::Scheduled | State::Started if !self.cancel_commanded => {
                self.cancel_commanded = true;
                if matches!(self.cancellation, NexusCancellation::Abandon | NexusCancellation::TryCancel) {
                    self.state = State::Resolved;
                    let failure = self.cancelled("Nexus operation cancelled after starting");
                    self.resolve(Outcome::Canceled(failure), context);
                }
                if self.cancellation == NexusCancellation::Abandon {
                    Cancelled::Nothing
                } else {
                    Cancelled::Command(CommandType::RequestCancelNexusOperation)
                }
            }
            _ => Cancelled::Nothing,
        }
    }

    pub(crate) fn on_event(&mut self, event: &Event, context: &mut Context<'_>) -> Result<Progress, Error> {
        use EventType as E;
        match (self.state, event.kind()) {
            (State::Commanded, E::NexusOperationScheduled) if event.has(tag::NEXUS_SCHEDULED) => {
                self.state = State::Scheduled;
                self.scheduled_event_id = event.id();
                self.attributes = None;
                self.user_metadata = None;
            }
            (State::Scheduled | State::Started | State::Resolved, E::NexusOperationCancelRequested) => {}
            (State::Scheduled, E::NexusOperationStarted) => {
                let started: NexusOperationStartedEventAttributes = event.attributes(tag::NEXUS_STARTED)?;
                self.state = State::Started;
                self.operation_token.clone_from(&started.operation_token);
                self.resolve_start(NexusStartResolution::StartedAsync(started.operation_token), context);
            }
            (
                State::Scheduled | State::Started,
                E::NexusOperationCompleted
                | E::NexusOperationFailed
                | E::NexusOperationCanceled
                | E::NexusOperationTimedOut,
            ) => self.on_closed(event, context)?,
            (State::Started, E::NexusOperationCancelRequestCompleted)
                if event.has(tag::NEXUS_CANCEL_REQUEST_COMPLETED) =>
            {
                if self.cancellation == NexusCancellation::WaitCancellationRequested {
                    self.state = State::Resolved;
                    let failure = self.cancelled("Nexus operation cancellation request completed");
                    self.resolve(Outcome::Canceled(failure), context);
                }
            }
            (State::Started, E::NexusOperationCancelRequestFailed) => {
                self.on_cancel_request_failed(event, context)?;
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
            ) => {}
            _ => {
                let operation = format!("Nexus operation {}", self.operation);
                return Err(unexpected(event, &operation));
            }
        }
        // Nobody will answer a cancellation request that was never made.
        let is_done = self.state == State::Resolved && !self.cancel_commanded;
        Ok(if is_done { Progress::Closed } else { Progress::Open })
    }

    fn on_closed(&mut self, event: &Event, context: &mut Context<'_>) -> Result<(), Error> {
        let is_started = self.state == State::Started;
        self.state = State::Resolved;
        let (failure, is_cancelled, what) = match event.kind() {
            EventType::NexusOperationCompleted => {
                let completed: NexusOperationCompletedEventAttributes =
                    event.attributes(tag::NEXUS_COMPLETED)?;
                if !is_started {
                    self.resolve_start(NexusStartResolution::StartedSync, context);
                }
                self.resolve(Outcome::Completed(completed.result), context);
                return Ok(());
            }
            EventType::NexusOperationFailed => {
                let failed: NexusOperationFailedEventAttributes = event.attributes(tag::NEXUS_FAILED)?;
                (failed.failure, false, "failed")
            }
            EventType::NexusOperationCanceled => {
                let canceled: NexusOperationCanceledEventAttributes =
                    event.attributes(tag::NEXUS_CANCELED)?;
                (canceled.failure, true, "was cancelled")
            }
            _ => {
                let timed_out: NexusOperationTimedOutEventAttributes =
                    event.attributes(tag::NEXUS_TIMED_OUT)?;
                (timed_out.failure, false, "timed out")
            }
        };
        let failure = Box::new(failure.unwrap_or_else(|| Failure {
            message: format!("Nexus operation {what} but failure field was not populated"),
            ..Failure::default()
        }));
        if !is_started {
            self.resolve_start(NexusStartResolution::Failed(failure), context);
        } else if is_cancelled {
            self.resolve(Outcome::Canceled(failure), context);
        } else {
            self.resolve(Outcome::Failed(failure), context);
        }
        Ok(())
    }

    fn on_cancel_request_failed(&mut self, event: &Event, context: &mut Context<'_>) -> Result<(), Error> {
        let failed: NexusOperationCancelRequestFailedEventAttributes =
            event.attributes(tag::NEXUS_CANCEL_REQUEST_FAILED)?;
        if self.cancellation == NexusCancellation::WaitCancellationRequested {
            let message = "Nexus operation cancellation request failed";
            let cause = failed
                .failure
                .unwrap_or_else(|| Failure { message: message.to_owned(), ..Failure::default() });
            // sdk-core would resolve it again when it closes.
            self.state = State::Resolved;
            let failure = failures::caused(message, self.failure_info(), Some(cause));
            self.resolve(Outcome::Failed(failure), context);
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

    fn resolve_start(&self, resolution: NexusStartResolution, context: &mut Context<'_>) {
        context.jobs.push(Job::NexusStartResolved { seq: self.seq, resolution });
    }

    fn resolve(&self, outcome: Outcome, context: &mut Context<'_>) {
        context.jobs.push(Job::NexusResolved { seq: self.seq, outcome });
    }
}
