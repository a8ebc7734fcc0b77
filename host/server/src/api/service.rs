//! The protocol's calls, each to its file. Calls that are not here answer UNIMPLEMENTED.

use host_service::WorkflowService;
use host_wire::temporal::api::workflowservice::v1::*;
use tonic::{Request, Response, Status};

// The file of each call.
use super::*;
use crate::api::{
    admission::{admit, admit_completion, answer},
    open::Service,
};

type Answer<R> = Result<Response<R>, Status>;

#[tonic::async_trait]
impl WorkflowService for Service {
    async fn get_system_info(&self, request: Request<GetSystemInfoRequest>) -> Answer<GetSystemInfoResponse> {
        admit(request)?;
        answer(Ok(get_system_info::handle()))
    }

    async fn get_cluster_info(
        &self,
        request: Request<GetClusterInfoRequest>,
    ) -> Answer<GetClusterInfoResponse> {
        admit(request)?;
        answer(Ok(get_cluster_info::handle()))
    }

    async fn describe_namespace(
        &self,
        request: Request<DescribeNamespaceRequest>,
    ) -> Answer<DescribeNamespaceResponse> {
        let request = admit(request)?;
        answer(describe_namespace::handle(&self.context, request.get_ref()))
    }

    async fn list_namespaces(
        &self,
        request: Request<ListNamespacesRequest>,
    ) -> Answer<ListNamespacesResponse> {
        admit(request)?;
        answer(Ok(list_namespaces::handle(&self.context)))
    }

    async fn describe_task_queue(
        &self,
        request: Request<DescribeTaskQueueRequest>,
    ) -> Answer<DescribeTaskQueueResponse> {
        let request = admit(request)?;
        answer(describe_task_queue::handle(&self.context, request.into_inner()))
    }

    async fn delete_workflow_execution(
        &self,
        request: Request<DeleteWorkflowExecutionRequest>,
    ) -> Answer<DeleteWorkflowExecutionResponse> {
        let request = admit(request)?;
        answer(delete_workflow_execution::handle(&self.context, request.into_inner()).await)
    }

    async fn start_workflow_execution(
        &self,
        request: Request<StartWorkflowExecutionRequest>,
    ) -> Answer<StartWorkflowExecutionResponse> {
        let request = admit(request)?;
        answer(start_workflow_execution::handle(&self.context, request.into_inner()).await)
    }

    async fn signal_with_start_workflow_execution(
        &self,
        request: Request<SignalWithStartWorkflowExecutionRequest>,
    ) -> Answer<SignalWithStartWorkflowExecutionResponse> {
        let request = admit(request)?;
        answer(signal_with_start_workflow_execution::handle(&self.context, request.into_inner()).await)
    }

    async fn signal_workflow_execution(
        &self,
        request: Request<SignalWorkflowExecutionRequest>,
    ) -> Answer<SignalWorkflowExecutionResponse> {
        let request = admit(request)?;
        answer(signal_workflow_execution::handle(&self.context, request.into_inner()).await)
    }

    async fn request_cancel_workflow_execution(
        &self,
        request: Request<RequestCancelWorkflowExecutionRequest>,
    ) -> Answer<RequestCancelWorkflowExecutionResponse> {
        let request = admit(request)?;
        answer(request_cancel_workflow_execution::handle(&self.context, request.into_inner()).await)
    }

    async fn terminate_workflow_execution(
        &self,
        request: Request<TerminateWorkflowExecutionRequest>,
    ) -> Answer<TerminateWorkflowExecutionResponse> {
        let request = admit(request)?;
        answer(terminate_workflow_execution::handle(&self.context, request.into_inner()).await)
    }

    async fn describe_workflow_execution(
        &self,
        request: Request<DescribeWorkflowExecutionRequest>,
    ) -> Answer<DescribeWorkflowExecutionResponse> {
        let request = admit(request)?;
        answer(describe_workflow_execution::handle(&self.context, request.into_inner()).await)
    }

    async fn list_workflow_executions(
        &self,
        request: Request<ListWorkflowExecutionsRequest>,
    ) -> Answer<ListWorkflowExecutionsResponse> {
        let request = admit(request)?;
        answer(list_workflow_executions::handle(&self.context, request.into_inner()).await)
    }

    async fn scan_workflow_executions(
        &self,
        request: Request<ScanWorkflowExecutionsRequest>,
    ) -> Answer<ScanWorkflowExecutionsResponse> {
        let request = admit(request)?;
        answer(scan_workflow_executions::handle(&self.context, request.into_inner()).await)
    }

    async fn list_open_workflow_executions(
        &self,
        request: Request<ListOpenWorkflowExecutionsRequest>,
    ) -> Answer<ListOpenWorkflowExecutionsResponse> {
        let request = admit(request)?;
        answer(list_open_workflow_executions::handle(&self.context, request.into_inner()).await)
    }

    async fn list_closed_workflow_executions(
        &self,
        request: Request<ListClosedWorkflowExecutionsRequest>,
    ) -> Answer<ListClosedWorkflowExecutionsResponse> {
        let request = admit(request)?;
        answer(list_closed_workflow_executions::handle(&self.context, request.into_inner()).await)
    }

    async fn list_archived_workflow_executions(
        &self,
        request: Request<ListArchivedWorkflowExecutionsRequest>,
    ) -> Answer<ListArchivedWorkflowExecutionsResponse> {
        let request = admit(request)?;
        answer(list_archived_workflow_executions::handle(request.get_ref()))
    }

    async fn get_search_attributes(
        &self,
        request: Request<GetSearchAttributesRequest>,
    ) -> Answer<GetSearchAttributesResponse> {
        admit(request)?;
        answer(Ok(get_search_attributes::handle()))
    }

    async fn count_workflow_executions(
        &self,
        request: Request<CountWorkflowExecutionsRequest>,
    ) -> Answer<CountWorkflowExecutionsResponse> {
        let request = admit(request)?;
        answer(count_workflow_executions::handle(&self.context, request.into_inner()).await)
    }

    async fn get_workflow_execution_history(
        &self,
        request: Request<GetWorkflowExecutionHistoryRequest>,
    ) -> Answer<GetWorkflowExecutionHistoryResponse> {
        let request = admit(request)?;
        answer(get_workflow_execution_history::handle(&self.context, request).await)
    }

    async fn get_workflow_execution_history_reverse(
        &self,
        request: Request<GetWorkflowExecutionHistoryReverseRequest>,
    ) -> Answer<GetWorkflowExecutionHistoryReverseResponse> {
        let request = admit(request)?;
        answer(get_workflow_execution_history_reverse::handle(&self.context, request.into_inner()).await)
    }

    async fn query_workflow(&self, request: Request<QueryWorkflowRequest>) -> Answer<QueryWorkflowResponse> {
        let request = admit(request)?;
        answer(query_workflow::handle(&self.context, request).await)
    }

    async fn update_workflow_execution(
        &self,
        request: Request<UpdateWorkflowExecutionRequest>,
    ) -> Answer<UpdateWorkflowExecutionResponse> {
        let request = admit(request)?;
        answer(update_workflow_execution::handle(&self.context, request).await)
    }

    async fn poll_workflow_execution_update(
        &self,
        request: Request<PollWorkflowExecutionUpdateRequest>,
    ) -> Answer<PollWorkflowExecutionUpdateResponse> {
        let request = admit(request)?;
        answer(poll_workflow_execution_update::handle(&self.context, request).await)
    }

    async fn execute_multi_operation(
        &self,
        request: Request<ExecuteMultiOperationRequest>,
    ) -> Answer<ExecuteMultiOperationResponse> {
        let request = admit(request)?;
        answer(execute_multi_operation::handle(&self.context, request).await)
    }

    async fn poll_workflow_task_queue(
        &self,
        request: Request<PollWorkflowTaskQueueRequest>,
    ) -> Answer<PollWorkflowTaskQueueResponse> {
        let request = admit(request)?;
        answer(poll_workflow_task_queue::handle(&self.context, request).await)
    }

    async fn respond_workflow_task_completed(
        &self,
        request: Request<RespondWorkflowTaskCompletedRequest>,
    ) -> Answer<RespondWorkflowTaskCompletedResponse> {
        let request = admit_completion(request)?;
        answer(respond_workflow_task_completed::handle(&self.context, request.into_inner()).await)
    }

    async fn respond_workflow_task_failed(
        &self,
        request: Request<RespondWorkflowTaskFailedRequest>,
    ) -> Answer<RespondWorkflowTaskFailedResponse> {
        let request = admit(request)?;
        answer(respond_workflow_task_failed::handle(&self.context, request.into_inner()).await)
    }

    async fn respond_query_task_completed(
        &self,
        request: Request<RespondQueryTaskCompletedRequest>,
    ) -> Answer<RespondQueryTaskCompletedResponse> {
        let request = admit(request)?;
        answer(respond_query_task_completed::handle(&self.context, request.into_inner()))
    }

    async fn poll_activity_task_queue(
        &self,
        request: Request<PollActivityTaskQueueRequest>,
    ) -> Answer<PollActivityTaskQueueResponse> {
        let request = admit(request)?;
        answer(poll_activity_task_queue::handle(&self.context, request).await)
    }

    async fn respond_activity_task_completed(
        &self,
        request: Request<RespondActivityTaskCompletedRequest>,
    ) -> Answer<RespondActivityTaskCompletedResponse> {
        let request = admit(request)?;
        answer(respond_activity_task_completed::handle(&self.context, request.into_inner()).await)
    }

    async fn respond_activity_task_completed_by_id(
        &self,
        request: Request<RespondActivityTaskCompletedByIdRequest>,
    ) -> Answer<RespondActivityTaskCompletedByIdResponse> {
        let request = admit(request)?;
        answer(respond_activity_task_completed_by_id::handle(&self.context, request.into_inner()).await)
    }

    async fn respond_activity_task_failed(
        &self,
        request: Request<RespondActivityTaskFailedRequest>,
    ) -> Answer<RespondActivityTaskFailedResponse> {
        let request = admit(request)?;
        answer(respond_activity_task_failed::handle(&self.context, request.into_inner()).await)
    }

    async fn respond_activity_task_failed_by_id(
        &self,
        request: Request<RespondActivityTaskFailedByIdRequest>,
    ) -> Answer<RespondActivityTaskFailedByIdResponse> {
        let request = admit(request)?;
        answer(respond_activity_task_failed_by_id::handle(&self.context, request.into_inner()).await)
    }

    async fn respond_activity_task_canceled(
        &self,
        request: Request<RespondActivityTaskCanceledRequest>,
    ) -> Answer<RespondActivityTaskCanceledResponse> {
        let request = admit(request)?;
        answer(respond_activity_task_canceled::handle(&self.context, request.into_inner()).await)
    }

    async fn respond_activity_task_canceled_by_id(
        &self,
        request: Request<RespondActivityTaskCanceledByIdRequest>,
    ) -> Answer<RespondActivityTaskCanceledByIdResponse> {
        let request = admit(request)?;
        answer(respond_activity_task_canceled_by_id::handle(&self.context, request.into_inner()).await)
    }

    async fn record_activity_task_heartbeat(
        &self,
        request: Request<RecordActivityTaskHeartbeatRequest>,
    ) -> Answer<RecordActivityTaskHeartbeatResponse> {
        let request = admit(request)?;
        answer(record_activity_task_heartbeat::handle(&self.context, request.into_inner()).await)
    }

    async fn record_activity_task_heartbeat_by_id(
        &self,
        request: Request<RecordActivityTaskHeartbeatByIdRequest>,
    ) -> Answer<RecordActivityTaskHeartbeatByIdResponse> {
        let request = admit(request)?;
        answer(record_activity_task_heartbeat_by_id::handle(&self.context, request.into_inner()).await)
    }

    async fn reset_sticky_task_queue(
        &self,
        request: Request<ResetStickyTaskQueueRequest>,
    ) -> Answer<ResetStickyTaskQueueResponse> {
        let request = admit(request)?;
        answer(reset_sticky_task_queue::handle(&self.context, request.into_inner()).await)
    }

    async fn reset_workflow_execution(
        &self,
        request: Request<ResetWorkflowExecutionRequest>,
    ) -> Answer<ResetWorkflowExecutionResponse> {
        let request = admit(request)?;
        answer(reset_workflow_execution::handle(&self.context, request.into_inner()).await)
    }

    async fn pause_activity(&self, request: Request<PauseActivityRequest>) -> Answer<PauseActivityResponse> {
        let request = admit(request)?;
        answer(pause_activity::handle(&self.context, request.into_inner()).await)
    }

    async fn unpause_activity(
        &self,
        request: Request<UnpauseActivityRequest>,
    ) -> Answer<UnpauseActivityResponse> {
        let request = admit(request)?;
        answer(unpause_activity::handle(&self.context, request.into_inner()).await)
    }

    async fn reset_activity(&self, request: Request<ResetActivityRequest>) -> Answer<ResetActivityResponse> {
        let request = admit(request)?;
        answer(reset_activity::handle(&self.context, request.into_inner()).await)
    }

    async fn update_activity_options(
        &self,
        request: Request<UpdateActivityOptionsRequest>,
    ) -> Answer<UpdateActivityOptionsResponse> {
        let request = admit(request)?;
        answer(update_activity_options::handle(&self.context, request.into_inner()).await)
    }

    async fn update_workflow_execution_options(
        &self,
        request: Request<UpdateWorkflowExecutionOptionsRequest>,
    ) -> Answer<UpdateWorkflowExecutionOptionsResponse> {
        let request = admit(request)?;
        answer(update_workflow_execution_options::handle(&self.context, request.into_inner()).await)
    }

    async fn poll_nexus_task_queue(
        &self,
        request: Request<PollNexusTaskQueueRequest>,
    ) -> Answer<PollNexusTaskQueueResponse> {
        let request = admit(request)?;
        answer(poll_nexus_task_queue::handle(&self.context, request).await)
    }

    async fn shutdown_worker(
        &self,
        request: Request<ShutdownWorkerRequest>,
    ) -> Answer<ShutdownWorkerResponse> {
        let request = admit(request)?;
        answer(shutdown_worker::handle(&self.context, request.into_inner()))
    }

    async fn record_worker_heartbeat(
        &self,
        request: Request<RecordWorkerHeartbeatRequest>,
    ) -> Answer<RecordWorkerHeartbeatResponse> {
        let request = admit(request)?;
        answer(record_worker_heartbeat::handle(&self.context, request.get_ref()))
    }

    async fn create_schedule(
        &self,
        request: Request<CreateScheduleRequest>,
    ) -> Answer<CreateScheduleResponse> {
        let request = admit(request)?;
        answer(create_schedule::handle(&self.context, request.into_inner()).await)
    }

    async fn describe_schedule(
        &self,
        request: Request<DescribeScheduleRequest>,
    ) -> Answer<DescribeScheduleResponse> {
        let request = admit(request)?;
        answer(describe_schedule::handle(&self.context, request.into_inner()).await)
    }

    async fn update_schedule(
        &self,
        request: Request<UpdateScheduleRequest>,
    ) -> Answer<UpdateScheduleResponse> {
        let request = admit(request)?;
        answer(update_schedule::handle(&self.context, request.into_inner()).await)
    }

    async fn patch_schedule(&self, request: Request<PatchScheduleRequest>) -> Answer<PatchScheduleResponse> {
        let request = admit(request)?;
        answer(patch_schedule::handle(&self.context, request.into_inner()).await)
    }

    async fn list_schedule_matching_times(
        &self,
        request: Request<ListScheduleMatchingTimesRequest>,
    ) -> Answer<ListScheduleMatchingTimesResponse> {
        let request = admit(request)?;
        answer(list_schedule_matching_times::handle(&self.context, request.into_inner()).await)
    }

    async fn delete_schedule(
        &self,
        request: Request<DeleteScheduleRequest>,
    ) -> Answer<DeleteScheduleResponse> {
        let request = admit(request)?;
        answer(delete_schedule::handle(&self.context, request.into_inner()).await)
    }

    async fn list_schedules(&self, request: Request<ListSchedulesRequest>) -> Answer<ListSchedulesResponse> {
        let request = admit(request)?;
        answer(list_schedules::handle(&self.context, request.into_inner()).await)
    }

    async fn count_schedules(
        &self,
        request: Request<CountSchedulesRequest>,
    ) -> Answer<CountSchedulesResponse> {
        let request = admit(request)?;
        answer(count_schedules::handle(&self.context, request.into_inner()).await)
    }

    async fn start_batch_operation(
        &self,
        request: Request<StartBatchOperationRequest>,
    ) -> Answer<StartBatchOperationResponse> {
        let request = admit(request)?;
        answer(start_batch_operation::handle(&self.context, request.into_inner()).await)
    }

    async fn describe_batch_operation(
        &self,
        request: Request<DescribeBatchOperationRequest>,
    ) -> Answer<DescribeBatchOperationResponse> {
        let request = admit(request)?;
        answer(describe_batch_operation::handle(&self.context, request.into_inner()).await)
    }

    async fn list_batch_operations(
        &self,
        request: Request<ListBatchOperationsRequest>,
    ) -> Answer<ListBatchOperationsResponse> {
        let request = admit(request)?;
        answer(list_batch_operations::handle(&self.context, request.into_inner()).await)
    }

    async fn stop_batch_operation(
        &self,
        request: Request<StopBatchOperationRequest>,
    ) -> Answer<StopBatchOperationResponse> {
        let request = admit(request)?;
        answer(stop_batch_operation::handle(&self.context, request.into_inner()).await)
    }
}
