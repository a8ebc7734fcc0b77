//! Every string of every call has a bound, every failure a depth. Calls and fields come from the protocol's
//! descriptor: one that the protocol or the service adds is tried without a change here.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

#[path = "../../wire/tests/support/protocol.rs"]
mod protocol;

use std::{sync::Arc, time::Duration};

use bytes::{Buf, BufMut, Bytes};
use host_server::{Listener, Options, Server};
use host_service::workflow_service_client::WorkflowServiceClient;
use host_wire::temporal::api::{
    common::v1::{WorkflowExecution, WorkflowType},
    failure::v1::Failure,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::*,
};
use prost::Message;
use prost_types::field_descriptor_proto::Type;
use protocol::{FAILURE, Protocol, nested};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

const SERVICE: &str = "temporal.api.workflowservice.v1.WorkflowService";
/// One byte more than any string may have.
const TOO_LONG: usize = 64 * 1024 + 1;
/// Strings that are cut instead of refused.
const CUT: [&str; 1] = ["error_message"];
/// Those of failures of the Nexus protocol are cut, too.
const NEXUS: &str = ".temporal.api.nexus.v1.";
const CUT_OF_NEXUS: [&str; 2] = ["message", "stack_trace"];

/// Messages as the bytes that they are.
#[derive(Clone, Debug, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

async fn call(channel: &Channel, method: &str, request: Vec<u8>) -> Result<Bytes, Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let path = format!("/{SERVICE}/{method}").parse().unwrap();
    let answer = client.unary(Request::new(Bytes::from(request)), path, Raw);
    let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
    answer.unwrap_or_else(|_| panic!("{method} does not answer")).map(tonic::Response::into_inner)
}

impl Protocol {
    /// Messages of a type with one string that is too long, each with the path to it.
    fn with_long_string(&self, name: &str, above: &mut Vec<String>) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        above.push(name.to_owned());
        for field in &self.messages[name].field {
            let number = field.number().cast_unsigned();
            match (field.r#type(), field.type_name()) {
                (Type::String, _) if name.starts_with(NEXUS) && CUT_OF_NEXUS.contains(&field.name()) => {}
                (Type::String, _) if !CUT.contains(&field.name()) => {
                    all.push((field.name().to_owned(), nested(number, &[b'x'; TOO_LONG])));
                }
                (Type::Message, of) if of != FAILURE && !above.iter().any(|one| one == of) => {
                    for (path, inner) in self.with_long_string(of, above) {
                        all.push((format!("{}.{path}", field.name()), nested(number, &inner)));
                    }
                }
                _ => {}
            }
        }
        above.pop();
        all
    }
}

async fn connect(server: Arc<Server>) -> Channel {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.address());
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    Channel::from_shared(url).unwrap().connect().await.unwrap()
}

fn queue() -> Option<TaskQueue> {
    Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() })
}

fn start(workflow_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: queue(),
        ..Default::default()
    }
}

async fn poll(client: &mut WorkflowServiceClient<Channel>) -> PollWorkflowTaskQueueResponse {
    let request = PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    client.poll_workflow_task_queue(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn every_string_of_every_call_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let channel = connect(Arc::new(Server::open(folder.path(), Options::default()).unwrap())).await;
    let protocol = Protocol::read();
    let mut tried = 0;
    for (call_name, request) in &protocol.calls {
        let empty = call(&channel, call_name, Vec::new()).await;
        if empty.is_err_and(|refused| refused.code() == Code::Unimplemented) {
            continue;
        }
        for (path, message) in protocol.with_long_string(request, &mut Vec::new()) {
            if request.ends_with("RespondWorkflowTaskCompletedRequest") && path.starts_with("commands.") {
                continue;
            }
            let refused = match call(&channel, call_name, message).await {
                Err(refused) => refused,
                Ok(_) => panic!("{call_name} takes any {path}"),
            };
            assert_eq!(refused.code(), Code::InvalidArgument, "{call_name} {path}: {refused}");
            let message = refused.message();
            assert!(message.ends_with("length exceeds limit."), "{call_name} {path}: {message}");
            tried += 1;
        }
    }
    assert!(tried > 300, "only {tried} strings were tried");
}

#[tokio::test]
async fn every_string_of_every_command_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let channel = connect(Arc::new(Server::open(folder.path(), Options::default()).unwrap())).await;
    let mut client = WorkflowServiceClient::new(channel.clone());
    client.start_workflow_execution(start("w")).await.unwrap();
    // The first bad command fails its task. The second attempt is left to time out, so one token is enough.
    let bad = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: poll(&mut client).await.task_token,
        commands: vec![Default::default()],
        ..Default::default()
    };
    let failed = RespondWorkflowTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: bad.task_token.clone(),
        ..Default::default()
    };
    client.respond_workflow_task_completed(bad).await.unwrap_err();
    client.respond_workflow_task_failed(failed).await.unwrap();
    let base = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: poll(&mut client).await.task_token,
        ..Default::default()
    };
    let protocol = Protocol::read();
    let completion =
        protocol.messages.keys().find(|name| name.ends_with(".RespondWorkflowTaskCompletedRequest"));
    let field = protocol.messages[completion.unwrap()].field.iter().find(|field| field.name() == "commands");
    let field = field.unwrap().number().cast_unsigned();
    // A command needs attributes: those of a timer, where the long string is not in others.
    let timer = protocol.messages[".temporal.api.command.v1.Command"].field.iter();
    let timer = timer.clone().find(|field| field.name() == "start_timer_command_attributes").unwrap();
    let timer = nested(timer.number().cast_unsigned(), &[]);
    let mut tried = 0;
    for (path, command) in protocol.with_long_string(".temporal.api.command.v1.Command", &mut Vec::new()) {
        let command = nested(field, &[timer.clone(), command].concat());
        let request = [base.encode_to_vec(), command].concat();
        let refused = call(&channel, "RespondWorkflowTaskCompleted", request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{path}: {refused}");
        let message = refused.message();
        assert!(
            message.starts_with("Bad") && message.ends_with("length exceeds limit."),
            "{path}: {message}"
        );
        tried += 1;
    }
    assert!(tried > 60, "only {tried} strings were tried");
}

#[tokio::test]
async fn failures_that_come_in_can_be_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let deep = || {
        // As deep as the decoder of the request takes it.
        (0..95).fold(Failure::default(), |cause, _| Failure {
            message: "m".repeat(1_000),
            stack_trace: "s".repeat(5_000),
            cause: Some(Box::new(cause)),
            ..Failure::default()
        })
    };
    let history = GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: Some(WorkflowExecution { workflow_id: "w".to_owned(), run_id: String::new() }),
        ..Default::default()
    };
    for opened in 0..2 {
        let server = Arc::new(Server::open(folder.path(), Options::default()).unwrap());
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("http://{}", listener.address());
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            server.serve(listener, async { ended.await.unwrap_or_default() }).await.unwrap();
        });
        let mut client = WorkflowServiceClient::connect(url).await.unwrap();
        if opened == 0 {
            let start = StartWorkflowExecutionRequest { continued_failure: Some(deep()), ..start("w") };
            client.start_workflow_execution(start).await.unwrap();
            let failed = RespondWorkflowTaskFailedRequest {
                namespace: "default".to_owned(),
                task_token: poll(&mut client).await.task_token,
                failure: Some(deep()),
                ..Default::default()
            };
            client.respond_workflow_task_failed(failed).await.unwrap();
        }
        let read = client.get_workflow_execution_history(history.clone()).await.unwrap().into_inner();
        let events = read.history.unwrap();
        let events: Vec<_> = events.events().map(Result::unwrap).collect();
        assert_eq!(events.len(), 4, "opened {opened} times before");
        drop(client);
        end.send(()).unwrap();
        serving.await.unwrap();
    }
}

/// A call that is not there says which call it is: also those of other services, of which gRPC itself says nothing.
#[tokio::test]
async fn calls_that_are_not_supported_name_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let channel = connect(Arc::new(Server::open(folder.path(), Options::default()).unwrap())).await;
    let mut calls: Vec<_> =
        Protocol::read().calls.into_iter().map(|(call, _)| format!("{SERVICE}/{call}")).collect();
    for call in ["DeleteNamespace", "CreateNexusEndpoint", "ListClusters", "NoSuchCall"] {
        calls.push(format!("temporal.api.operatorservice.v1.OperatorService/{call}"));
    }
    calls.push("temporal.api.cloud.cloudservice.v1.CloudService/GetUsers".to_owned());
    let mut missing = 0;
    for path in calls {
        let mut client = Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let mut request = Request::new(Bytes::new());
        request.set_timeout(Duration::from_secs(2));
        let answer = client.unary(request, format!("/{path}").parse().unwrap(), Raw).await;
        let Err(status) = answer else { continue };
        if status.code() == Code::Unimplemented {
            missing += 1;
            let call = path.rsplit('/').next().unwrap();
            let expected = format!("{call} is not supported by the embedded service of host ");
            assert!(status.message().starts_with(&expected), "{path}: {}", status.message());
        }
    }
    assert!(missing >= 5, "{missing} calls are not supported");
}
