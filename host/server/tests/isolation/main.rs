//! A request in one namespace neither sees nor changes what is in another: for every RPC of the service.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

mod owner;

use std::{pin::Pin, sync::Arc, time::Duration};

use host_server::{Options, Server};
use host_service::WorkflowService;
use host_wire::{
    duration_to_proto,
    temporal::api::{
        batch::v1::BatchOperationTermination,
        common::v1::{WorkflowExecution, WorkflowType},
        deployment::v1::{WorkerDeploymentOptions, WorkerDeploymentVersion},
        enums::v1::WorkerVersioningMode,
        query::v1::WorkflowQuery,
        schedule::v1::{Schedule, ScheduleAction, SchedulePatch, ScheduleState, schedule_action::Action},
        taskqueue::v1::TaskQueue,
        update::v1::{Input, Meta, Request as Update, UpdateRef},
        worker::v1::WorkerHeartbeat,
        workflow::v1::NewWorkflowExecutionInfo,
        workflowservice::v1::{
            execute_multi_operation_request::{Operation as Multi, operation::Operation as MultiOperation},
            set_worker_deployment_manager_request::NewManagerIdentity,
            start_batch_operation_request::Operation,
            update_task_queue_config_request::RateLimitUpdate,
            *,
        },
    },
};
use tonic::{Code, Request, Status};

use owner::{Held, fill, seen};

type Service = Arc<dyn WorkflowService>;
type Call = Pin<Box<dyn Future<Output = Result<String, Status>> + Send>>;

/// The namespace that has everything, and the one that asks for it.
const OWNER: &str = "owner";
const OTHER: &str = "other";
/// In everything that the owner has, and in no request of the other.
const HIDDEN: &str = "hidden";
/// How long a call may wait: polls of the other find nothing.
const PATIENCE: Duration = Duration::from_millis(150);

/// What a call in the other namespace answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answers {
    /// It names something that only the owner has.
    Refused,
    /// It is about what the other has itself, or about the service.
    Own,
}

macro_rules! rows {
    ($service:ident; $($answers:ident: $call:ident($request:ident { $($field:ident: $value:expr),* $(,)? });)*) => {
        vec![$({
            let (service, request) = ($service.clone(), $request { $($field: $value,)* ..Default::default() });
            let call: Call = Box::pin(async move {
                let mut request = Request::new(request);
                request.set_timeout(PATIENCE);
                service.$call(request).await.map(|answer| format!("{:?}", answer.into_inner()))
            });
            (stringify!($call), Answers::$answers, call)
        },)*]
    };
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[allow(clippy::needless_update, reason = "some requests have no other fields")]
fn rows(service: &Service, held: &Held) -> Vec<(&'static str, Answers, Call)> {
    let text = str::to_owned;
    let namespace = || OTHER.to_owned();
    let run = || Some(execution(&held.run_id));
    let latest = || Some(execution(""));
    let (task, activity) = (|| held.workflow_task.clone(), || held.activity_task.clone());
    let start = StartWorkflowExecutionRequest { namespace: namespace(), ..start_request("w") };
    let update = Update {
        meta: Some(Meta { update_id: text("u"), ..Meta::default() }),
        input: Some(Input { name: text("update"), ..Input::default() }),
        ..Update::default()
    };
    let multi = |operation| Multi { operation: Some(operation) };
    rows! { service;
        Refused: signal_workflow_execution(SignalWorkflowExecutionRequest {
            namespace: namespace(), workflow_execution: run(), signal_name: text("s")
        });
        Refused: request_cancel_workflow_execution(RequestCancelWorkflowExecutionRequest {
            namespace: namespace(), workflow_execution: latest()
        });
        Refused: terminate_workflow_execution(TerminateWorkflowExecutionRequest {
            namespace: namespace(), workflow_execution: run()
        });
        Refused: delete_workflow_execution(DeleteWorkflowExecutionRequest {
            namespace: namespace(), workflow_execution: run()
        });
        Refused: describe_workflow_execution(DescribeWorkflowExecutionRequest {
            namespace: namespace(), execution: run()
        });
        Refused: get_workflow_execution_history(GetWorkflowExecutionHistoryRequest {
            namespace: namespace(), execution: run()
        });
        Refused: get_workflow_execution_history_reverse(GetWorkflowExecutionHistoryReverseRequest {
            namespace: namespace(), execution: run()
        });
        Refused: query_workflow(QueryWorkflowRequest {
            namespace: namespace(),
            execution: latest(),
            query: Some(WorkflowQuery { query_type: text("q"), ..WorkflowQuery::default() })
        });
        Refused: update_workflow_execution(UpdateWorkflowExecutionRequest {
            namespace: namespace(), workflow_execution: latest(), request: Some(update.clone())
        });
        Refused: poll_workflow_execution_update(PollWorkflowExecutionUpdateRequest {
            namespace: namespace(),
            update_ref: Some(UpdateRef { workflow_execution: latest(), update_id: text("u") })
        });
        Refused: respond_workflow_task_completed(RespondWorkflowTaskCompletedRequest {
            namespace: namespace(), task_token: task()
        });
        Refused: respond_workflow_task_failed(RespondWorkflowTaskFailedRequest {
            namespace: namespace(), task_token: task()
        });
        Refused: respond_query_task_completed(RespondQueryTaskCompletedRequest {
            namespace: namespace(), task_token: task()
        });
        Refused: respond_activity_task_completed(RespondActivityTaskCompletedRequest {
            namespace: namespace(), task_token: activity()
        });
        Refused: respond_activity_task_failed(RespondActivityTaskFailedRequest {
            namespace: namespace(), task_token: activity()
        });
        Refused: respond_activity_task_canceled(RespondActivityTaskCanceledRequest {
            namespace: namespace(), task_token: activity()
        });
        Refused: record_activity_task_heartbeat(RecordActivityTaskHeartbeatRequest {
            namespace: namespace(), task_token: activity()
        });
        Refused: respond_activity_task_completed_by_id(RespondActivityTaskCompletedByIdRequest {
            namespace: namespace(), workflow_id: text("w"), activity_id: text("1")
        });
        Refused: respond_activity_task_failed_by_id(RespondActivityTaskFailedByIdRequest {
            namespace: namespace(), workflow_id: text("w"), activity_id: text("1")
        });
        Refused: respond_activity_task_canceled_by_id(RespondActivityTaskCanceledByIdRequest {
            namespace: namespace(), workflow_id: text("w"), activity_id: text("1")
        });
        Refused: record_activity_task_heartbeat_by_id(RecordActivityTaskHeartbeatByIdRequest {
            namespace: namespace(), workflow_id: text("w"), activity_id: text("1")
        });
        Refused: reset_sticky_task_queue(ResetStickyTaskQueueRequest {
            namespace: namespace(), execution: run()
        });
        Refused: reset_workflow_execution(ResetWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_execution: run(),
            workflow_task_finish_event_id: 4,
            request_id: text("r")
        });
        Refused: pause_activity(PauseActivityRequest {
            namespace: namespace(),
            execution: latest(),
            activity: Some(pause_activity_request::Activity::Id(text("1")))
        });
        Refused: unpause_activity(UnpauseActivityRequest {
            namespace: namespace(),
            execution: latest(),
            activity: Some(unpause_activity_request::Activity::Id(text("1")))
        });
        Refused: reset_activity(ResetActivityRequest {
            namespace: namespace(),
            execution: latest(),
            activity: Some(reset_activity_request::Activity::Id(text("1")))
        });
        Refused: update_activity_options(UpdateActivityOptionsRequest {
            namespace: namespace(),
            execution: latest(),
            activity: Some(update_activity_options_request::Activity::Id(text("1"))),
            restore_original: true
        });
        Refused: update_workflow_execution_options(UpdateWorkflowExecutionOptionsRequest {
            namespace: namespace(),
            workflow_execution: latest(),
            workflow_execution_options: Some(Default::default()),
            update_mask: Some(prost_types::FieldMask { paths: vec![text("versioning_override")] })
        });
        Refused: describe_schedule(DescribeScheduleRequest {
            namespace: namespace(), schedule_id: text("s")
        });
        Refused: update_schedule(UpdateScheduleRequest {
            namespace: namespace(), schedule_id: text("s"), schedule: Some(schedule("")), request_id: text("r")
        });
        Refused: patch_schedule(PatchScheduleRequest {
            namespace: namespace(),
            schedule_id: text("s"),
            patch: Some(SchedulePatch { unpause: text("go"), ..SchedulePatch::default() }),
            request_id: text("r")
        });
        Refused: list_schedule_matching_times(ListScheduleMatchingTimesRequest {
            namespace: namespace(),
            schedule_id: text("s"),
            start_time: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
            end_time: Some(prost_types::Timestamp { seconds: 2, nanos: 0 })
        });
        Refused: delete_schedule(DeleteScheduleRequest { namespace: namespace(), schedule_id: text("s") });
        Refused: describe_batch_operation(DescribeBatchOperationRequest {
            namespace: namespace(), job_id: text("b")
        });
        Refused: stop_batch_operation(StopBatchOperationRequest {
            namespace: namespace(), job_id: text("b"), reason: text("enough")
        });
        Refused: describe_worker(DescribeWorkerRequest {
            namespace: namespace(), worker_instance_key: text("k")
        });
        Refused: list_archived_workflow_executions(ListArchivedWorkflowExecutionsRequest {
            namespace: namespace()
        });
        Own: list_workflow_executions(ListWorkflowExecutionsRequest { namespace: namespace() });
        Own: scan_workflow_executions(ScanWorkflowExecutionsRequest { namespace: namespace() });
        Own: list_open_workflow_executions(ListOpenWorkflowExecutionsRequest {
            namespace: namespace(), start_time_filter: Some(Default::default())
        });
        Own: list_closed_workflow_executions(ListClosedWorkflowExecutionsRequest {
            namespace: namespace(), start_time_filter: Some(Default::default())
        });
        Own: count_workflow_executions(CountWorkflowExecutionsRequest { namespace: namespace() });
        Own: list_schedules(ListSchedulesRequest { namespace: namespace() });
        Own: count_schedules(CountSchedulesRequest { namespace: namespace() });
        Own: list_batch_operations(ListBatchOperationsRequest { namespace: namespace() });
        Own: list_workers(ListWorkersRequest { namespace: namespace() });
        Own: describe_task_queue(DescribeTaskQueueRequest {
            namespace: namespace(), task_queue: queue(), task_queue_type: 2, report_config: true, report_stats: true
        });
        Own: list_task_queue_partitions(ListTaskQueuePartitionsRequest {
            namespace: namespace(), task_queue: queue()
        });
        Refused: describe_worker_deployment(DescribeWorkerDeploymentRequest {
            namespace: namespace(), deployment_name: text("d")
        });
        Refused: describe_worker_deployment_version(DescribeWorkerDeploymentVersionRequest {
            namespace: namespace(), deployment_version: version()
        });
        Refused: set_worker_deployment_current_version(SetWorkerDeploymentCurrentVersionRequest {
            namespace: namespace(), deployment_name: text("d"), build_id: text("one")
        });
        Refused: set_worker_deployment_ramping_version(SetWorkerDeploymentRampingVersionRequest {
            namespace: namespace(), deployment_name: text("d"), build_id: text("one"), percentage: 50.0
        });
        Refused: set_worker_deployment_manager(SetWorkerDeploymentManagerRequest {
            namespace: namespace(),
            deployment_name: text("d"),
            identity: text("me"),
            new_manager_identity: Some(NewManagerIdentity::Self_(true))
        });
        Refused: update_worker_deployment_version_metadata(UpdateWorkerDeploymentVersionMetadataRequest {
            namespace: namespace(),
            deployment_version: version(),
            upsert_entries: [(text("key"), Default::default())].into()
        });
        Refused: delete_worker_deployment_version(DeleteWorkerDeploymentVersionRequest {
            namespace: namespace(), deployment_version: version(), skip_drainage: true
        });
        // One that is not there is no error.
        Own: delete_worker_deployment(DeleteWorkerDeploymentRequest {
            namespace: namespace(), deployment_name: text("d")
        });
        // The other gets a version of the same names.
        Own: poll_workflow_task_queue(PollWorkflowTaskQueueRequest {
            namespace: namespace(), task_queue: queue(), deployment_options: Some(WorkerDeploymentOptions {
                deployment_name: text("d"),
                build_id: text("one"),
                worker_versioning_mode: WorkerVersioningMode::Versioned.into()
            })
        });
        Own: list_worker_deployments(ListWorkerDeploymentsRequest { namespace: namespace() });
        Own: poll_activity_task_queue(PollActivityTaskQueueRequest {
            namespace: namespace(), task_queue: queue()
        });
        Own: poll_nexus_task_queue(PollNexusTaskQueueRequest { namespace: namespace(), task_queue: queue() });
        Refused: respond_nexus_task_completed(RespondNexusTaskCompletedRequest {
            namespace: namespace(), task_token: held.nexus_task.clone(), response: None
        });
        Refused: respond_nexus_task_failed(RespondNexusTaskFailedRequest {
            namespace: namespace(), task_token: held.nexus_task.clone()
        });
        Own: shutdown_worker(ShutdownWorkerRequest {
            namespace: namespace(), sticky_task_queue: text("queue"), worker_heartbeat: Some(WorkerHeartbeat {
                worker_instance_key: text("k"), ..WorkerHeartbeat::default()
            })
        });
        Own: record_worker_heartbeat(RecordWorkerHeartbeatRequest {
            namespace: namespace(),
            worker_heartbeat: vec![WorkerHeartbeat { worker_instance_key: text("k"), ..Default::default() }]
        });
        Own: update_task_queue_config(UpdateTaskQueueConfigRequest {
            namespace: namespace(),
            task_queue: text("queue"),
            task_queue_type: 2,
            update_queue_rate_limit: Some(RateLimitUpdate { rate_limit: None, reason: text("own") })
        });
        Own: start_batch_operation(StartBatchOperationRequest {
            namespace: namespace(),
            job_id: text("b"),
            reason: text("own"),
            visibility_query: text("WorkflowId = 'w' OR WorkflowId = 'waiting'"),
            operation: Some(Operation::TerminationOperation(BatchOperationTermination::default()))
        });
        Own: create_schedule(CreateScheduleRequest {
            namespace: namespace(), schedule_id: text("s"), schedule: Some(schedule("")), request_id: text("r")
        });
        Own: start_workflow_execution(StartWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_id: text("w"),
            workflow_type: Some(WorkflowType { name: text("Type") }),
            task_queue: queue(),
            request_id: text("r")
        });
        Own: signal_with_start_workflow_execution(SignalWithStartWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_id: text("waiting"),
            workflow_type: Some(WorkflowType { name: text("Type") }),
            task_queue: queue(),
            signal_name: text("s"),
            request_id: text("r")
        });
        // The update waits for a worker, which the other has none of.
        Refused: execute_multi_operation(ExecuteMultiOperationRequest {
            namespace: namespace(),
            operations: vec![
                multi(MultiOperation::StartWorkflow(StartWorkflowExecutionRequest {
                    workflow_id: text("multi"), request_id: text("m"), ..start.clone()
                })),
                multi(MultiOperation::UpdateWorkflow(UpdateWorkflowExecutionRequest {
                    workflow_execution: Some(WorkflowExecution {
                        workflow_id: text("multi"), run_id: String::new()
                    }),
                    namespace: namespace(),
                    request: Some(update.clone()),
                    ..Default::default()
                })),
            ]
        });
        Own: get_search_attributes(GetSearchAttributesRequest {});
        Own: get_system_info(GetSystemInfoRequest {});
        Own: get_cluster_info(GetClusterInfoRequest {});
        Own: list_namespaces(ListNamespacesRequest {});
        Own: describe_namespace(DescribeNamespaceRequest { namespace: namespace() });
        Own: update_namespace(UpdateNamespaceRequest { namespace: namespace() });
        Own: register_namespace(RegisterNamespaceRequest {
            namespace: text("another"),
            workflow_execution_retention_period: Some(duration_to_proto(Duration::from_secs(3_600)))
        });
        Own: deprecate_namespace(DeprecateNamespaceRequest { namespace: namespace() });
    }
}

fn queue() -> Option<TaskQueue> {
    Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() })
}

/// A version of workers.
fn version() -> Option<WorkerDeploymentVersion> {
    Some(WorkerDeploymentVersion { deployment_name: "d".to_owned(), build_id: "one".to_owned() })
}

fn execution(run_id: &str) -> WorkflowExecution {
    WorkflowExecution { workflow_id: "w".to_owned(), run_id: run_id.to_owned() }
}

fn start_request(workflow_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        workflow_id: workflow_id.to_owned(),
        request_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: queue(),
        ..Default::default()
    }
}

fn schedule(notes: &str) -> Schedule {
    let start = NewWorkflowExecutionInfo {
        workflow_id: "scheduled".to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: queue(),
        ..Default::default()
    };
    Schedule {
        action: Some(ScheduleAction { action: Some(Action::StartWorkflow(start)) }),
        state: Some(ScheduleState { paused: true, notes: notes.to_owned(), ..ScheduleState::default() }),
        ..Schedule::default()
    }
}

#[tokio::test]
async fn no_request_reaches_into_another_namespace() {
    let folder = tempfile::tempdir().unwrap();
    let namespaces = vec![OWNER.to_owned(), OTHER.to_owned()];
    let options = Options { namespaces, ..Options::default() };
    let server = Server::open(folder.path(), options).unwrap();
    let service = server.service();
    let held = fill(&service, &*server.operator()).await;
    // The batch operation ends by itself.
    let mut before = seen(&service, &held).await;
    while !before.iter().any(|text| text.contains("state: Completed")) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        before = seen(&service, &held).await;
    }
    assert!(before.iter().filter(|text| text.contains(HIDDEN)).count() >= 8, "{before:#?}");
    let mut names = Vec::new();
    for (name, answers, call) in rows(&service, &held) {
        let answer = tokio::time::timeout(Duration::from_secs(30), call).await.unwrap();
        match &answer {
            Ok(text) => assert!(!text.contains(HIDDEN), "{name} shows what another namespace has: {text}"),
            Err(status) => {
                assert!(![Code::Internal, Code::DataLoss].contains(&status.code()), "{name}: {status}");
                assert!(!status.message().contains(HIDDEN), "{name}: {status}");
            }
        }
        assert_eq!(answer.is_err(), answers == Answers::Refused, "{name}: {answer:?}");
        let after = seen(&service, &held).await;
        assert_eq!(after, before, "{name} changed what another namespace has");
        names.push(name);
    }
    // A batch operation of the other works in the background.
    let describe = DescribeBatchOperationRequest { namespace: OTHER.to_owned(), job_id: "b".to_owned() };
    loop {
        let batch = service.describe_batch_operation(Request::new(describe.clone())).await.unwrap();
        if batch.into_inner().close_time.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(seen(&service, &held).await, before, "after the batch operation of the other");
    let mut of_service = calls_of_the_service();
    names.sort_unstable();
    of_service.sort_unstable();
    assert_eq!(names, of_service, "every call of the service has a row");
}

/// The calls that the service has.
fn calls_of_the_service() -> Vec<&'static str> {
    let code = include_str!("../../src/api/service.rs");
    let (_, body) = code.split_once("\ncalls! {").unwrap();
    let functions = body.lines().filter_map(|line| line.trim_start().strip_prefix("async fn "));
    functions.map(|line| line.split('(').next().unwrap()).collect()
}
