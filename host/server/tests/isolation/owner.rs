//! What the owner has, and how its clients see it.

use std::{fmt::Debug, time::Duration};

use bytes::Bytes;
use host_service::operator_service_server::OperatorService;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        batch::v1::BatchOperationTermination,
        command::v1::{
            Command, ScheduleActivityTaskCommandAttributes, ScheduleNexusOperationCommandAttributes,
            command::Attributes,
        },
        common::v1::{ActivityType, Memo, Payload, WorkflowExecution},
        nexus::v1::{
            EndpointSpec, EndpointTarget, Response, StartOperationResponse,
            endpoint_target::{self, Worker},
            response,
            start_operation_response::{Async, Variant},
        },
        operatorservice::v1::CreateNexusEndpointRequest,
        worker::v1::WorkerHeartbeat,
        workflowservice::v1::{
            start_batch_operation_request::Operation, update_task_queue_config_request::RateLimitUpdate, *,
        },
    },
};
use tonic::{Request, Status};

use crate::{HIDDEN, OWNER, Service, queue, schedule, start_request, version};

/// What the owner's workers and clients hold.
pub(crate) struct Held {
    pub(crate) run_id: String,
    pub(crate) workflow_task: Bytes,
    pub(crate) activity_task: Bytes,
    pub(crate) nexus_task: Bytes,
}

/// Gives the owner some of everything.
#[expect(clippy::too_many_lines, reason = "one request after the other")]
pub(crate) async fn fill(service: &Service, operator: &dyn OperatorService) -> Held {
    create_endpoint(operator).await;
    let (namespace, hidden) = (OWNER.to_owned(), HIDDEN.to_owned());
    let memo = Memo { fields: [(hidden.clone(), Payload::default())].into() };
    let start = |id| StartWorkflowExecutionRequest {
        namespace: OWNER.to_owned(),
        memo: Some(memo.clone()),
        ..start_request(id)
    };
    let started = service.start_workflow_execution(Request::new(start("w"))).await.unwrap().into_inner();
    let poll = || PollWorkflowTaskQueueRequest {
        namespace: OWNER.to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    let task = service.poll_workflow_task_queue(Request::new(poll())).await.unwrap().into_inner();
    let activity = ScheduleActivityTaskCommandAttributes {
        activity_id: "1".to_owned(),
        activity_type: Some(ActivityType { name: hidden.clone() }),
        start_to_close_timeout: Some(duration_to_proto(Duration::from_secs(600))),
        ..Default::default()
    };
    let attributes = Attributes::ScheduleActivityTaskCommandAttributes(Box::new(activity));
    let operation = ScheduleNexusOperationCommandAttributes {
        endpoint: "endpoint".to_owned(),
        service: hidden.clone(),
        operation: "operation".to_owned(),
        ..Default::default()
    };
    let operation = Attributes::ScheduleNexusOperationCommandAttributes(Box::new(operation));
    let completed = RespondWorkflowTaskCompletedRequest {
        namespace: namespace.clone(),
        task_token: task.task_token,
        commands: [attributes, operation]
            .map(|attributes| Command { attributes: Some(attributes), ..Command::default() })
            .into(),
        force_create_new_workflow_task: true,
        ..Default::default()
    };
    service.respond_workflow_task_completed(Request::new(completed)).await.unwrap();
    let task = service.poll_workflow_task_queue(Request::new(poll())).await.unwrap().into_inner();
    let poll = PollActivityTaskQueueRequest {
        namespace: namespace.clone(),
        task_queue: queue(),
        ..Default::default()
    };
    let activity = service.poll_activity_task_queue(Request::new(poll)).await.unwrap().into_inner();
    let poll =
        PollNexusTaskQueueRequest { namespace: namespace.clone(), task_queue: queue(), ..Default::default() };
    let nexus = service.poll_nexus_task_queue(Request::new(poll)).await.unwrap().into_inner();
    // The handler calls it started: nothing of it changes by itself any more.
    let operation = Async { operation_token: hidden.clone(), ..Async::default() };
    let operation = StartOperationResponse { variant: Some(Variant::AsyncSuccess(operation)) };
    let response = Response { variant: Some(response::Variant::StartOperation(operation)) };
    let respond = RespondNexusTaskCompletedRequest {
        namespace: namespace.clone(),
        task_token: nexus.task_token.clone(),
        response: Some(response),
        ..Default::default()
    };
    service.respond_nexus_task_completed(Request::new(respond)).await.unwrap();
    // Its task waits in the queue.
    service.start_workflow_execution(Request::new(start("waiting"))).await.unwrap();
    let create = CreateScheduleRequest {
        namespace: namespace.clone(),
        schedule_id: "s".to_owned(),
        schedule: Some(schedule(HIDDEN)),
        request_id: "s".to_owned(),
        memo: Some(memo),
        ..Default::default()
    };
    service.create_schedule(Request::new(create)).await.unwrap();
    let batch = StartBatchOperationRequest {
        namespace: namespace.clone(),
        job_id: "b".to_owned(),
        reason: hidden.clone(),
        visibility_query: "WorkflowId = 'nothing'".to_owned(),
        operation: Some(Operation::TerminationOperation(BatchOperationTermination::default())),
        ..Default::default()
    };
    service.start_batch_operation(Request::new(batch)).await.unwrap();
    let heartbeat = RecordWorkerHeartbeatRequest {
        namespace: namespace.clone(),
        worker_heartbeat: vec![WorkerHeartbeat {
            worker_instance_key: "k".to_owned(),
            worker_identity: hidden.clone(),
            ..WorkerHeartbeat::default()
        }],
        ..Default::default()
    };
    service.record_worker_heartbeat(Request::new(heartbeat)).await.unwrap();
    deploy(service).await;
    let config = UpdateTaskQueueConfigRequest {
        namespace,
        task_queue: "queue".to_owned(),
        task_queue_type: 2,
        update_queue_rate_limit: Some(RateLimitUpdate { rate_limit: None, reason: hidden }),
        ..Default::default()
    };
    service.update_task_queue_config(Request::new(config)).await.unwrap();
    Held {
        run_id: started.run_id,
        workflow_task: task.task_token,
        activity_task: activity.task_token,
        nexus_task: nexus.task_token,
    }
}

/// Gives the owner a Nexus endpoint.
async fn create_endpoint(operator: &dyn OperatorService) {
    let worker = Worker { namespace: OWNER.to_owned(), task_queue: "queue".to_owned() };
    let spec = EndpointSpec {
        name: "endpoint".to_owned(),
        description: None,
        target: Some(EndpointTarget { variant: Some(endpoint_target::Variant::Worker(worker)) }),
    };
    let create = CreateNexusEndpointRequest { spec: Some(spec) };
    operator.create_nexus_endpoint(Request::new(create)).await.unwrap();
}

/// Gives the owner a worker deployment, with a version that no worker polls for.
async fn deploy(service: &Service) {
    let current = SetWorkerDeploymentCurrentVersionRequest {
        namespace: OWNER.to_owned(),
        deployment_name: "d".to_owned(),
        build_id: "one".to_owned(),
        allow_no_pollers: true,
        ..Default::default()
    };
    service.set_worker_deployment_current_version(Request::new(current)).await.unwrap();
    let metadata = UpdateWorkerDeploymentVersionMetadataRequest {
        namespace: OWNER.to_owned(),
        deployment_version: version(),
        upsert_entries: [(HIDDEN.to_owned(), Payload::default())].into(),
        ..Default::default()
    };
    service.update_worker_deployment_version_metadata(Request::new(metadata)).await.unwrap();
}

/// All that the owner has, as its clients see it.
pub(crate) async fn seen(service: &Service, held: &Held) -> Vec<String> {
    fn text<R: Debug>(answer: Result<tonic::Response<R>, Status>) -> String {
        format!("{:?}", answer.unwrap().into_inner())
    }
    let namespace = || OWNER.to_owned();
    let mut all = Vec::new();
    for workflow_id in ["w", "waiting"] {
        let execution =
            Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: String::new() });
        let describe =
            DescribeWorkflowExecutionRequest { namespace: namespace(), execution: execution.clone() };
        all.push(text(service.describe_workflow_execution(Request::new(describe)).await));
        let history =
            GetWorkflowExecutionHistoryRequest { namespace: namespace(), execution, ..Default::default() };
        all.push(text(service.get_workflow_execution_history(Request::new(history)).await));
    }
    assert!(all[0].contains(&held.run_id));
    let describe = DescribeScheduleRequest { namespace: namespace(), schedule_id: "s".to_owned() };
    all.push(text(service.describe_schedule(Request::new(describe)).await));
    let describe = DescribeBatchOperationRequest { namespace: namespace(), job_id: "b".to_owned() };
    all.push(text(service.describe_batch_operation(Request::new(describe)).await));
    let describe =
        DescribeWorkerDeploymentRequest { namespace: namespace(), deployment_name: "d".to_owned() };
    all.push(text(service.describe_worker_deployment(Request::new(describe)).await));
    let describe = DescribeWorkerDeploymentVersionRequest {
        namespace: namespace(),
        deployment_version: version(),
        ..Default::default()
    };
    all.push(text(service.describe_worker_deployment_version(Request::new(describe)).await));
    let list = ListWorkersRequest { namespace: namespace(), ..Default::default() };
    all.push(text(service.list_workers(Request::new(list)).await));
    let count = CountWorkflowExecutionsRequest { namespace: namespace(), ..Default::default() };
    all.push(text(service.count_workflow_executions(Request::new(count)).await));
    let describe = DescribeTaskQueueRequest {
        namespace: namespace(),
        task_queue: queue(),
        task_queue_type: 2,
        report_config: true,
        ..Default::default()
    };
    let described = service.describe_task_queue(Request::new(describe)).await.unwrap().into_inner();
    all.push(format!("{:?}", described.config));
    let describe = DescribeNamespaceRequest { namespace: namespace(), ..Default::default() };
    all.push(text(service.describe_namespace(Request::new(describe)).await));
    all
}
