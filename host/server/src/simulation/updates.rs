//! Updates: clients send and poll them; workers accept, reject, complete or ignore them.

use std::time::Duration;

use fuzz::Random;
use host_service::WorkflowService;
use host_wire::temporal::api::{
    command::v1::{ProtocolMessageCommandAttributes, command::Attributes},
    common::v1::{Payload, Payloads},
    enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage,
    protocol::v1::{Message, message::SequencingId},
    update::v1::{
        Acceptance, Input, Meta, Outcome, Rejection, Request as UpdateRequest, Response, UpdateRef,
        WaitPolicy, outcome,
    },
    workflowservice::v1::{
        execute_multi_operation_request::{Operation as AnyOperation, operation::Operation},
        execute_multi_operation_response::response::Response as OfOperation,
        *,
    },
};
use prost::Name;
use prost_types::Any;
use tonic::Code;

use super::{NAMESPACE, client::Client, client::execution, commands, worker::Knowledge};

/// How long a client waits for an update.
const PATIENCE: Duration = Duration::from_secs(5);

/// An update that a client has sent.
#[derive(Clone, Debug)]
pub(super) struct SentUpdate {
    workflow_id: String,
    run_id: String,
    update_id: String,
}

/// What a workflow says of the updates that came with a task, and of those that it accepted before.
pub(super) fn answer(
    random: &mut Random,
    is_honest: bool,
    task: &PollWorkflowTaskQueueResponse,
    known: &Knowledge,
) -> (Vec<Attributes>, Vec<Message>) {
    let mut answer = (Vec::new(), Vec::new());
    for update_id in &known.updates {
        if is_honest || random.percent(40) {
            say(&mut answer, update_id, "complete", &completion(update_id));
        }
    }
    // An earlier task has decided those that a reset admitted before it.
    let admitted = known.admitted.iter().filter(|(_, id)| **id > task.previous_started_event_id);
    let admitted = admitted.map(|(update_id, id)| (update_id, admitted_message(update_id, *id), None));
    let sent = task.messages.iter().map(|message| {
        let request: UpdateRequest = message.body.as_ref().unwrap().to_msg().unwrap();
        (&message.protocol_instance_id, message.clone(), Some(request))
    });
    for (update_id, message, request) in admitted.chain(sent) {
        match random.below(100) {
            0..30 => {
                let rejection = Rejection { failure: Some(commands::failure()), ..Rejection::default() };
                answer.1.push(self::message(update_id, "reject", &rejection));
            }
            30..35 if !is_honest => {}
            chance => {
                say(&mut answer, update_id, "accept", &acceptance(&message, request));
                if is_honest || chance < 70 {
                    say(&mut answer, update_id, "complete", &completion(update_id));
                }
            }
        }
    }
    answer
}

fn acceptance(message: &Message, request: Option<UpdateRequest>) -> Acceptance {
    Acceptance {
        accepted_request_message_id: message.id.clone(),
        accepted_request_sequencing_event_id: 1,
        accepted_request: request,
    }
}

/// The message that workers make of an event that admits an update.
fn admitted_message(update_id: &str, event_id: i64) -> Message {
    Message {
        id: format!("{update_id}/request"),
        protocol_instance_id: update_id.to_owned(),
        sequencing_id: Some(SequencingId::EventId(event_id)),
        ..Message::default()
    }
}

fn completion(update_id: &str) -> Response {
    let data = update_id.to_owned().into();
    let result = Payloads { payloads: vec![Payload { data, ..Payload::default() }] };
    Response {
        meta: Some(Meta { update_id: update_id.to_owned(), ..Meta::default() }),
        outcome: Some(Outcome { value: Some(outcome::Value::Success(result)) }),
    }
}

/// Adds a message with its command.
fn say<M: Name>(answer: &mut (Vec<Attributes>, Vec<Message>), update_id: &str, what: &str, body: &M) {
    let message = message(update_id, what, body);
    let attributes = ProtocolMessageCommandAttributes { message_id: message.id.clone() };
    answer.0.push(Attributes::ProtocolMessageCommandAttributes(Box::new(attributes)));
    answer.1.push(message);
}

fn message<M: Name>(update_id: &str, what: &str, body: &M) -> Message {
    Message {
        id: format!("{update_id}/{what}"),
        protocol_instance_id: update_id.to_owned(),
        body: Some(Any { type_url: M::type_url(), value: body.encode_to_vec() }),
        ..Message::default()
    }
}

/// The text of the result, which is the update's id; none while it is not there, or if it failed.
pub(super) fn result(outcome: Option<&Outcome>) -> Option<String> {
    match outcome?.value.as_ref()? {
        outcome::Value::Success(result) => {
            Some(String::from_utf8(result.payloads.first()?.data.to_vec()).unwrap())
        }
        outcome::Value::Failure(_) => None,
    }
}

impl Client {
    /// Sends an update, new or once more, or asks what became of one.
    pub(super) async fn update(&mut self) {
        match self.sent.clone() {
            Some(sent) if self.random.percent(40) => self.poll_update(sent).await,
            Some(sent) if self.random.percent(20) => self.send_update(sent).await,
            _ => {
                let update_id = self.new_name("update");
                if self.random.percent(20) {
                    return self.update_with_start(update_id).await;
                }
                let (workflow_id, run_id) = self.target();
                self.send_update(SentUpdate { workflow_id, run_id, update_id }).await;
            }
        }
    }

    fn wait_policy(&mut self) -> Option<WaitPolicy> {
        let stage = *self.random.pick(&[Stage::Accepted, Stage::Completed]);
        Some(WaitPolicy { lifecycle_stage: stage.into() })
    }

    async fn send_update(&mut self, sent: SentUpdate) {
        let SentUpdate { workflow_id, run_id, update_id } = &sent;
        let request = UpdateWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: execution(workflow_id, run_id),
            wait_policy: self.wait_policy(),
            request: Some(update_request(update_id)),
            ..Default::default()
        };
        let answer = self.retried(request, async |service, mut request| {
            request.set_timeout(PATIENCE);
            service.update_workflow_execution(request).await
        });
        let answer = answer.await;
        if let Ok(answer) = &answer {
            self.saw_update(answer.update_ref.as_ref(), answer.stage(), answer.outcome.as_ref());
        }
        let answer = answer.map(|answer| (answer.stage(), result(answer.outcome.as_ref())));
        self.say(format_args!("update {workflow_id} {run_id} {update_id}"), answer);
    }

    async fn update_with_start(&mut self, update_id: String) {
        let mut start = self.start_request();
        start.workflow_start_delay = None;
        let workflow_id = start.workflow_id.clone();
        let update = UpdateWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: execution(&workflow_id, ""),
            wait_policy: self.wait_policy(),
            request: Some(update_request(&update_id)),
            ..Default::default()
        };
        let operations = [Operation::StartWorkflow(start), Operation::UpdateWorkflow(update)];
        let request = ExecuteMultiOperationRequest {
            namespace: NAMESPACE.to_owned(),
            operations: operations.map(|operation| AnyOperation { operation: Some(operation) }).into(),
            ..Default::default()
        };
        let answer = self.retried(request, async |service, mut request| {
            request.set_timeout(PATIENCE);
            service.execute_multi_operation(request).await
        });
        let answer = answer.await.map(|answer| answer.responses);
        for response in answer.iter().flatten() {
            match response.response.as_ref().unwrap() {
                OfOperation::StartWorkflow(started) => {
                    self.simulation.model().saw_run(&workflow_id, &started.run_id);
                }
                OfOperation::UpdateWorkflow(updated) => {
                    let stage = updated.stage();
                    self.saw_update(updated.update_ref.as_ref(), stage, updated.outcome.as_ref());
                }
            }
        }
        self.say(format_args!("update with start {workflow_id} {update_id}"), answer.map(|_| ()));
    }

    async fn poll_update(&mut self, sent: SentUpdate) {
        let SentUpdate { workflow_id, run_id, update_id } = &sent;
        let was_accepted = self.simulation.model().was_accepted(run_id, update_id);
        let request = PollWorkflowExecutionUpdateRequest {
            namespace: NAMESPACE.to_owned(),
            update_ref: Some(UpdateRef {
                workflow_execution: execution(workflow_id, run_id),
                update_id: update_id.clone(),
            }),
            wait_policy: self.wait_policy(),
            ..Default::default()
        };
        let answer = self.retried(request, async |service, mut request| {
            request.set_timeout(PATIENCE);
            service.poll_workflow_execution_update(request).await
        });
        let answer = answer.await;
        match &answer {
            Ok(answer) => {
                self.saw_update(answer.update_ref.as_ref(), answer.stage(), answer.outcome.as_ref());
            }
            Err(status) if status.code() == Code::NotFound && was_accepted => {
                let what = format!("{workflow_id} {run_id}: {update_id} was accepted and is lost");
                self.simulation.model().fail(what);
            }
            Err(_) => {}
        }
        let answer = answer.map(|answer| (answer.stage(), result(answer.outcome.as_ref())));
        self.say(format_args!("poll update {workflow_id} {run_id} {update_id}"), answer);
    }

    fn saw_update(&mut self, named: Option<&UpdateRef>, stage: Stage, outcome: Option<&Outcome>) {
        let named = named.unwrap();
        let run = named.workflow_execution.clone().unwrap();
        self.simulation.model().saw_update(&run, &named.update_id, stage, outcome);
        let update_id = named.update_id.clone();
        self.sent = Some(SentUpdate { workflow_id: run.workflow_id, run_id: run.run_id, update_id });
    }
}

fn update_request(update_id: &str) -> UpdateRequest {
    UpdateRequest {
        meta: Some(Meta { update_id: update_id.to_owned(), ..Meta::default() }),
        input: Some(Input { name: "update".to_owned(), ..Input::default() }),
        ..UpdateRequest::default()
    }
}
