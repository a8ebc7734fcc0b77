//! Any requests in any order: the service answers each, what it writes can be read again, and a restart has
//! the same runs.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fuzz::Random;
use host_service::WorkflowService;
use host_wire::temporal::api::workflowservice::v1::*;
use prost::Message;
use tokio::time::{sleep, timeout};
use tonic::{Request, Response, Status};

use super::{
    disk::Disk,
    network::{Life, Network},
};
use crate::api::open::Service;

/// Requests of one input. Later ones are left out, which keeps inputs quick.
const MOST_CALLS: usize = 64;
/// How long a caller waits for an answer: longer than any poll is held.
const PATIENCE: Duration = Duration::from_secs(200);

/// The two RPCs whose answers are used.
const POLL_WORKFLOW_TASK: u32 = 11;
const POLL_ACTIVITY_TASK: u32 = 15;

/// What one input asks for.
#[derive(Clone, PartialEq, Message)]
struct Calls {
    #[prost(message, repeated, tag = "1")]
    calls: Vec<Call>,
}

/// One request.
#[derive(Clone, PartialEq, Message)]
struct Call {
    /// Number of the RPC in [`RPCS`], modulo how many they are.
    #[prost(uint32, tag = "1")]
    rpc: u32,
    /// The encoded request. A task token that is left out becomes that of the last task.
    #[prost(bytes = "vec", tag = "2")]
    request: Vec<u8>,
    /// Milliseconds that pass before it.
    #[prost(uint32, tag = "3")]
    wait: u32,
    /// Whether the caller is in the process of the service.
    #[prost(bool, tag = "4")]
    in_process: bool,
    /// Whether the caller does not wait for the answer.
    #[prost(bool, tag = "5")]
    detached: bool,
}

#[test]
fn requests() {
    fuzz::check!("requests", |bytes| {
        let Ok(calls) = Calls::decode(bytes) else { return };
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(make(calls));
    });
}

async fn make(calls: Calls) {
    let random = Random::new(0);
    let network = Network::new(Disk::default(), None);
    let life = network.start(None, false, &random);
    let mut caller = Caller::default();
    for call in calls.calls.into_iter().take(MOST_CALLS) {
        sleep(Duration::from_millis(call.wait.into())).await;
        caller.make(&life, call).await;
    }
    life.check().await;
}

/// Tokens of the last tasks.
#[derive(Debug, Default)]
struct Caller {
    workflow_task: Bytes,
    query_task: Bytes,
    activity_task: Bytes,
}

/// Decodes the request of an RPC, completes it and calls; nothing if the bytes are no such request.
macro_rules! call {
    ($service:ident, $bytes:ident, $method:ident, $request:ident $(, $token:expr)?) => {{
        #[allow(unused_mut, reason = "only a token is changed")]
        let Ok(mut request) = $request::decode($bytes) else { return };
        $(if request.task_token.is_empty() {
            request.task_token = $token.clone();
        })?
        checked($service.$method(Request::new(request)).await)
    }};
}

impl Caller {
    async fn make(&mut self, life: &Arc<Life>, call: Call) {
        let service = if call.in_process { life.service.in_process() } else { life.service.clone() };
        if call.detached {
            // The call ends when its caller does.
            let mut other = Self::default();
            let (rpc, request) = (call.rpc, call.request);
            tokio::spawn(async move { other.call(&service, rpc, &request).await });
            return;
        }
        let answered = timeout(PATIENCE, self.call(&service, call.rpc, &call.request)).await;
        assert!(answered.is_ok(), "RPC {} was not answered", call.rpc);
    }

    async fn call(&mut self, service: &Service, rpc: u32, bytes: &[u8]) {
        match rpc % u32::try_from(RPCS.len()).unwrap() {
            POLL_WORKFLOW_TASK => {
                let task = call!(service, bytes, poll_workflow_task_queue, PollWorkflowTaskQueueRequest);
                if let Some(task) = task.filter(|task| !task.task_token.is_empty()) {
                    let is_query = task.query.is_some();
                    *(if is_query { &mut self.query_task } else { &mut self.workflow_task }) =
                        task.task_token;
                }
            }
            POLL_ACTIVITY_TASK => {
                let task = call!(service, bytes, poll_activity_task_queue, PollActivityTaskQueueRequest);
                if let Some(task) = task.filter(|task| !task.task_token.is_empty()) {
                    self.activity_task = task.task_token;
                }
            }
            other => self.call_other(service, other, bytes).await,
        }
    }
}

/// Makes the list of RPCs, and what calls each. Numbers stay as they are: inputs of the corpus have them.
macro_rules! rpcs {
    ($($number:literal => $method:ident($request:ident $(, $token:ident)?);)*) => {
        /// The RPCs by their numbers.
        const RPCS: &[(u32, &str)] = &[$(($number, stringify!($method))),*];

        impl Caller {
            /// Calls an RPC whose answer is not used.
            async fn call_other(&self, service: &Service, rpc: u32, bytes: &[u8]) {
                match rpc {
                    $($number => drop(call!(service, bytes, $method, $request $(, self.$token)?)),)*
                    _ => unreachable!("every number below that of all has an RPC"),
                }
            }
        }
    };
}

rpcs! {
    0 => start_workflow_execution(StartWorkflowExecutionRequest);
    1 => signal_workflow_execution(SignalWorkflowExecutionRequest);
    2 => signal_with_start_workflow_execution(SignalWithStartWorkflowExecutionRequest);
    3 => request_cancel_workflow_execution(RequestCancelWorkflowExecutionRequest);
    4 => terminate_workflow_execution(TerminateWorkflowExecutionRequest);
    5 => describe_workflow_execution(DescribeWorkflowExecutionRequest);
    6 => list_workflow_executions(ListWorkflowExecutionsRequest);
    7 => count_workflow_executions(CountWorkflowExecutionsRequest);
    8 => get_workflow_execution_history(GetWorkflowExecutionHistoryRequest);
    9 => get_workflow_execution_history_reverse(GetWorkflowExecutionHistoryReverseRequest);
    10 => query_workflow(QueryWorkflowRequest);
    11 => poll_workflow_task_queue(PollWorkflowTaskQueueRequest);
    12 => respond_workflow_task_completed(RespondWorkflowTaskCompletedRequest, workflow_task);
    13 => respond_workflow_task_failed(RespondWorkflowTaskFailedRequest, workflow_task);
    14 => respond_query_task_completed(RespondQueryTaskCompletedRequest, query_task);
    15 => poll_activity_task_queue(PollActivityTaskQueueRequest);
    16 => respond_activity_task_completed(RespondActivityTaskCompletedRequest, activity_task);
    17 => respond_activity_task_completed_by_id(RespondActivityTaskCompletedByIdRequest);
    18 => respond_activity_task_failed(RespondActivityTaskFailedRequest, activity_task);
    19 => respond_activity_task_failed_by_id(RespondActivityTaskFailedByIdRequest);
    20 => respond_activity_task_canceled(RespondActivityTaskCanceledRequest, activity_task);
    21 => respond_activity_task_canceled_by_id(RespondActivityTaskCanceledByIdRequest);
    22 => record_activity_task_heartbeat(RecordActivityTaskHeartbeatRequest, activity_task);
    23 => record_activity_task_heartbeat_by_id(RecordActivityTaskHeartbeatByIdRequest);
    24 => reset_sticky_task_queue(ResetStickyTaskQueueRequest);
    25 => describe_task_queue(DescribeTaskQueueRequest);
    26 => shutdown_worker(ShutdownWorkerRequest);
    27 => describe_namespace(DescribeNamespaceRequest);
    28 => delete_workflow_execution(DeleteWorkflowExecutionRequest);
    29 => list_namespaces(ListNamespacesRequest);
    30 => get_cluster_info(GetClusterInfoRequest);
    31 => get_system_info(GetSystemInfoRequest);
    32 => poll_nexus_task_queue(PollNexusTaskQueueRequest);
    33 => record_worker_heartbeat(RecordWorkerHeartbeatRequest);
    34 => update_workflow_execution(UpdateWorkflowExecutionRequest);
    35 => poll_workflow_execution_update(PollWorkflowExecutionUpdateRequest);
    36 => execute_multi_operation(ExecuteMultiOperationRequest);
    37 => create_schedule(CreateScheduleRequest);
    38 => describe_schedule(DescribeScheduleRequest);
    39 => update_schedule(UpdateScheduleRequest);
    40 => patch_schedule(PatchScheduleRequest);
    41 => list_schedule_matching_times(ListScheduleMatchingTimesRequest);
    42 => delete_schedule(DeleteScheduleRequest);
    43 => list_schedules(ListSchedulesRequest);
    44 => count_schedules(CountSchedulesRequest);
    45 => reset_workflow_execution(ResetWorkflowExecutionRequest);
    46 => pause_activity(PauseActivityRequest);
    47 => unpause_activity(UnpauseActivityRequest);
    48 => reset_activity(ResetActivityRequest);
    49 => update_activity_options(UpdateActivityOptionsRequest);
    50 => update_workflow_execution_options(UpdateWorkflowExecutionOptionsRequest);
    51 => scan_workflow_executions(ScanWorkflowExecutionsRequest);
    52 => list_open_workflow_executions(ListOpenWorkflowExecutionsRequest);
    53 => list_closed_workflow_executions(ListClosedWorkflowExecutionsRequest);
    54 => list_archived_workflow_executions(ListArchivedWorkflowExecutionsRequest);
    55 => get_search_attributes(GetSearchAttributesRequest);
    56 => start_batch_operation(StartBatchOperationRequest);
    57 => describe_batch_operation(DescribeBatchOperationRequest);
    58 => list_batch_operations(ListBatchOperationsRequest);
    59 => stop_batch_operation(StopBatchOperationRequest);
    60 => list_workers(ListWorkersRequest);
    61 => describe_worker(DescribeWorkerRequest);
    62 => list_task_queue_partitions(ListTaskQueuePartitionsRequest);
    63 => update_task_queue_config(UpdateTaskQueueConfigRequest);
    64 => describe_worker_deployment(DescribeWorkerDeploymentRequest);
    65 => describe_worker_deployment_version(DescribeWorkerDeploymentVersionRequest);
    66 => list_worker_deployments(ListWorkerDeploymentsRequest);
    67 => set_worker_deployment_current_version(SetWorkerDeploymentCurrentVersionRequest);
    68 => set_worker_deployment_ramping_version(SetWorkerDeploymentRampingVersionRequest);
    69 => set_worker_deployment_manager(SetWorkerDeploymentManagerRequest);
    70 => update_worker_deployment_version_metadata(UpdateWorkerDeploymentVersionMetadataRequest);
    71 => delete_worker_deployment_version(DeleteWorkerDeploymentVersionRequest);
    72 => delete_worker_deployment(DeleteWorkerDeploymentRequest);
    73 => register_namespace(RegisterNamespaceRequest);
    74 => update_namespace(UpdateNamespaceRequest);
    75 => deprecate_namespace(DeprecateNamespaceRequest);
    76 => respond_nexus_task_completed(RespondNexusTaskCompletedRequest);
    77 => respond_nexus_task_failed(RespondNexusTaskFailedRequest);
}

/// The RPCs are those that the service has, of which each is a function of its own.
#[test]
fn every_rpc_of_the_service_is_called() {
    let code = include_str!("../api/service.rs");
    let (_, body) = code.split_once("\ncalls! {").unwrap();
    let functions = body.lines().filter_map(|line| line.trim_start().strip_prefix("async fn "));
    let mut implemented: Vec<&str> = functions.map(|line| line.split('(').next().unwrap()).collect();
    let mut called: Vec<&str> = RPCS.iter().map(|(_, name)| *name).collect();
    implemented.sort_unstable();
    called.sort_unstable();
    assert_eq!(called, implemented);
    assert!((0..).zip(RPCS).all(|(number, (own, _))| number == *own), "numbers in order");
}

/// An answer that a client can take: bounded, and decoded again.
fn checked<R: Message + Default + PartialEq>(answer: Result<Response<R>, Status>) -> Option<R> {
    match answer {
        Ok(answer) => {
            let answer = answer.into_inner();
            let encoded = answer.encode_to_vec();
            R::decode(encoded.as_slice()).expect("a client can decode every answer");
            Some(answer)
        }
        Err(status) => {
            assert_ne!(status.code(), tonic::Code::Internal, "{status}");
            assert_ne!(status.code(), tonic::Code::DataLoss, "{status}");
            None
        }
    }
}
