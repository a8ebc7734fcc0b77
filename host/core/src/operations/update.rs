//! Updates: requested by a message or found accepted in history, accepted or rejected, completed.

use std::collections::VecDeque;

use host_wire::temporal::api::{
    command::v1::{ProtocolMessageCommandAttributes, command::Attributes},
    common::v1::Payloads,
    enums::v1::{CommandType, EventType},
    failure::v1::Failure,
    history::v1::{
        WorkflowExecutionUpdateAcceptedEventAttributes, WorkflowExecutionUpdateAdmittedEventAttributes,
    },
    protocol::v1::{Message, message::SequencingId},
    update::v1::{Acceptance, Meta, Outcome as WireOutcome, Rejection, Request, Response, outcome},
};
use prost::Name;
use prost_types::Any;

use crate::{
    error::Error,
    history::Event,
    job::{self, Job, Outcome},
    operation::{Cancelled, Context, NewCommand, Operation, Progress, states},
};

/// A request to update.
#[derive(Clone, Debug)]
pub(crate) struct UpdateRequest {
    message_id: String,
    protocol_instance_id: String,
    /// The event it comes after.
    sequencing_event_id: i64,
    request: Request,
}

impl UpdateRequest {
    /// The request in a message of a polled task; the service sends workers no other messages.
    ///
    /// # Errors
    ///
    /// When it is another message, or lacks a part.
    pub(crate) fn from_message(message: Message) -> Result<Self, Error> {
        let broken = |what: &str| Error::broken(0, format!("message {}: {what}", message.id));
        let Some(SequencingId::EventId(sequencing_event_id)) = message.sequencing_id else {
            return Err(broken("it does not say after which event it comes"));
        };
        let request: Request = message
            .body
            .as_ref()
            .and_then(|body| body.to_msg().ok())
            .ok_or_else(|| broken("it is no request to update"))?;
        if request.meta.is_none() || request.input.is_none() {
            return Err(broken("its request is not complete"));
        }
        Ok(Self {
            message_id: message.id,
            protocol_instance_id: message.protocol_instance_id,
            sequencing_event_id,
            request,
        })
    }

    /// The request in an event that says that one was accepted.
    pub(crate) fn from_accepted(event: &Event) -> Result<Self, Error> {
        let accepted: WorkflowExecutionUpdateAcceptedEventAttributes =
            event.attributes()?;
        Ok(Self {
            message_id: accepted.accepted_request_message_id,
            protocol_instance_id: accepted.protocol_instance_id,
            sequencing_event_id: accepted.accepted_request_sequencing_event_id,
            request: complete(event, accepted.accepted_request)?,
        })
    }

    /// The request in an event that says that one was admitted.
    pub(crate) fn from_admitted(event: &Event) -> Result<Self, Error> {
        let admitted: WorkflowExecutionUpdateAdmittedEventAttributes =
            event.attributes()?;
        let request = complete(event, admitted.request)?;
        let update_id = request.meta.clone().unwrap_or_default().update_id;
        Ok(Self {
            message_id: format!("{update_id}/request"),
            protocol_instance_id: update_id,
            sequencing_event_id: event.id(),
            request,
        })
    }

    pub(crate) fn protocol_instance_id(&self) -> &str {
        &self.protocol_instance_id
    }

    /// The event after which it is to be handled.
    pub(crate) fn sequencing_event_id(&self) -> i64 {
        self.sequencing_event_id
    }

    /// What the guest is told.
    pub(crate) fn update(&self) -> job::Update {
        job::Update { protocol_instance_id: self.protocol_instance_id.clone(), request: self.request.clone() }
    }
}

fn complete(event: &Event, request: Option<Request>) -> Result<Request, Error> {
    request
        .filter(|request| request.meta.is_some() && request.input.is_some())
        .ok_or_else(|| event.broken("its request is not complete"))
}

/// One update of a run.
#[derive(Debug)]
pub(crate) struct Update {
    request: Box<UpdateRequest>,
    state: State,
    /// Ids of the messages whose commands are not sent yet.
    unsent: VecDeque<String>,
}

states! {
    /// Where an update stands.
    enum State {
        /// Not accepted yet; whether it need not be validated any more.
        Requested { is_valid: bool },
        /// Its handler runs; whether history has the acceptance.
        Accepted { is_recorded: bool },
        /// Its handler is done; whether history has the acceptance.
        Completed { is_accept_recorded: bool },
    }
}

/// What an event does to an update.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transition {
    /// Its acceptance is in history: it is in this state now.
    Accept(State),
    /// Its completion is in history.
    Complete,
}

impl Update {
    /// In replay it was valid when it was accepted.
    pub(crate) fn new(request: UpdateRequest, is_replaying: bool) -> Self {
        Self {
            request: Box::new(request),
            state: State::Requested { is_valid: is_replaying },
            unsent: VecDeque::new(),
        }
    }

    pub(crate) fn needs_validation(&self) -> bool {
        self.state == State::Requested { is_valid: false }
    }

    pub(crate) fn set_valid(&mut self) {
        self.state = State::Requested { is_valid: true };
    }

    /// It is not valid: the message that says so.
    pub(crate) fn reject(self, failure: Failure) -> Message {
        let UpdateRequest { message_id, protocol_instance_id, sequencing_event_id, request } = *self.request;
        let rejection = Rejection {
            rejected_request_message_id: message_id.clone(),
            rejected_request_sequencing_event_id: sequencing_event_id,
            rejected_request: Some(request),
            failure: Some(failure),
        };
        message(format!("{message_id}/reject"), protocol_instance_id, &rejection)
    }

    /// Its handler is about to run.
    pub(crate) fn accept(&mut self) -> Message {
        self.state = State::Accepted { is_recorded: false };
        let acceptance = Acceptance {
            accepted_request_message_id: self.request.message_id.clone(),
            accepted_request_sequencing_event_id: self.request.sequencing_event_id,
            accepted_request: Some(self.request.request.clone()),
        };
        self.send("accept", &acceptance)
    }

    /// Its handler is done.
    pub(crate) fn complete(&mut self, outcome: Outcome) -> Result<Message, Error> {
        let State::Accepted { is_recorded } = self.state else {
            return Err(Error::guest(format!(
                "update {} is completed, which is not running",
                self.request.protocol_instance_id
            )));
        };
        self.state = State::Completed { is_accept_recorded: is_recorded };
        let meta: Option<Meta> = self.request.request.meta.clone();
        let value = match outcome {
            Outcome::Completed(payload) => {
                outcome::Value::Success(Payloads { payloads: payload.into_iter().collect() })
            }
            Outcome::Failed(failure) | Outcome::Canceled(failure) => outcome::Value::Failure(*failure),
        };
        let response = Response { meta, outcome: Some(WireOutcome { value: Some(value) }) };
        Ok(self.send("complete", &response))
    }

    /// A message, and the command that says where it belongs among the others.
    fn send<M: Name>(&mut self, what: &str, body: &M) -> Message {
        let id = format!("{}/{what}", self.request.message_id);
        self.unsent.push_back(id.clone());
        message(id, self.request.protocol_instance_id.clone(), body)
    }
}

impl Operation for Update {
    type State = State;
    type Transition = Transition;

    /// The guest does not ask for it: the command to accept it comes when its handler is about to run.
    const BEGINS_WITH: Option<CommandType> = None;

    fn name(&self) -> String {
        let input = self.request.request.input.as_ref();
        let name = input.map_or("", |input| input.name.as_str());
        match self.state {
            State::Requested { .. } => format!("a request of update {name}"),
            State::Accepted { .. } => format!("an acceptance of update {name}"),
            State::Completed { .. } => format!("a completion of update {name}"),
        }
    }

    fn describe(&self, _: CommandType) -> String {
        self.name()
    }

    fn command(&mut self, _: CommandType) -> Option<NewCommand> {
        let attributes = ProtocolMessageCommandAttributes { message_id: self.unsent.pop_front()? };
        Some(Attributes::ProtocolMessageCommandAttributes(Box::new(attributes)).into())
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
            (State::Accepted { is_recorded: false }, E::WorkflowExecutionUpdateAccepted) => {
                Transition::Accept(State::Accepted { is_recorded: true })
            }
            (State::Completed { is_accept_recorded: false }, E::WorkflowExecutionUpdateAccepted) => {
                Transition::Accept(State::Completed { is_accept_recorded: true })
            }
            (State::Completed { is_accept_recorded: true }, E::WorkflowExecutionUpdateCompleted) => {
                Transition::Complete
            }
            _ => return None,
        })
    }

    fn apply(
        &mut self,
        transition: Transition,
        _: &Event,
        _: &mut Context<'_>,
    ) -> Result<Progress, Error> {
        let Transition::Accept(state) = transition else {
            return Ok(Progress::Closed);
        };
        self.state = state;
        // In replay the acceptance is not sent.
        if self.unsent.front().is_some_and(|id| id.ends_with("/accept")) {
            self.unsent.pop_front();
        }
        Ok(Progress::Open)
    }
}

fn message<M: Name>(id: String, protocol_instance_id: String, body: &M) -> Message {
    Message {
        id,
        protocol_instance_id,
        body: Some(Any { type_url: M::type_url(), value: body.encode_to_vec() }),
        ..Message::default()
    }
}
