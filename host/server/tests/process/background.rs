//! Work in the background of the service, which is killed in the middle of it and started again: a batch operation does
//! everything once, and the deletion of a namespace leaves nothing.

use std::{path::Path, sync::Mutex, time::Duration};

use host_service::operator_service_client::OperatorServiceClient;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        batch::v1::BatchOperationSignal,
        common::v1::{WorkflowExecution, WorkflowType},
        enums::v1::{BatchOperationState, EventType},
        operatorservice::v1::DeleteNamespaceRequest,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{start_batch_operation_request::Operation, *},
    },
};

use crate::{
    child::{Client, Service, connect},
    kill::timed,
};

const WORKFLOWS: usize = 60;
/// Operations for a second: the whole takes 1.5 s, and the service is killed several times meanwhile.
const RATE: f32 = 40.0;
const LIFE: Duration = Duration::from_millis(250);

async fn start(client: &mut Client, namespace: &str, workflow_id: String) {
    let request = StartWorkflowExecutionRequest {
        namespace: namespace.to_owned(),
        request_id: workflow_id.clone(),
        workflow_id,
        workflow_type: Some(WorkflowType { name: "Many".to_owned() }),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        ..Default::default()
    };
    client.start_workflow_execution(timed(request)).await.unwrap();
}

/// Another process serves the folder from here on.
async fn killed(service: &mut Service, folder: &Path, address: &Mutex<String>) -> Client {
    service.kill();
    *service = Service::start(folder, address, None);
    connect(address).await
}

pub(crate) async fn a_batch_operation_does_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let address = Mutex::default();
    let mut service = Service::start(folder.path(), &address, None);
    let mut client = connect(&address).await;
    for number in 0..WORKFLOWS {
        start(&mut client, "default", format!("w{number}")).await;
    }
    let signal = BatchOperationSignal { signal: "once".to_owned(), ..BatchOperationSignal::default() };
    let request = StartBatchOperationRequest {
        namespace: "default".to_owned(),
        job_id: "b".to_owned(),
        reason: "a test".to_owned(),
        visibility_query: "WorkflowType = 'Many'".to_owned(),
        max_operations_per_second: RATE,
        operation: Some(Operation::SignalOperation(signal)),
        ..Default::default()
    };
    client.start_batch_operation(timed(request)).await.unwrap();
    let (mut kills_in_the_middle, mut done) = (0, 0);
    let ended = loop {
        let request =
            DescribeBatchOperationRequest { namespace: "default".to_owned(), job_id: "b".to_owned() };
        let described = client.describe_batch_operation(timed(request)).await.unwrap().into_inner();
        assert!(described.complete_operation_count >= done, "{described:?} after {done}");
        done = described.complete_operation_count;
        if described.state() != BatchOperationState::Running {
            break described;
        }
        // A slow machine may need more lives: then the last one is long.
        if kills_in_the_middle < 4 {
            kills_in_the_middle += 1;
            tokio::time::sleep(LIFE).await;
            client = killed(&mut service, folder.path(), &address).await;
        } else {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(kills_in_the_middle > 0);
    let all = i64::try_from(WORKFLOWS).unwrap();
    let counts = (ended.total_operation_count, ended.complete_operation_count, ended.failure_operation_count);
    assert_eq!((ended.state(), counts), (BatchOperationState::Completed, (all, all, 0)));
    for number in 0..WORKFLOWS {
        let execution = Some(WorkflowExecution { workflow_id: format!("w{number}"), run_id: String::new() });
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: "default".to_owned(),
            execution,
            ..Default::default()
        };
        let history = client.get_workflow_execution_history(timed(request)).await.unwrap().into_inner();
        let history = history.history.unwrap();
        let kinds = history.events().map(|event| event.unwrap().event_type());
        let signals = kinds.filter(|kind| *kind == EventType::WorkflowExecutionSignaled).count();
        assert_eq!(signals, 1, "of w{number}");
    }
}

pub(crate) async fn a_deleted_namespace_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let address = Mutex::default();
    let mut service = Service::start(folder.path(), &address, None);
    let mut client = connect(&address).await;
    // Each life of the service ends a little later after the deletion.
    for (life, wait_ms) in [0, 3, 30].into_iter().enumerate() {
        let namespace = format!("leaves{life}");
        let register = RegisterNamespaceRequest {
            namespace: namespace.clone(),
            workflow_execution_retention_period: Some(duration_to_proto(Duration::from_secs(3_600))),
            ..Default::default()
        };
        client.register_namespace(timed(register.clone())).await.unwrap();
        for number in 0..20 {
            start(&mut client, &namespace, format!("w{number}")).await;
        }
        start(&mut client, "default", format!("stays{life}")).await;
        // Runs of both files.
        killed(&mut service, folder.path(), &address).await;
        let url = format!("http://{}", address.lock().unwrap());
        let mut operator = OperatorServiceClient::connect(url).await.unwrap();
        let delete = DeleteNamespaceRequest { namespace: namespace.clone(), ..Default::default() };
        operator.delete_namespace(timed(delete)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        client = killed(&mut service, folder.path(), &address).await;
        let list = |namespace: &str| ListWorkflowExecutionsRequest {
            namespace: namespace.to_owned(),
            ..Default::default()
        };
        let refused = client.list_workflow_executions(timed(list(&namespace))).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::NotFound, "{refused}");
        // Waits until nothing is left.
        client.register_namespace(timed(register)).await.unwrap();
        let listed = client.list_workflow_executions(timed(list(&namespace))).await.unwrap().into_inner();
        assert!(listed.executions.is_empty(), "{:?}", listed.executions);
        let listed = client.list_workflow_executions(timed(list("default"))).await.unwrap().into_inner();
        assert_eq!(listed.executions.len(), life + 1);
    }
}
