//! Signals to other workflows.

use host_wire::temporal::api::{
    command::v1::{SignalExternalWorkflowExecutionCommandAttributes, command::Attributes},
    enums::v1::{CommandType, EventType, SignalExternalWorkflowExecutionFailedCause},
    failure::v1::{CanceledFailureInfo, Failure, failure::FailureInfo},
    history::v1::SignalExternalWorkflowExecutionFailedEventAttributes,
    sdk::v1::UserMetadata,
};

use crate::{
    error::Error,
    failures,
    history::Event,
    job::Job,
    operation::{Cancelled, Context, NewCommand, Operation, Progress, states},
};

/// A signal to another workflow.
#[derive(Debug)]
pub(crate) struct SignalExternal {
    seq: u32,
    state: State,
    initiated_event_id: i64,
    /// Until it is sent, or found in history.
    attributes: Option<Box<SignalExternalWorkflowExecutionCommandAttributes>>,
    user_metadata: Option<Box<UserMetadata>>,
}

states! {
    /// Where a signal stands.
    enum State {
        /// The command is not in history yet.
        Commanded,
        Initiated,
        /// Cancelled before it was sent.
        NeverSent,
    }
}

/// What an event does to a signal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transition {
    Initiate,
    Deliver,
    Fail,
}

impl SignalExternal {
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

    fn resolve(&self, failure: Option<Box<Failure>>, jobs: &mut Vec<Job>) {
        jobs.push(Job::ExternalSignalResolved { seq: self.seq, failure });
    }
}

impl Operation for SignalExternal {
    type State = State;
    type Transition = Transition;

    const BEGINS_WITH: Option<CommandType> = Some(CommandType::SignalExternalWorkflowExecution);

    fn name(&self) -> String {
        format!("external signal {}", self.seq)
    }

    fn describe(&self, _: CommandType) -> String {
        match &self.attributes {
            Some(attributes) => format!("a signal {} to another workflow", attributes.signal_name),
            None => "a signal to another workflow".to_owned(),
        }
    }

    fn command(&mut self, _: CommandType) -> Option<NewCommand> {
        Some(NewCommand {
            attributes: Attributes::SignalExternalWorkflowExecutionCommandAttributes(
                self.attributes.take()?,
            ),
            user_metadata: self.user_metadata.take().map(|metadata| *metadata),
        })
    }

    fn cancel(&mut self, _: String, jobs: &mut Vec<Job>) -> Cancelled {
        if self.state == State::Commanded {
            self.state = State::NeverSent;
            let info = FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default());
            self.resolve(Some(failures::caused("Signal was cancelled before being sent", info, None)), jobs);
        }
        Cancelled::Nothing
    }

    fn state(&self) -> State {
        self.state
    }

    fn transition(state: State, event: EventType) -> Option<Transition> {
        use EventType as E;
        Some(match (state, event) {
            (State::Commanded, E::SignalExternalWorkflowExecutionInitiated) => Transition::Initiate,
            (State::Initiated, E::ExternalWorkflowExecutionSignaled) => Transition::Deliver,
            (State::Initiated, E::SignalExternalWorkflowExecutionFailed) => Transition::Fail,
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
            Transition::Initiate => {
                self.state = State::Initiated;
                self.initiated_event_id = event.id();
                self.attributes = None;
                self.user_metadata = None;
                return Ok(Progress::Open);
            }
            Transition::Deliver => self.resolve(None, context.jobs),
            Transition::Fail => {
                let failed: SignalExternalWorkflowExecutionFailedEventAttributes = event.attributes()?;
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
                self.resolve(Some(failures::application(message, format!("{cause:?}"))), context.jobs);
            }
        }
        Ok(Progress::Closed)
    }

    fn was_never_sent(&self) -> bool {
        self.state == State::NeverSent
    }

    fn event_id(&self) -> Option<i64> {
        Some(self.initiated_event_id)
    }
}
