//! The protocol's calls, each to where it is done. Calls that are not here answer UNIMPLEMENTED.

use host_service::WorkflowService;
use host_wire::temporal::api::workflowservice::v1::*;
use tonic::{Request, Response, Status};

use crate::{
    api::Service,
    error::Error,
    execution::{
        activity::{
            AttemptEnd,
            respond::{self, Attempt},
        },
        cancel::{CancelRequest, request_cancel},
        close::terminate::terminate,
        describe,
        signal::Signal,
        start,
        token::TaskToken,
        worker::Worker,
    },
};

type Answer<R> = Result<Response<R>, Status>;

#[tonic::async_trait]
impl WorkflowService for Service {
    async fn get_system_info(&self, _: Request<GetSystemInfoRequest>) -> Answer<GetSystemInfoResponse> {
        Ok(Response::new(Self::system_info()))
    }

    async fn get_cluster_info(&self, _: Request<GetClusterInfoRequest>) -> Answer<GetClusterInfoResponse> {
        Ok(Response::new(Self::cluster_info()))
    }

    async fn describe_namespace(
        &self,
        request: Request<DescribeNamespaceRequest>,
    ) -> Answer<DescribeNamespaceResponse> {
        Service::describe_namespace(self, request.get_ref()).map(Response::new)
    }

    async fn list_namespaces(&self, _: Request<ListNamespacesRequest>) -> Answer<ListNamespacesResponse> {
        Ok(Response::new(Service::list_namespaces(self)))
    }

    async fn describe_task_queue(
        &self,
        request: Request<DescribeTaskQueueRequest>,
    ) -> Answer<DescribeTaskQueueResponse> {
        Service::describe_task_queue(self, request.into_inner()).map(Response::new)
    }

    async fn start_workflow_execution(
        &self,
        request: Request<StartWorkflowExecutionRequest>,
    ) -> Answer<StartWorkflowExecutionResponse> {
        self.start_workflow(request.into_inner()).await.map(Response::new)
    }

    async fn signal_with_start_workflow_execution(
        &self,
        request: Request<SignalWithStartWorkflowExecutionRequest>,
    ) -> Answer<SignalWithStartWorkflowExecutionResponse> {
        let request = request.into_inner();
        let change = self.change(|transition| {
            let started = start::signal_with_start(transition, request)?;
            let run = transition.executions.run(started.run).ok_or_else(Error::completed)?;
            Ok(SignalWithStartWorkflowExecutionResponse {
                run_id: run.identity.run_id.clone(),
                first_execution_run_id: run.start.first_execution_run_id.clone(),
                started: started.by_this_request,
                signal_link: None,
            })
        });
        change.await.map(Response::new)
    }

    async fn signal_workflow_execution(
        &self,
        request: Request<SignalWorkflowExecutionRequest>,
    ) -> Answer<SignalWorkflowExecutionResponse> {
        let r = request.into_inner();
        let change = self.change(|transition| {
            let signal = Signal {
                name: r.signal_name,
                input: r.input,
                identity: r.identity,
                header: r.header,
                request_id: r.request_id,
                external: None,
                links: r.links,
            };
            signal.check()?;
            let number = transition.executions.find_open(&r.namespace, r.workflow_execution.as_ref(), "")?;
            transition.change(number, |run| run.signal(signal)).unwrap_or_else(|| Err(Error::completed()))
        });
        change.await?;
        Ok(Response::new(SignalWorkflowExecutionResponse { link: None }))
    }

    async fn request_cancel_workflow_execution(
        &self,
        request: Request<RequestCancelWorkflowExecutionRequest>,
    ) -> Answer<RequestCancelWorkflowExecutionResponse> {
        let r = request.into_inner();
        let request = CancelRequest { reason: r.reason, identity: r.identity, external: None };
        let execution = r.workflow_execution.as_ref();
        let change = self.change(|transition| {
            request_cancel(transition, &r.namespace, execution, &r.first_execution_run_id, request)
        });
        change.await?;
        Ok(Response::new(RequestCancelWorkflowExecutionResponse {}))
    }

    async fn terminate_workflow_execution(
        &self,
        request: Request<TerminateWorkflowExecutionRequest>,
    ) -> Answer<TerminateWorkflowExecutionResponse> {
        let request = request.into_inner();
        self.change(|transition| terminate(transition, request)).await?;
        Ok(Response::new(TerminateWorkflowExecutionResponse {}))
    }

    async fn describe_workflow_execution(
        &self,
        request: Request<DescribeWorkflowExecutionRequest>,
    ) -> Answer<DescribeWorkflowExecutionResponse> {
        let request = request.into_inner();
        let (number, response) = {
            let shard = self.lock();
            let number = shard.executions.find(&request.namespace, request.execution.as_ref())?;
            let run = shard.executions.run(number).ok_or_else(Error::completed)?;
            (number, describe::describe(run))
        };
        self.run_on_disk(number).await?;
        Ok(Response::new(response))
    }

    async fn list_workflow_executions(
        &self,
        request: Request<ListWorkflowExecutionsRequest>,
    ) -> Answer<ListWorkflowExecutionsResponse> {
        self.list(request.into_inner()).await.map(Response::new)
    }

    async fn count_workflow_executions(
        &self,
        request: Request<CountWorkflowExecutionsRequest>,
    ) -> Answer<CountWorkflowExecutionsResponse> {
        self.count(request.into_inner()).await.map(Response::new)
    }

    async fn get_workflow_execution_history(
        &self,
        request: Request<GetWorkflowExecutionHistoryRequest>,
    ) -> Answer<GetWorkflowExecutionHistoryResponse> {
        self.history(request).await.map(Response::new)
    }

    async fn get_workflow_execution_history_reverse(
        &self,
        request: Request<GetWorkflowExecutionHistoryReverseRequest>,
    ) -> Answer<GetWorkflowExecutionHistoryReverseResponse> {
        self.history_reverse(request.into_inner()).await.map(Response::new)
    }

    async fn query_workflow(&self, request: Request<QueryWorkflowRequest>) -> Answer<QueryWorkflowResponse> {
        self.query(request).await.map(Response::new)
    }

    async fn poll_workflow_task_queue(
        &self,
        request: Request<PollWorkflowTaskQueueRequest>,
    ) -> Answer<PollWorkflowTaskQueueResponse> {
        self.poll_workflow_task(request).await.map(Response::new)
    }

    async fn respond_workflow_task_completed(
        &self,
        request: Request<RespondWorkflowTaskCompletedRequest>,
    ) -> Answer<RespondWorkflowTaskCompletedResponse> {
        self.complete_workflow_task(request.into_inner()).await.map(Response::new)
    }

    async fn respond_workflow_task_failed(
        &self,
        request: Request<RespondWorkflowTaskFailedRequest>,
    ) -> Answer<RespondWorkflowTaskFailedResponse> {
        self.fail_workflow_task(request.into_inner()).await?;
        Ok(Response::new(RespondWorkflowTaskFailedResponse {}))
    }

    async fn respond_query_task_completed(
        &self,
        request: Request<RespondQueryTaskCompletedRequest>,
    ) -> Answer<RespondQueryTaskCompletedResponse> {
        self.complete_query(request.into_inner())?;
        Ok(Response::new(RespondQueryTaskCompletedResponse {}))
    }

    async fn poll_activity_task_queue(
        &self,
        request: Request<PollActivityTaskQueueRequest>,
    ) -> Answer<PollActivityTaskQueueResponse> {
        self.poll_activity_task(request).await.map(Response::new)
    }

    async fn respond_activity_task_completed(
        &self,
        request: Request<RespondActivityTaskCompletedRequest>,
    ) -> Answer<RespondActivityTaskCompletedResponse> {
        let r = request.into_inner();
        let attempt = Attempt::Token(TaskToken::parse(&r.task_token)?);
        let end = AttemptEnd::Completed(r.result);
        let worker = Worker { identity: r.identity, version: r.worker_version, in_process: false };
        self.change(|transition| respond::end(transition, &r.namespace, &attempt, end, &worker)).await?;
        Ok(Response::new(RespondActivityTaskCompletedResponse {}))
    }

    async fn respond_activity_task_completed_by_id(
        &self,
        request: Request<RespondActivityTaskCompletedByIdRequest>,
    ) -> Answer<RespondActivityTaskCompletedByIdResponse> {
        let r = request.into_inner();
        let attempt =
            Attempt::Ids { workflow_id: r.workflow_id, run_id: r.run_id, activity_id: r.activity_id };
        let end = AttemptEnd::Completed(r.result);
        let worker = Worker { identity: r.identity, ..Worker::default() };
        self.change(|transition| respond::end(transition, &r.namespace, &attempt, end, &worker)).await?;
        Ok(Response::new(RespondActivityTaskCompletedByIdResponse {}))
    }

    async fn respond_activity_task_failed(
        &self,
        request: Request<RespondActivityTaskFailedRequest>,
    ) -> Answer<RespondActivityTaskFailedResponse> {
        let r = request.into_inner();
        let attempt = Attempt::Token(TaskToken::parse(&r.task_token)?);
        let end = AttemptEnd::Failed {
            failure: Box::new(r.failure.unwrap_or_default()),
            heartbeat_details: r.last_heartbeat_details,
        };
        let worker = Worker { identity: r.identity, version: r.worker_version, in_process: false };
        self.change(|transition| respond::end(transition, &r.namespace, &attempt, end, &worker)).await?;
        Ok(Response::new(RespondActivityTaskFailedResponse { failures: Vec::new() }))
    }

    async fn respond_activity_task_failed_by_id(
        &self,
        request: Request<RespondActivityTaskFailedByIdRequest>,
    ) -> Answer<RespondActivityTaskFailedByIdResponse> {
        let r = request.into_inner();
        let attempt =
            Attempt::Ids { workflow_id: r.workflow_id, run_id: r.run_id, activity_id: r.activity_id };
        let end = AttemptEnd::Failed {
            failure: Box::new(r.failure.unwrap_or_default()),
            heartbeat_details: r.last_heartbeat_details,
        };
        let worker = Worker { identity: r.identity, ..Worker::default() };
        self.change(|transition| respond::end(transition, &r.namespace, &attempt, end, &worker)).await?;
        Ok(Response::new(RespondActivityTaskFailedByIdResponse { failures: Vec::new() }))
    }

    async fn respond_activity_task_canceled(
        &self,
        request: Request<RespondActivityTaskCanceledRequest>,
    ) -> Answer<RespondActivityTaskCanceledResponse> {
        let r = request.into_inner();
        let attempt = Attempt::Token(TaskToken::parse(&r.task_token)?);
        let end = AttemptEnd::Canceled(r.details);
        let worker = Worker { identity: r.identity, version: r.worker_version, in_process: false };
        self.change(|transition| respond::end(transition, &r.namespace, &attempt, end, &worker)).await?;
        Ok(Response::new(RespondActivityTaskCanceledResponse {}))
    }

    async fn respond_activity_task_canceled_by_id(
        &self,
        request: Request<RespondActivityTaskCanceledByIdRequest>,
    ) -> Answer<RespondActivityTaskCanceledByIdResponse> {
        let r = request.into_inner();
        let attempt =
            Attempt::Ids { workflow_id: r.workflow_id, run_id: r.run_id, activity_id: r.activity_id };
        let end = AttemptEnd::Canceled(r.details);
        let worker = Worker { identity: r.identity, ..Worker::default() };
        self.change(|transition| respond::end(transition, &r.namespace, &attempt, end, &worker)).await?;
        Ok(Response::new(RespondActivityTaskCanceledByIdResponse {}))
    }

    async fn record_activity_task_heartbeat(
        &self,
        request: Request<RecordActivityTaskHeartbeatRequest>,
    ) -> Answer<RecordActivityTaskHeartbeatResponse> {
        let r = request.into_inner();
        let attempt = Attempt::Token(TaskToken::parse(&r.task_token)?);
        let cancel_requested = self
            .change(|transition| respond::heartbeat(transition, &r.namespace, &attempt, r.details))
            .await?;
        Ok(Response::new(RecordActivityTaskHeartbeatResponse { cancel_requested, ..Default::default() }))
    }

    async fn record_activity_task_heartbeat_by_id(
        &self,
        request: Request<RecordActivityTaskHeartbeatByIdRequest>,
    ) -> Answer<RecordActivityTaskHeartbeatByIdResponse> {
        let r = request.into_inner();
        let attempt =
            Attempt::Ids { workflow_id: r.workflow_id, run_id: r.run_id, activity_id: r.activity_id };
        let cancel_requested = self
            .change(|transition| respond::heartbeat(transition, &r.namespace, &attempt, r.details))
            .await?;
        Ok(Response::new(RecordActivityTaskHeartbeatByIdResponse { cancel_requested, ..Default::default() }))
    }

    async fn reset_sticky_task_queue(
        &self,
        request: Request<ResetStickyTaskQueueRequest>,
    ) -> Answer<ResetStickyTaskQueueResponse> {
        let r = request.into_inner();
        self.change(|transition| {
            let number = transition.executions.find_open(&r.namespace, r.execution.as_ref(), "")?;
            transition.change(number, |run| run.clear_sticky()).ok_or_else(Error::completed)
        })
        .await?;
        Ok(Response::new(ResetStickyTaskQueueResponse {}))
    }

    async fn poll_nexus_task_queue(
        &self,
        request: Request<PollNexusTaskQueueRequest>,
    ) -> Answer<PollNexusTaskQueueResponse> {
        self.poll_nexus_task(request).await.map(Response::new)
    }

    async fn shutdown_worker(
        &self,
        request: Request<ShutdownWorkerRequest>,
    ) -> Answer<ShutdownWorkerResponse> {
        self.forget_worker(&request.into_inner())?;
        Ok(Response::new(ShutdownWorkerResponse::default()))
    }

    /// Workers are told that heartbeats are not wanted; one that comes anyway does no harm.
    async fn record_worker_heartbeat(
        &self,
        request: Request<RecordWorkerHeartbeatRequest>,
    ) -> Answer<RecordWorkerHeartbeatResponse> {
        self.lock().executions.check_namespace(&request.get_ref().namespace)?;
        Ok(Response::new(RecordWorkerHeartbeatResponse::default()))
    }
}
