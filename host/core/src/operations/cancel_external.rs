//! Requests to other workflows to cancel: the guest's, and core's own to children that the guest cancels.

use host_wire::temporal::api::{
    command::v1::{RequestCancelExternalWorkflowExecutionCommandAttributes, command::Attributes},
    enums::v1::{CancelExternalWorkflowExecutionFailedCause, CommandType, EventType},
    failure::v1::Failure,
    history::v1::RequestCancelExternalWorkflowExecutionFailedEventAttributes,
};

use crate::{
    error::Error,
    failures,
    history::Event,
    job::Job,
    operation::{Cancelled, Context, NewCommand, Operation, Progress, states},
};

/// A request to another workflow to cancel.
#[derive(Debug)]
pub(crate) struct CancelExternal {
    /// Nothing when core asks on behalf of a cancelled child: then the guest is not told.
    seq: Option<u32>,
    state: State,
    initiated_event_id: i64,
    /// Until it is sent, or found in history.
    attributes: Option<Box<RequestCancelExternalWorkflowExecutionCommandAttributes>>,
}

states! {
    /// Where a request stands.
    enum State {
        /// The command is not in history yet.
        Commanded,
        Initiated,
    }
}

/// What an event does to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transition {
    Initiate,
    Deliver,
    Fail,
}

impl CancelExternal {
    /// The guest of the run with this id asks.
    pub(crate) fn new(
        seq: u32,
        mut attributes: Box<RequestCancelExternalWorkflowExecutionCommandAttributes>,
        run_id: &str,
    ) -> Self {
        attributes.reason =
            format!("Cancel requested by workflow with run id {run_id} with reason: {}", attributes.reason);
        Self { seq: Some(seq), ..Self::of_child(attributes) }
    }

    /// Core asks a child that the guest cancelled.
    pub(crate) fn of_child(
        attributes: Box<RequestCancelExternalWorkflowExecutionCommandAttributes>,
    ) -> Self {
        Self { seq: None, state: State::Commanded, initiated_event_id: 0, attributes: Some(attributes) }
    }

    fn resolve(&self, failure: Option<Box<Failure>>, jobs: &mut Vec<Job>) {
        if let Some(seq) = self.seq {
            jobs.push(Job::ExternalCancelResolved { seq, failure });
        }
    }
}

impl Operation for CancelExternal {
    type State = State;
    type Transition = Transition;

    const BEGINS_WITH: Option<CommandType> = Some(CommandType::RequestCancelExternalWorkflowExecution);

    fn name(&self) -> String {
        "request to cancel another workflow".to_owned()
    }

    fn describe(&self, _: CommandType) -> String {
        match &self.attributes {
            Some(attributes) => format!("a request to cancel workflow {}", attributes.workflow_id),
            None => "a request to cancel another workflow".to_owned(),
        }
    }

    fn command(&mut self, _: CommandType) -> Option<NewCommand> {
        let attributes = self.attributes.take()?;
        Some(Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(attributes).into())
    }

    fn cancel(&mut self, _: String, _: &mut Vec<Job>) -> Cancelled {
        Cancelled::Nothing
    }

    fn state(&self) -> State {
        self.state
    }

    fn transition(state: State, event: EventType) -> Option<Transition> {
        use EventType as E;
        Some(match (state, event) {
            (State::Commanded, E::RequestCancelExternalWorkflowExecutionInitiated) => Transition::Initiate,
            (State::Initiated, E::ExternalWorkflowExecutionCancelRequested) => Transition::Deliver,
            (State::Initiated, E::RequestCancelExternalWorkflowExecutionFailed) => Transition::Fail,
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
                return Ok(Progress::Open);
            }
            Transition::Deliver => self.resolve(None, context.jobs),
            Transition::Fail => {
                let failed: RequestCancelExternalWorkflowExecutionFailedEventAttributes =
                    event.attributes()?;
                let cause = failed.cause();
                let reason = match cause {
                    CancelExternalWorkflowExecutionFailedCause::Unspecified => "unknown",
                    CancelExternalWorkflowExecutionFailedCause::ExternalWorkflowExecutionNotFound
                    | CancelExternalWorkflowExecutionFailedCause::NamespaceNotFound => "not found",
                };
                let message = format!("Unable to cancel external workflow because {reason}");
                self.resolve(Some(failures::application(message, format!("{cause:?}"))), context.jobs);
            }
        }
        Ok(Progress::Closed)
    }

    fn event_id(&self) -> Option<i64> {
        Some(self.initiated_event_id)
    }
}
