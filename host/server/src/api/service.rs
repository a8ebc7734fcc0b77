//! The protocol's calls, each to its file. Calls that are not here answer UNIMPLEMENTED.

use host_service::WorkflowService;
use host_wire::temporal::api::workflowservice::v1::*;
use tonic::{Request, Response, Status};

// The file of each call.
use super::*;
use crate::api::{
    admission::{admit, admit_completion, answer},
    metrics::measured,
    open::Service,
};

/// Implements the service. Each call gets the context of its caller and its request, which was admitted.
macro_rules! calls {
    (
        admitted { $(async fn $call:ident(
            $context:ident, $request:ident: $request_type:ident
        ) -> $response_type:ident $answer:block)* }
        admitted_but_for_commands { $(async fn $completion:ident(
            $completion_context:ident, $completion_request:ident: $completion_type:ident
        ) -> $completed_type:ident $completed:block)* }
    ) => {
        #[tonic::async_trait]
        impl WorkflowService for Service {
            $(async fn $call(
                &self,
                request: Request<$request_type>,
            ) -> Result<Response<$response_type>, Status> {
                measured(stringify!($request_type), async {
                    let ($context, $request) = (&self.context, admit(request)?);
                    answer($answer)
                })
                .await
            })*

            $(async fn $completion(
                &self,
                request: Request<$completion_type>,
            ) -> Result<Response<$completed_type>, Status> {
                measured(stringify!($completion_type), async {
                    let ($completion_context, $completion_request) =
                        (&self.context, admit_completion(request)?);
                    answer($completed)
                })
                .await
            })*
        }
    };
}

calls! {
    admitted {
        async fn get_system_info(_context, _request: GetSystemInfoRequest) -> GetSystemInfoResponse {
            Ok(get_system_info::handle())
        }

        async fn get_cluster_info(_context, _request: GetClusterInfoRequest) -> GetClusterInfoResponse {
            Ok(get_cluster_info::handle())
        }

        async fn describe_namespace(context, request: DescribeNamespaceRequest) -> DescribeNamespaceResponse {
            describe_namespace::handle(context, request.into_inner()).await
        }

        async fn list_namespaces(context, request: ListNamespacesRequest) -> ListNamespacesResponse {
            list_namespaces::handle(context, request.into_inner()).await
        }

        async fn register_namespace(context, request: RegisterNamespaceRequest) -> RegisterNamespaceResponse {
            register_namespace::handle(context, request.into_inner()).await
        }

        async fn update_namespace(context, request: UpdateNamespaceRequest) -> UpdateNamespaceResponse {
            update_namespace::handle(context, request.into_inner()).await
        }

        async fn deprecate_namespace(context, request: DeprecateNamespaceRequest)
            -> DeprecateNamespaceResponse
        {
            deprecate_namespace::handle(context, request.into_inner()).await
        }

        async fn describe_task_queue(context, request: DescribeTaskQueueRequest)
            -> DescribeTaskQueueResponse
        {
            describe_task_queue::handle(context, request.into_inner())
        }

        async fn delete_workflow_execution(context, request: DeleteWorkflowExecutionRequest)
            -> DeleteWorkflowExecutionResponse
        {
            delete_workflow_execution::handle(context, request.into_inner()).await
        }

        async fn start_workflow_execution(context, request: StartWorkflowExecutionRequest)
            -> StartWorkflowExecutionResponse
        {
            start_workflow_execution::handle(context, request.into_inner()).await
        }

        async fn signal_with_start_workflow_execution(
            context, request: SignalWithStartWorkflowExecutionRequest
        ) -> SignalWithStartWorkflowExecutionResponse {
            signal_with_start_workflow_execution::handle(context, request.into_inner()).await
        }

        async fn signal_workflow_execution(context, request: SignalWorkflowExecutionRequest)
            -> SignalWorkflowExecutionResponse
        {
            signal_workflow_execution::handle(context, request.into_inner()).await
        }

        async fn request_cancel_workflow_execution(context, request: RequestCancelWorkflowExecutionRequest)
            -> RequestCancelWorkflowExecutionResponse
        {
            request_cancel_workflow_execution::handle(context, request.into_inner()).await
        }

        async fn terminate_workflow_execution(context, request: TerminateWorkflowExecutionRequest)
            -> TerminateWorkflowExecutionResponse
        {
            terminate_workflow_execution::handle(context, request.into_inner()).await
        }

        async fn describe_workflow_execution(context, request: DescribeWorkflowExecutionRequest)
            -> DescribeWorkflowExecutionResponse
        {
            describe_workflow_execution::handle(context, request.into_inner()).await
        }

        async fn list_workflow_executions(context, request: ListWorkflowExecutionsRequest)
            -> ListWorkflowExecutionsResponse
        {
            list_workflow_executions::handle(context, request.into_inner()).await
        }

        async fn scan_workflow_executions(context, request: ScanWorkflowExecutionsRequest)
            -> ScanWorkflowExecutionsResponse
        {
            scan_workflow_executions::handle(context, request.into_inner()).await
        }

        async fn list_open_workflow_executions(context, request: ListOpenWorkflowExecutionsRequest)
            -> ListOpenWorkflowExecutionsResponse
        {
            list_open_workflow_executions::handle(context, request.into_inner()).await
        }

        async fn list_closed_workflow_executions(context, request: ListClosedWorkflowExecutionsRequest)
            -> ListClosedWorkflowExecutionsResponse
        {
            list_closed_workflow_executions::handle(context, request.into_inner()).await
        }

        async fn list_archived_workflow_executions(_context, request: ListArchivedWorkflowExecutionsRequest)
            -> ListArchivedWorkflowExecutionsResponse
        {
            list_archived_workflow_executions::handle(request.get_ref())
        }

        async fn get_search_attributes(_context, _request: GetSearchAttributesRequest)
            -> GetSearchAttributesResponse
        {
            Ok(get_search_attributes::handle())
        }

        async fn count_workflow_executions(context, request: CountWorkflowExecutionsRequest)
            -> CountWorkflowExecutionsResponse
        {
            count_workflow_executions::handle(context, request.into_inner()).await
        }

        async fn get_workflow_execution_history(context, request: GetWorkflowExecutionHistoryRequest)
            -> GetWorkflowExecutionHistoryResponse
        {
            get_workflow_execution_history::handle(context, request).await
        }

        async fn get_workflow_execution_history_reverse(
            context, request: GetWorkflowExecutionHistoryReverseRequest
        ) -> GetWorkflowExecutionHistoryReverseResponse {
            get_workflow_execution_history_reverse::handle(context, request.into_inner()).await
        }

        async fn query_workflow(context, request: QueryWorkflowRequest) -> QueryWorkflowResponse {
            query_workflow::handle(context, request).await
        }

        async fn update_workflow_execution(context, request: UpdateWorkflowExecutionRequest)
            -> UpdateWorkflowExecutionResponse
        {
            update_workflow_execution::handle(context, request).await
        }

        async fn poll_workflow_execution_update(context, request: PollWorkflowExecutionUpdateRequest)
            -> PollWorkflowExecutionUpdateResponse
        {
            poll_workflow_execution_update::handle(context, request).await
        }

        async fn execute_multi_operation(context, request: ExecuteMultiOperationRequest)
            -> ExecuteMultiOperationResponse
        {
            execute_multi_operation::handle(context, request).await
        }

        async fn poll_workflow_task_queue(context, request: PollWorkflowTaskQueueRequest)
            -> PollWorkflowTaskQueueResponse
        {
            poll_workflow_task_queue::handle(context, request).await
        }

        async fn respond_workflow_task_failed(context, request: RespondWorkflowTaskFailedRequest)
            -> RespondWorkflowTaskFailedResponse
        {
            respond_workflow_task_failed::handle(context, request.into_inner()).await
        }

        async fn respond_query_task_completed(context, request: RespondQueryTaskCompletedRequest)
            -> RespondQueryTaskCompletedResponse
        {
            respond_query_task_completed::handle(context, request.into_inner())
        }

        async fn poll_activity_task_queue(context, request: PollActivityTaskQueueRequest)
            -> PollActivityTaskQueueResponse
        {
            poll_activity_task_queue::handle(context, request).await
        }

        async fn respond_activity_task_completed(context, request: RespondActivityTaskCompletedRequest)
            -> RespondActivityTaskCompletedResponse
        {
            respond_activity_task_completed::handle(context, request.into_inner()).await
        }

        async fn respond_activity_task_completed_by_id(
            context, request: RespondActivityTaskCompletedByIdRequest
        ) -> RespondActivityTaskCompletedByIdResponse {
            respond_activity_task_completed_by_id::handle(context, request.into_inner()).await
        }

        async fn respond_activity_task_failed(context, request: RespondActivityTaskFailedRequest)
            -> RespondActivityTaskFailedResponse
        {
            respond_activity_task_failed::handle(context, request.into_inner()).await
        }

        async fn respond_activity_task_failed_by_id(context, request: RespondActivityTaskFailedByIdRequest)
            -> RespondActivityTaskFailedByIdResponse
        {
            respond_activity_task_failed_by_id::handle(context, request.into_inner()).await
        }

        async fn respond_activity_task_canceled(context, request: RespondActivityTaskCanceledRequest)
            -> RespondActivityTaskCanceledResponse
        {
            respond_activity_task_canceled::handle(context, request.into_inner()).await
        }

        async fn respond_activity_task_canceled_by_id(
            context, request: RespondActivityTaskCanceledByIdRequest
        ) -> RespondActivityTaskCanceledByIdResponse {
            respond_activity_task_canceled_by_id::handle(context, request.into_inner()).await
        }

        async fn record_activity_task_heartbeat(context, request: RecordActivityTaskHeartbeatRequest)
            -> RecordActivityTaskHeartbeatResponse
        {
            record_activity_task_heartbeat::handle(context, request.into_inner()).await
        }

        async fn record_activity_task_heartbeat_by_id(
            context, request: RecordActivityTaskHeartbeatByIdRequest
        ) -> RecordActivityTaskHeartbeatByIdResponse {
            record_activity_task_heartbeat_by_id::handle(context, request.into_inner()).await
        }

        async fn reset_sticky_task_queue(context, request: ResetStickyTaskQueueRequest)
            -> ResetStickyTaskQueueResponse
        {
            reset_sticky_task_queue::handle(context, request.into_inner()).await
        }

        async fn reset_workflow_execution(context, request: ResetWorkflowExecutionRequest)
            -> ResetWorkflowExecutionResponse
        {
            reset_workflow_execution::handle(context, request.into_inner()).await
        }

        async fn pause_activity(context, request: PauseActivityRequest) -> PauseActivityResponse {
            pause_activity::handle(context, request.into_inner()).await
        }

        async fn unpause_activity(context, request: UnpauseActivityRequest) -> UnpauseActivityResponse {
            unpause_activity::handle(context, request.into_inner()).await
        }

        async fn reset_activity(context, request: ResetActivityRequest) -> ResetActivityResponse {
            reset_activity::handle(context, request.into_inner()).await
        }

        async fn update_activity_options(context, request: UpdateActivityOptionsRequest)
            -> UpdateActivityOptionsResponse
        {
            update_activity_options::handle(context, request.into_inner()).await
        }

        async fn update_workflow_execution_options(context, request: UpdateWorkflowExecutionOptionsRequest)
            -> UpdateWorkflowExecutionOptionsResponse
        {
            update_workflow_execution_options::handle(context, request.into_inner()).await
        }

        async fn poll_nexus_task_queue(context, request: PollNexusTaskQueueRequest)
            -> PollNexusTaskQueueResponse
        {
            poll_nexus_task_queue::handle(context, request).await
        }

        async fn respond_nexus_task_completed(context, request: RespondNexusTaskCompletedRequest)
            -> RespondNexusTaskCompletedResponse
        {
            respond_nexus_task_completed::handle(context, request.into_inner()).await
        }

        async fn respond_nexus_task_failed(context, request: RespondNexusTaskFailedRequest)
            -> RespondNexusTaskFailedResponse
        {
            respond_nexus_task_failed::handle(context, request.into_inner()).await
        }

        async fn shutdown_worker(context, request: ShutdownWorkerRequest) -> ShutdownWorkerResponse {
            shutdown_worker::handle(context, request.into_inner())
        }

        async fn record_worker_heartbeat(context, request: RecordWorkerHeartbeatRequest)
            -> RecordWorkerHeartbeatResponse
        {
            record_worker_heartbeat::handle(context, request.into_inner())
        }

        async fn list_workers(context, request: ListWorkersRequest) -> ListWorkersResponse {
            list_workers::handle(context, request.get_ref())
        }

        async fn describe_worker(context, request: DescribeWorkerRequest) -> DescribeWorkerResponse {
            describe_worker::handle(context, request.get_ref())
        }

        async fn list_task_queue_partitions(context, request: ListTaskQueuePartitionsRequest)
            -> ListTaskQueuePartitionsResponse
        {
            list_task_queue_partitions::handle(context, request.into_inner())
        }

        async fn update_task_queue_config(context, request: UpdateTaskQueueConfigRequest)
            -> UpdateTaskQueueConfigResponse
        {
            update_task_queue_config::handle(context, request.into_inner()).await
        }

        async fn describe_worker_deployment(
            context, request: DescribeWorkerDeploymentRequest
        ) -> DescribeWorkerDeploymentResponse {
            describe_worker_deployment::handle(context, request.into_inner()).await
        }

        async fn describe_worker_deployment_version(
            context, request: DescribeWorkerDeploymentVersionRequest
        ) -> DescribeWorkerDeploymentVersionResponse {
            describe_worker_deployment_version::handle(context, request.into_inner()).await
        }

        async fn list_worker_deployments(
            context, request: ListWorkerDeploymentsRequest
        ) -> ListWorkerDeploymentsResponse {
            list_worker_deployments::handle(context, request.into_inner()).await
        }

        async fn set_worker_deployment_current_version(
            context, request: SetWorkerDeploymentCurrentVersionRequest
        ) -> SetWorkerDeploymentCurrentVersionResponse {
            set_worker_deployment_current_version::handle(context, request.into_inner()).await
        }

        async fn set_worker_deployment_ramping_version(
            context, request: SetWorkerDeploymentRampingVersionRequest
        ) -> SetWorkerDeploymentRampingVersionResponse {
            set_worker_deployment_ramping_version::handle(context, request.into_inner()).await
        }

        async fn set_worker_deployment_manager(
            context, request: SetWorkerDeploymentManagerRequest
        ) -> SetWorkerDeploymentManagerResponse {
            set_worker_deployment_manager::handle(context, request.into_inner()).await
        }

        async fn update_worker_deployment_version_metadata(
            context, request: UpdateWorkerDeploymentVersionMetadataRequest
        ) -> UpdateWorkerDeploymentVersionMetadataResponse {
            update_worker_deployment_version_metadata::handle(context, request.into_inner()).await
        }

        async fn delete_worker_deployment_version(
            context, request: DeleteWorkerDeploymentVersionRequest
        ) -> DeleteWorkerDeploymentVersionResponse {
            delete_worker_deployment_version::handle(context, request.into_inner()).await
        }

        async fn delete_worker_deployment(
            context, request: DeleteWorkerDeploymentRequest
        ) -> DeleteWorkerDeploymentResponse {
            delete_worker_deployment::handle(context, request.into_inner()).await
        }

        async fn create_schedule(context, request: CreateScheduleRequest) -> CreateScheduleResponse {
            create_schedule::handle(context, request.into_inner()).await
        }

        async fn describe_schedule(context, request: DescribeScheduleRequest) -> DescribeScheduleResponse {
            describe_schedule::handle(context, request.into_inner()).await
        }

        async fn update_schedule(context, request: UpdateScheduleRequest) -> UpdateScheduleResponse {
            update_schedule::handle(context, request.into_inner()).await
        }

        async fn patch_schedule(context, request: PatchScheduleRequest) -> PatchScheduleResponse {
            patch_schedule::handle(context, request.into_inner()).await
        }

        async fn list_schedule_matching_times(context, request: ListScheduleMatchingTimesRequest)
            -> ListScheduleMatchingTimesResponse
        {
            list_schedule_matching_times::handle(context, request.into_inner()).await
        }

        async fn delete_schedule(context, request: DeleteScheduleRequest) -> DeleteScheduleResponse {
            delete_schedule::handle(context, request.into_inner()).await
        }

        async fn list_schedules(context, request: ListSchedulesRequest) -> ListSchedulesResponse {
            list_schedules::handle(context, request.into_inner()).await
        }

        async fn count_schedules(context, request: CountSchedulesRequest) -> CountSchedulesResponse {
            count_schedules::handle(context, request.into_inner()).await
        }

        async fn start_batch_operation(context, request: StartBatchOperationRequest)
            -> StartBatchOperationResponse
        {
            start_batch_operation::handle(context, request.into_inner()).await
        }

        async fn describe_batch_operation(context, request: DescribeBatchOperationRequest)
            -> DescribeBatchOperationResponse
        {
            describe_batch_operation::handle(context, request.into_inner()).await
        }

        async fn list_batch_operations(context, request: ListBatchOperationsRequest)
            -> ListBatchOperationsResponse
        {
            list_batch_operations::handle(context, request.into_inner()).await
        }

        async fn stop_batch_operation(context, request: StopBatchOperationRequest)
            -> StopBatchOperationResponse
        {
            stop_batch_operation::handle(context, request.into_inner()).await
        }
    }
    admitted_but_for_commands {
        async fn respond_workflow_task_completed(context, request: RespondWorkflowTaskCompletedRequest)
            -> RespondWorkflowTaskCompletedResponse
        {
            respond_workflow_task_completed::handle(context, request.into_inner()).await
        }
    }
}
