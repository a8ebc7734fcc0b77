//! Any requests in any order: the service answers each, what it writes can be read again, and a restart has
//! the same runs.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use host_service::WorkflowService;
use host_wire::temporal::api::workflowservice::v1::*;
use prost::Message;
use tokio::time::{sleep, timeout};
use tonic::{Request, Response, Status};

use super::{
    disk::Disk,
    network::{Life, Network},
    random::Random,
};
use crate::api::service::Service;

/// Requests of one input. Later ones are left out, which keeps inputs quick.
const MOST_CALLS: usize = 64;
/// How long a caller waits for an answer: longer than any poll is held.
const PATIENCE: Duration = Duration::from_secs(200);

/// What one input asks for.
#[derive(Clone, PartialEq, Message)]
struct Calls {
    #[prost(message, repeated, tag = "1")]
    calls: Vec<Call>,
}

/// One request.
#[derive(Clone, PartialEq, Message)]
struct Call {
    /// Index of the RPC in [`Caller::call`], modulo their number.
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

/// Calls an RPC with a decoded request; `None` if the bytes are no such request.
macro_rules! call {
    ($service:ident, $bytes:ident, $method:ident, $request:ident) => {
        call!($service, $bytes, $method, $request, |_| {})
    };
    ($service:ident, $bytes:ident, $method:ident, $request:ident, $complete:expr) => {{
        let Ok(mut request) = $request::decode($bytes) else { return };
        let complete: &dyn Fn(&mut $request) = &$complete;
        complete(&mut request);
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

    #[expect(clippy::too_many_lines, reason = "a table: one entry per RPC")]
    async fn call(&mut self, service: &Service, rpc: u32, bytes: &[u8]) {
        let workflow_task = self.workflow_task.clone();
        let query_task = self.query_task.clone();
        let activity_task = self.activity_task.clone();
        let or = |token: &mut Bytes, last: &Bytes| {
            if token.is_empty() {
                token.clone_from(last);
            }
        };
        match rpc % 28 {
            0 => drop(call!(service, bytes, start_workflow_execution, StartWorkflowExecutionRequest)),
            1 => drop(call!(service, bytes, signal_workflow_execution, SignalWorkflowExecutionRequest)),
            2 => drop(call!(
                service,
                bytes,
                signal_with_start_workflow_execution,
                SignalWithStartWorkflowExecutionRequest
            )),
            3 => drop(call!(
                service,
                bytes,
                request_cancel_workflow_execution,
                RequestCancelWorkflowExecutionRequest
            )),
            4 => drop(call!(service, bytes, terminate_workflow_execution, TerminateWorkflowExecutionRequest)),
            5 => drop(call!(service, bytes, describe_workflow_execution, DescribeWorkflowExecutionRequest)),
            6 => drop(call!(service, bytes, list_workflow_executions, ListWorkflowExecutionsRequest)),
            7 => drop(call!(service, bytes, count_workflow_executions, CountWorkflowExecutionsRequest)),
            8 => drop(call!(
                service,
                bytes,
                get_workflow_execution_history,
                GetWorkflowExecutionHistoryRequest
            )),
            9 => drop(call!(
                service,
                bytes,
                get_workflow_execution_history_reverse,
                GetWorkflowExecutionHistoryReverseRequest
            )),
            10 => drop(call!(service, bytes, query_workflow, QueryWorkflowRequest)),
            11 => {
                let task = call!(service, bytes, poll_workflow_task_queue, PollWorkflowTaskQueueRequest);
                if let Some(task) = task.filter(|task| !task.task_token.is_empty()) {
                    let is_query = task.query.is_some();
                    *(if is_query { &mut self.query_task } else { &mut self.workflow_task }) =
                        task.task_token;
                }
            }
            12 => drop(call!(
                service,
                bytes,
                respond_workflow_task_completed,
                RespondWorkflowTaskCompletedRequest,
                |request| or(&mut request.task_token, &workflow_task)
            )),
            13 => drop(call!(
                service,
                bytes,
                respond_workflow_task_failed,
                RespondWorkflowTaskFailedRequest,
                |request| or(&mut request.task_token, &workflow_task)
            )),
            14 => drop(call!(
                service,
                bytes,
                respond_query_task_completed,
                RespondQueryTaskCompletedRequest,
                |request| or(&mut request.task_token, &query_task)
            )),
            15 => {
                let task = call!(service, bytes, poll_activity_task_queue, PollActivityTaskQueueRequest);
                if let Some(task) = task.filter(|task| !task.task_token.is_empty()) {
                    self.activity_task = task.task_token;
                }
            }
            16 => drop(call!(
                service,
                bytes,
                respond_activity_task_completed,
                RespondActivityTaskCompletedRequest,
                |request| or(&mut request.task_token, &activity_task)
            )),
            17 => drop(call!(
                service,
                bytes,
                respond_activity_task_completed_by_id,
                RespondActivityTaskCompletedByIdRequest
            )),
            18 => drop(call!(
                service,
                bytes,
                respond_activity_task_failed,
                RespondActivityTaskFailedRequest,
                |request| or(&mut request.task_token, &activity_task)
            )),
            19 => drop(call!(
                service,
                bytes,
                respond_activity_task_failed_by_id,
                RespondActivityTaskFailedByIdRequest
            )),
            20 => drop(call!(
                service,
                bytes,
                respond_activity_task_canceled,
                RespondActivityTaskCanceledRequest,
                |request| or(&mut request.task_token, &activity_task)
            )),
            21 => drop(call!(
                service,
                bytes,
                respond_activity_task_canceled_by_id,
                RespondActivityTaskCanceledByIdRequest
            )),
            22 => drop(call!(
                service,
                bytes,
                record_activity_task_heartbeat,
                RecordActivityTaskHeartbeatRequest,
                |request| or(&mut request.task_token, &activity_task)
            )),
            23 => drop(call!(
                service,
                bytes,
                record_activity_task_heartbeat_by_id,
                RecordActivityTaskHeartbeatByIdRequest
            )),
            24 => drop(call!(service, bytes, reset_sticky_task_queue, ResetStickyTaskQueueRequest)),
            25 => drop(call!(service, bytes, describe_task_queue, DescribeTaskQueueRequest)),
            26 => drop(call!(service, bytes, shutdown_worker, ShutdownWorkerRequest)),
            _ => drop(call!(service, bytes, describe_namespace, DescribeNamespaceRequest)),
        }
    }
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
