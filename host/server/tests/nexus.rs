//! Nexus through the front door: across namespaces, over a restart, and with time that passes.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{path::Path, sync::Arc, time::Duration};

use host_server::{Options, Server};
use host_service::WorkflowService;
use host_wire::temporal::api::{
    command::v1::{Command, ScheduleNexusOperationCommandAttributes, command::Attributes},
    common::v1::{Callback, WorkflowExecution, WorkflowType, callback},
    enums::v1::EventType,
    nexus::v1::{
        EndpointSpec, EndpointTarget, Response, StartOperationRequest, StartOperationResponse,
        endpoint_target::{self, Worker},
        request, response,
        start_operation_response::{Async, Sync, Variant},
    },
    operatorservice::v1::{CreateNexusEndpointRequest, ListNexusEndpointsRequest},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::*,
};
use tonic::{Code, Request};

const CALLER: &str = "callers";
const HANDLER: &str = "handlers";

type Service = Arc<dyn WorkflowService>;

fn open(folder: &Path) -> Server {
    let namespaces = vec![CALLER.to_owned(), HANDLER.to_owned()];
    Server::open(folder, Options { namespaces, ..Options::default() }).unwrap()
}

fn queue() -> Option<TaskQueue> {
    Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() })
}

async fn create_endpoint(server: &Server) {
    let worker = Worker { namespace: HANDLER.to_owned(), task_queue: "queue".to_owned() };
    let spec = EndpointSpec {
        name: "endpoint".to_owned(),
        description: None,
        target: Some(EndpointTarget { variant: Some(endpoint_target::Variant::Worker(worker)) }),
    };
    let create = CreateNexusEndpointRequest { spec: Some(spec) };
    server.operator().create_nexus_endpoint(Request::new(create)).await.unwrap();
}

fn start_request(namespace: &str, workflow_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: namespace.to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: queue(),
        ..Default::default()
    }
}

async fn complete(service: &Service, namespace: &str, commands: Vec<Attributes>) {
    let poll = PollWorkflowTaskQueueRequest {
        namespace: namespace.to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    let task = service.poll_workflow_task_queue(Request::new(poll)).await.unwrap().into_inner();
    let command = |attributes| Command { attributes: Some(attributes), ..Command::default() };
    let completed = RespondWorkflowTaskCompletedRequest {
        namespace: namespace.to_owned(),
        task_token: task.task_token,
        commands: commands.into_iter().map(command).collect(),
        ..Default::default()
    };
    service.respond_workflow_task_completed(Request::new(completed)).await.unwrap();
}

/// A workflow in the namespace of callers schedules an operation.
async fn call(service: &Service) {
    service.start_workflow_execution(Request::new(start_request(CALLER, "caller"))).await.unwrap();
    let operation = ScheduleNexusOperationCommandAttributes {
        endpoint: "endpoint".to_owned(),
        service: "service".to_owned(),
        operation: "operation".to_owned(),
        ..Default::default()
    };
    complete(service, CALLER, vec![Attributes::ScheduleNexusOperationCommandAttributes(Box::new(operation))])
        .await;
}

async fn poll(service: &Service, namespace: &str, wait: Duration) -> PollNexusTaskQueueResponse {
    let mut request = Request::new(PollNexusTaskQueueRequest {
        namespace: namespace.to_owned(),
        task_queue: queue(),
        ..Default::default()
    });
    request.set_timeout(wait);
    service.poll_nexus_task_queue(request).await.unwrap().into_inner()
}

fn asked(task: &PollNexusTaskQueueResponse) -> StartOperationRequest {
    match task.request.clone().unwrap().variant.unwrap() {
        request::Variant::StartOperation(start) => start,
        request::Variant::CancelOperation(_) => panic!("{task:?}"),
    }
}

fn answer(
    namespace: &str,
    task: &PollNexusTaskQueueResponse,
    variant: Variant,
) -> Request<RespondNexusTaskCompletedRequest> {
    let started = StartOperationResponse { variant: Some(variant) };
    Request::new(RespondNexusTaskCompletedRequest {
        namespace: namespace.to_owned(),
        task_token: task.task_token.clone(),
        response: Some(Response { variant: Some(response::Variant::StartOperation(started)) }),
        ..Default::default()
    })
}

async fn events(service: &Service, namespace: &str, workflow_id: &str) -> Vec<EventType> {
    let execution = WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() };
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: namespace.to_owned(),
        execution: Some(execution),
        ..Default::default()
    };
    let answer = service.get_workflow_execution_history(Request::new(request)).await.unwrap().into_inner();
    answer.history.unwrap().events().map(|event| event.unwrap().event_type()).collect()
}

#[tokio::test]
async fn workers_of_another_namespace_answer_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path());
    create_endpoint(&server).await;
    let service = server.service();
    call(&service).await;
    let none = poll(&service, CALLER, Duration::from_millis(300)).await;
    assert!(none.request.is_none(), "{none:?}");
    let task = poll(&service, HANDLER, Duration::from_secs(10)).await;
    assert_eq!(asked(&task).operation, "operation");
    let sync = || Variant::SyncSuccess(Sync::default());
    let refused = service.respond_nexus_task_completed(answer(CALLER, &task, sync())).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
    service.respond_nexus_task_completed(answer(HANDLER, &task, sync())).await.unwrap();
    let again = service.respond_nexus_task_completed(answer(HANDLER, &task, sync())).await.unwrap_err();
    assert_eq!(again.message(), "Nexus task not found or already expired");
    let last = events(&service, CALLER, "caller").await;
    assert!(last.contains(&EventType::NexusOperationCompleted), "{last:?}");
}

#[tokio::test]
async fn endpoints_and_operations_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(folder.path());
    create_endpoint(&server).await;
    call(&server.service()).await;
    let first = poll(&server.service(), HANDLER, Duration::from_secs(10)).await;
    drop(server);

    // The call is made again, with the same request id; the token of the first one is good as well.
    let server = open(folder.path());
    let listed =
        server.operator().list_nexus_endpoints(Request::new(ListNexusEndpointsRequest::default())).await;
    assert_eq!(listed.unwrap().into_inner().endpoints.len(), 1);
    let service = server.service();
    let second = poll(&service, HANDLER, Duration::from_secs(10)).await;
    let (before, after) = (asked(&first), asked(&second));
    assert_eq!((&before.request_id, &before.callback_header), (&after.request_id, &after.callback_header));
    let nexus = callback::Nexus { url: before.callback, header: before.callback_header };
    let callbacks = vec![Callback { variant: Some(callback::Variant::Nexus(nexus)), ..Callback::default() }];
    let start =
        StartWorkflowExecutionRequest { completion_callbacks: callbacks, ..start_request(HANDLER, "callee") };
    service.start_workflow_execution(Request::new(start)).await.unwrap();
    let token = Async { operation_token: "token".to_owned(), ..Async::default() };
    service
        .respond_nexus_task_completed(answer(HANDLER, &first, Variant::AsyncSuccess(token)))
        .await
        .unwrap();
    drop((server, service));

    let server = open(folder.path());
    let service = server.service();
    let done = Attributes::CompleteWorkflowExecutionCommandAttributes(Box::default());
    complete(&service, HANDLER, vec![done]).await;
    let events = events(&service, CALLER, "caller").await;
    let of_nexus: Vec<_> = events.into_iter().filter(|event| event.as_str_name().contains("NEXUS")).collect();
    let expected = [
        EventType::NexusOperationScheduled,
        EventType::NexusOperationStarted,
        EventType::NexusOperationCompleted,
    ];
    assert_eq!(of_nexus, expected);
}
