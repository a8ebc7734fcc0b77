//! Updates: requested by a message or found accepted in history, accepted or rejected, completed.

use std::collections::{BTreeMap, VecDeque};

use host_wire::temporal::api::{
    command::v1::{ProtocolMessageCommandAttributes, command::Attributes},
    common::v1::Payloads,
    enums::v1::{CommandType, EventType},
    failure::v1::Failure,
    history::v1::{
        WorkflowExecutionUpdateAcceptedEventAttributes, WorkflowExecutionUpdateAdmittedEventAttributes,
    },
    protocol::v1::{Message, message::SequencingId},
    sdk::v1::UserMetadata,
    update::v1::{Acceptance, Meta, Outcome as WireOutcome, Rejection, Request, Response, outcome},
};
use prost::Name;
use prost_types::Any;

use crate::{
    error::Error,
    event::{Event, tag},
    job::{Job, Outcome, Update},
    operations::{OperationId, Progress, unexpected},
    run::Run,
    step,
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
    /// The request in a message of a polled task. Nobody sends other messages.
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
            event.attributes(tag::UPDATE_ACCEPTED)?;
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
            event.attributes(tag::UPDATE_ADMITTED)?;
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

    pub(crate) fn update(&self) -> Update {
        Update { protocol_instance_id: self.protocol_instance_id.clone(), request: self.request.clone() }
    }
}

fn complete(event: &Event, request: Option<Request>) -> Result<Request, Error> {
    request
        .filter(|request| request.meta.is_some() && request.input.is_some())
        .ok_or_else(|| event.broken("its request is not complete"))
}

/// Updates by the name that guest and service have for them, and what is to be told the service.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    /// Number of the machine by protocol instance id.
    pub(crate) by_instance: BTreeMap<String, u32>,
    /// Requested, but the event they come after is not reached.
    pub(crate) requested: Vec<UpdateRequest>,
    /// What becomes of them, to be sent with the completion.
    pub(crate) outbox: Vec<Message>,
}

impl Updates {
    /// Takes the requests that come after this event or earlier.
    pub(crate) fn take_due(&mut self, event_id: i64) -> Vec<UpdateRequest> {
        if self.requested.is_empty() {
            return Vec::new();
        }
        let (due, later) = std::mem::take(&mut self.requested)
            .into_iter()
            .partition(|request| request.sequencing_event_id <= event_id);
        self.requested = later;
        due
    }
}

/// One update of a run.
#[derive(Debug)]
pub(crate) struct UpdateMachine {
    request: UpdateRequest,
    state: State,
    /// Ids of the messages whose commands are not sent yet.
    unsent: VecDeque<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Requested { is_valid: bool },
    Accepted { is_recorded: bool },
    Completed { is_accept_recorded: bool },
}

impl UpdateMachine {
    /// In replay it was valid when it was accepted.
    pub(crate) fn new(request: UpdateRequest, is_replaying: bool) -> Self {
        Self { request, state: State::Requested { is_valid: is_replaying }, unsent: VecDeque::new() }
    }

    pub(crate) fn describe(&self) -> String {
        let input = self.request.request.input.as_ref();
        let name = input.map_or("", |input| input.name.as_str());
        match self.state {
            State::Requested { .. } => format!("a request of update {name}"),
            State::Accepted { .. } => format!("an acceptance of update {name}"),
            State::Completed { .. } => format!("a completion of update {name}"),
        }
    }

    pub(crate) fn needs_validation(&self) -> bool {
        self.state == State::Requested { is_valid: false }
    }

    pub(crate) fn set_valid(&mut self) {
        self.state = State::Requested { is_valid: true };
    }

    pub(crate) fn take_command(&mut self) -> Option<(Attributes, Option<UserMetadata>)> {
        let message_id = self.unsent.pop_front()?;
        let attributes = ProtocolMessageCommandAttributes { message_id };
        Some((Attributes::ProtocolMessageCommandAttributes(Box::new(attributes)), None))
    }

    pub(crate) fn reject(self, failure: Failure) -> Message {
        let UpdateRequest { message_id, protocol_instance_id, sequencing_event_id, request } = self.request;
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
        self.command("accept", &acceptance)
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
        Ok(self.command("complete", &response))
    }

    fn command<M: Name>(&mut self, what: &str, body: &M) -> Message {
        let id = format!("{}/{what}", self.request.message_id);
        self.unsent.push_back(id.clone());
        message(id, self.request.protocol_instance_id.clone(), body)
    }

    pub(crate) fn on_event(&mut self, event: &Event) -> Result<Progress, Error> {
        match (self.state, event.kind()) {
            (State::Accepted { is_recorded: false }, EventType::WorkflowExecutionUpdateAccepted) => {
                self.state = State::Accepted { is_recorded: true }
            }
            (State::Completed { is_accept_recorded: false }, EventType::WorkflowExecutionUpdateAccepted) => {
                self.state = State::Completed { is_accept_recorded: true };
            }
            (State::Completed { is_accept_recorded: true }, EventType::WorkflowExecutionUpdateCompleted) => {
                return Ok(Progress::Closed);
            }
            _ => return Err(unexpected(event, &self.describe())),
        }
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

impl Run {
    pub(crate) fn begin_update(&mut self, request: UpdateRequest) {
        let number = self.operations.own_number();
        self.updates.by_instance.insert(request.protocol_instance_id().to_owned(), number);
        self.jobs.push(Job::Update(Box::new(request.update())));
        self.operations.updates.insert(number, UpdateMachine::new(request, self.is_replaying));
    }

    pub(crate) fn needs_validation(&self, protocol_instance_id: &str) -> bool {
        (self.updates.by_instance.get(protocol_instance_id))
            .and_then(|number| self.operations.updates.get(number))
            .is_some_and(UpdateMachine::needs_validation)
    }

    /// An update was validated: the one at this place among the jobs.
    pub(crate) fn settle_update(&mut self, job: usize, verdict: Result<(), step::Rejection>) {
        let Some(Job::Update(update)) = self.jobs.get(job) else {
            return;
        };
        let Some(&number) = self.updates.by_instance.get(&update.protocol_instance_id) else {
            return;
        };
        match verdict {
            Ok(()) => {
                if let Some(machine) = self.operations.updates.get_mut(&number) {
                    machine.set_valid();
                }
            }
            Err(failure) => {
                if let Job::Update(update) = self.jobs.remove(job) {
                    self.updates.by_instance.remove(&update.protocol_instance_id);
                }
                if let Some(machine) = self.operations.updates.remove(&number) {
                    self.updates.outbox.push(machine.reject(*failure));
                }
            }
        }
    }

    pub(crate) fn note_starting_updates(&mut self, jobs: &[Job]) {
        let numbers = jobs.iter().filter_map(|job| match job {
            Job::Update(update) => self.updates.by_instance.get(&update.protocol_instance_id),
            _ => None,
        });
        self.starting_updates = numbers.copied().collect();
    }

    /// Acceptances come before whatever their handlers, or anything else in the activation, ask for.
    pub(crate) fn accept_starting_updates(&mut self) {
        for number in std::mem::take(&mut self.starting_updates) {
            if let Some(machine) = self.operations.updates.get_mut(&number) {
                let message = machine.accept();
                if !self.is_replaying {
                    self.updates.outbox.push(message);
                }
                self.operations.push_command(OperationId::Update(number), CommandType::ProtocolMessage);
            }
        }
    }

    pub(crate) fn complete_update(
        &mut self,
        protocol_instance_id: &str,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let number = self.updates.by_instance.remove(protocol_instance_id);
        let machine = number.and_then(|number| self.operations.updates.get_mut(&number));
        let (Some(number), Some(machine)) = (number, machine) else {
            return Err(Error::guest(format!(
                "update {protocol_instance_id} is completed, which is not running"
            )));
        };
        let message = machine.complete(outcome)?;
        if !self.is_replaying {
            self.updates.outbox.push(message);
        }
        self.operations.push_command(OperationId::Update(number), CommandType::ProtocolMessage);
        Ok(())
    }
}
