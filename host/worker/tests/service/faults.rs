//! A service between a worker and the real one that loses answers: the request has arrived, and the
//! worker does not learn what became of it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use host_service::WorkflowService;
use host_wire::temporal::api::workflowservice::v1::*;
use tonic::{Request, Response, Status, async_trait};

pub(crate) struct Faults {
    service: Arc<dyn WorkflowService>,
    every: u32,
    calls: AtomicU32,
}

impl Faults {
    pub(crate) fn new(service: Arc<dyn WorkflowService>, every: u32) -> Self {
        Self { service, every, calls: AtomicU32::new(0) }
    }

    fn pass<T>(&self, answer: Result<T, Status>) -> Result<T, Status> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if call % self.every == self.every - 1 {
            return Err(Status::unavailable("the answer was lost"));
        }
        answer
    }
}

/// Forwards what workers call: `loses` may lose the answer, `keeps` does not, because a worker does not
/// start without these, and a lost poll is only a task that times out.
macro_rules! forward {
    (
        loses { $($lossy:ident($lossy_request:ident) -> $lossy_response:ident;)* }
        keeps { $($safe:ident($safe_request:ident) -> $safe_response:ident;)* }
    ) => {
        #[async_trait]
        impl WorkflowService for Faults {
            $(async fn $lossy(
                &self,
                request: Request<$lossy_request>,
            ) -> Result<Response<$lossy_response>, Status> {
                self.pass(self.service.$lossy(request).await)
            })*

            $(async fn $safe(
                &self,
                request: Request<$safe_request>,
            ) -> Result<Response<$safe_response>, Status> {
                self.service.$safe(request).await
            })*
        }
    };
}

forward! {
    loses {
        respond_workflow_task_completed(RespondWorkflowTaskCompletedRequest)
            -> RespondWorkflowTaskCompletedResponse;
        respond_workflow_task_failed(RespondWorkflowTaskFailedRequest) -> RespondWorkflowTaskFailedResponse;
        respond_activity_task_completed(RespondActivityTaskCompletedRequest)
            -> RespondActivityTaskCompletedResponse;
        respond_activity_task_failed(RespondActivityTaskFailedRequest) -> RespondActivityTaskFailedResponse;
        get_workflow_execution_history(GetWorkflowExecutionHistoryRequest)
            -> GetWorkflowExecutionHistoryResponse;
        get_workflow_execution_history_reverse(GetWorkflowExecutionHistoryReverseRequest)
            -> GetWorkflowExecutionHistoryReverseResponse;
    }
    keeps {
        poll_workflow_task_queue(PollWorkflowTaskQueueRequest) -> PollWorkflowTaskQueueResponse;
        poll_activity_task_queue(PollActivityTaskQueueRequest) -> PollActivityTaskQueueResponse;
        get_system_info(GetSystemInfoRequest) -> GetSystemInfoResponse;
        describe_namespace(DescribeNamespaceRequest) -> DescribeNamespaceResponse;
        shutdown_worker(ShutdownWorkerRequest) -> ShutdownWorkerResponse;
    }
}
