//! Other workflows: signals and cancellation requests to them.

use host_wire::temporal::api::{
    command::v1::{
        RequestCancelExternalWorkflowExecutionCommandAttributes,
        SignalExternalWorkflowExecutionCommandAttributes, command::Attributes,
    },
    enums::v1::{
        CancelExternalWorkflowExecutionFailedCause, EventType, SignalExternalWorkflowExecutionFailedCause,
    },
    failure::v1::{ApplicationFailureInfo, CanceledFailureInfo, Failure, failure::FailureInfo},
    history::v1::{
        RequestCancelExternalWorkflowExecutionFailedEventAttributes,
        SignalExternalWorkflowExecutionFailedEventAttributes,
    },
    sdk::v1::UserMetadata,
};

use crate::{
    error::Error,
    event::{Event, tag},
    failures,
    job::Job,
    operations::{Cancelled, Context, Progress, unexpected},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The command is not in history yet.
    Commanded,
    Initiated,
    /// Cancelled before it was sent.
    NeverSent,
}

/// A signal to another workflow.
#[derive(Debug)]
pub(crate) struct ExternalSignal {
    seq: u32,
    state: State,
    initiated_event_id: i64,
    /// Until it is sent, or found in history.
    attributes: Option<Box<SignalExternalWorkflowExecutionCommandAttributes>>,
    user_metadata: Option<Box<UserMetadata>>,
}

impl ExternalSignal {
    pub(crate) fn new(
        seq: u32,
        attributes: Box<SignalExternalWorkflowExecutionCommandAttributes>,
        user_metadata: Option<Box<UserMetadata>>,
    ) -> Self {
        Self {
            seq,
            state: State::Commanded,
            initiated_event_id: 0,
            attributes: Some(attributes),
            user_metadata,
        }
    }

    pub(crate) fn event_id(&self) -> i64 {
        self.initiated_event_id
    }

    pub(crate) fn was_never_sent(&self) -> bool {
        self.state == State::NeverSent
    }

    pub(crate) fn describe(&self) -> String {
        match &self.attributes {
            Some(attributes) => format!("a signal {} to another workflow", attributes.signal_name),
            None => "a signal to another workflow".to_owned(),
        }
    }

    pub(crate) fn take_command(&mut self) -> Option<(Attributes, Option<UserMetadata>)> {
        Some((
            Attributes::SignalExternalWorkflowExecutionCommandAttributes(self.attributes.take()?),
            self.user_metadata.take().map(|metadata| *metadata),
        ))
    }

    pub(crate) fn cancel(&mut self, context: &mut Context<'_>) -> Cancelled {
        if self.state != State::Commanded {
            return Cancelled::Nothing;
        }
        self.state = State::NeverSent;
        let info = FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default());
        self.resolve(Some(failures::caused("Signal was cancelled before being sent", info, None)), context);
        Cancelled::Nothing
    }

    pub(crate) fn on_event(&mut self, event: &Event, context: &mut Context<'_>) -> Result<Progress, Error> {
        match (self.state, event.kind()) {
            (State::Commanded, EventType::SignalExternalWorkflowExecutionInitiated) => {
                self.state = State::Initiated;
                self.initiated_event_id = event.id();
                self.attributes = None;
                self.user_metadata = None;
                Ok(Progress::Open)
            }
            (State::Initiated, EventType::ExternalWorkflowExecutionSignaled) => {
                self.resolve(None, context);
                Ok(Progress::Closed)
            }
            (State::Initiated, EventType::SignalExternalWorkflowExecutionFailed) => {
                let failed: SignalExternalWorkflowExecutionFailedEventAttributes =
                    event.attributes(tag::SIGNAL_EXTERNAL_FAILED)?;
                let cause = failed.cause();
                let reason = match cause {
                    SignalExternalWorkflowExecutionFailedCause::Unspecified => "unknown",
                    SignalExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound
                    | SignalExternalWorkflowExecutionFailedCause::NamespaceNotFound => "it was not found",
                    SignalExternalWorkflowExecutionFailedCause::SignalCountLimitExceeded => {
                        "The per-workflow signal limit was exceeded"
                    }
                };
                let message = format!("Unable to signal external workflow because {reason}");
                let failure = application_failure(message, format!("{cause:?}"));
                self.resolve(Some(failure), context);
                Ok(Progress::Closed)
            }
            _ => Err(unexpected(event, &format!("external signal {}", self.seq))),
        }
    }

    fn resolve(&self, failure: Option<Box<Failure>>, context: &mut Context<'_>) {
        context.jobs.push(Job::ExternalSignalResolved { seq: self.seq, failure });
    }
}

/// A request to another workflow to cancel.
#[derive(Debug)]
pub(crate) struct ExternalCancel {
    /// Nothing when core asks on behalf of a cancelled child: then the guest is not told.
    seq: Option<u32>,
    state: State,
    initiated_event_id: i64,
    /// Until it is sent, or found in history.
    attributes: Option<Box<RequestCancelExternalWorkflowExecutionCommandAttributes>>,
}

impl ExternalCancel {
    pub(crate) fn new(
        seq: Option<u32>,
        attributes: Box<RequestCancelExternalWorkflowExecutionCommandAttributes>,
    ) -> Self {
        Self { seq, state: State::Commanded, initiated_event_id: 0, attributes: Some(attributes) }
    }

    pub(crate) fn event_id(&self) -> i64 {
        self.initiated_event_id
    }

    pub(crate) fn describe(&self) -> String {
        match &self.attributes {
            Some(attributes) => format!("a request to cancel workflow {}", attributes.workflow_id),
            None => "a request to cancel another workflow".to_owned(),
        }
    }

    pub(crate) fn take_command(&mut self) -> Option<(Attributes, Option<UserMetadata>)> {
        let attributes = self.attributes.take()?;
        Some((Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(attributes), None))
    }

    pub(crate) fn on_event(&mut self, event: &Event, context: &mut Context<'_>) -> Result<Progress, Error> {
        match (self.state, event.kind()) {
            (State::Commanded, EventType::RequestCancelExternalWorkflowExecutionInitiated) => {
                self.state = State::Initiated;
                self.initiated_event_id = event.id();
                self.attributes = None;
                Ok(Progress::Open)
            }
            (State::Initiated, EventType::ExternalWorkflowExecutionCancelRequested) => {
                self.resolve(None, context);
                Ok(Progress::Closed)
            }
            (State::Initiated, EventType::RequestCancelExternalWorkflowExecutionFailed) => {
                let failed: RequestCancelExternalWorkflowExecutionFailedEventAttributes =
                    event.attributes(tag::REQUEST_CANCEL_EXTERNAL_FAILED)?;
                let cause = failed.cause();
                let reason = match cause {
                    CancelExternalWorkflowExecutionFailedCause::Unspecified => "unknown",
                    CancelExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound
                    | CancelExternalWorkflowExecutionFailedCause::NamespaceNotFound => "not found",
                };
                let message = format!("Unable to cancel external workflow because {reason}");
                let failure = application_failure(message, format!("{cause:?}"));
                self.resolve(Some(failure), context);
                Ok(Progress::Closed)
            }
            _ => Err(unexpected(event, "request to cancel another workflow")),
        }
    }

    fn resolve(&self, failure: Option<Box<Failure>>, context: &mut Context<'_>) {
        if let Some(seq) = self.seq {
            context.jobs.push(Job::ExternalCancelResolved { seq, failure });
        }
    }
}

fn application_failure(message: String, failure_type: String) -> Box<Failure> {
    let info = FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
        r#type: failure_type,
        ..ApplicationFailureInfo::default()
    });
    failures::caused(message, info, None)
}
