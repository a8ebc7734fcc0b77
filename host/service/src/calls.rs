//! The calls that workers and the command line make, for what stands between them and a service.

/// Passes the list of calls to a macro: `calls` are answered at once; `waits` and `polls` are held open by the service.
#[macro_export]
macro_rules! calls {
    ($then:ident) => {
        $then! {
            calls {
                get_system_info(GetSystemInfoRequest) -> GetSystemInfoResponse;
                get_cluster_info(GetClusterInfoRequest) -> GetClusterInfoResponse;
                describe_namespace(DescribeNamespaceRequest) -> DescribeNamespaceResponse;
                register_namespace(RegisterNamespaceRequest) -> RegisterNamespaceResponse;
                update_namespace(UpdateNamespaceRequest) -> UpdateNamespaceResponse;
                list_namespaces(ListNamespacesRequest) -> ListNamespacesResponse;
                deprecate_namespace(DeprecateNamespaceRequest) -> DeprecateNamespaceResponse;
                start_workflow_execution(StartWorkflowExecutionRequest) -> StartWorkflowExecutionResponse;
                signal_with_start_workflow_execution(SignalWithStartWorkflowExecutionRequest)
                    -> SignalWithStartWorkflowExecutionResponse;
                signal_workflow_execution(SignalWorkflowExecutionRequest) -> SignalWorkflowExecutionResponse;
                request_cancel_workflow_execution(RequestCancelWorkflowExecutionRequest)
                    -> RequestCancelWorkflowExecutionResponse;
                terminate_workflow_execution(TerminateWorkflowExecutionRequest)
                    -> TerminateWorkflowExecutionResponse;
                query_workflow(QueryWorkflowRequest) -> QueryWorkflowResponse;
                reset_workflow_execution(ResetWorkflowExecutionRequest) -> ResetWorkflowExecutionResponse;
                describe_workflow_execution(DescribeWorkflowExecutionRequest)
                    -> DescribeWorkflowExecutionResponse;
                delete_workflow_execution(DeleteWorkflowExecutionRequest) -> DeleteWorkflowExecutionResponse;
                update_workflow_execution_options(UpdateWorkflowExecutionOptionsRequest)
                    -> UpdateWorkflowExecutionOptionsResponse;
                get_workflow_execution_history_reverse(GetWorkflowExecutionHistoryReverseRequest)
                    -> GetWorkflowExecutionHistoryReverseResponse;
                list_workflow_executions(ListWorkflowExecutionsRequest) -> ListWorkflowExecutionsResponse;
                count_workflow_executions(CountWorkflowExecutionsRequest) -> CountWorkflowExecutionsResponse;
                start_batch_operation(StartBatchOperationRequest) -> StartBatchOperationResponse;
                describe_batch_operation(DescribeBatchOperationRequest) -> DescribeBatchOperationResponse;
                list_batch_operations(ListBatchOperationsRequest) -> ListBatchOperationsResponse;
                stop_batch_operation(StopBatchOperationRequest) -> StopBatchOperationResponse;
                create_schedule(CreateScheduleRequest) -> CreateScheduleResponse;
                describe_schedule(DescribeScheduleRequest) -> DescribeScheduleResponse;
                update_schedule(UpdateScheduleRequest) -> UpdateScheduleResponse;
                patch_schedule(PatchScheduleRequest) -> PatchScheduleResponse;
                list_schedule_matching_times(ListScheduleMatchingTimesRequest)
                    -> ListScheduleMatchingTimesResponse;
                delete_schedule(DeleteScheduleRequest) -> DeleteScheduleResponse;
                list_schedules(ListSchedulesRequest) -> ListSchedulesResponse;
                count_schedules(CountSchedulesRequest) -> CountSchedulesResponse;
                respond_workflow_task_completed(RespondWorkflowTaskCompletedRequest)
                    -> RespondWorkflowTaskCompletedResponse;
                respond_workflow_task_failed(RespondWorkflowTaskFailedRequest)
                    -> RespondWorkflowTaskFailedResponse;
                respond_query_task_completed(RespondQueryTaskCompletedRequest)
                    -> RespondQueryTaskCompletedResponse;
                respond_activity_task_completed(RespondActivityTaskCompletedRequest)
                    -> RespondActivityTaskCompletedResponse;
                respond_activity_task_completed_by_id(RespondActivityTaskCompletedByIdRequest)
                    -> RespondActivityTaskCompletedByIdResponse;
                respond_activity_task_failed(RespondActivityTaskFailedRequest)
                    -> RespondActivityTaskFailedResponse;
                respond_activity_task_failed_by_id(RespondActivityTaskFailedByIdRequest)
                    -> RespondActivityTaskFailedByIdResponse;
                respond_activity_task_canceled(RespondActivityTaskCanceledRequest)
                    -> RespondActivityTaskCanceledResponse;
                respond_activity_task_canceled_by_id(RespondActivityTaskCanceledByIdRequest)
                    -> RespondActivityTaskCanceledByIdResponse;
                record_activity_task_heartbeat(RecordActivityTaskHeartbeatRequest)
                    -> RecordActivityTaskHeartbeatResponse;
                record_activity_task_heartbeat_by_id(RecordActivityTaskHeartbeatByIdRequest)
                    -> RecordActivityTaskHeartbeatByIdResponse;
                respond_nexus_task_completed(RespondNexusTaskCompletedRequest)
                    -> RespondNexusTaskCompletedResponse;
                respond_nexus_task_failed(RespondNexusTaskFailedRequest) -> RespondNexusTaskFailedResponse;
                shutdown_worker(ShutdownWorkerRequest) -> ShutdownWorkerResponse;
                record_worker_heartbeat(RecordWorkerHeartbeatRequest) -> RecordWorkerHeartbeatResponse;
                list_workers(ListWorkersRequest) -> ListWorkersResponse;
                describe_worker(DescribeWorkerRequest) -> DescribeWorkerResponse;
                list_worker_deployments(ListWorkerDeploymentsRequest) -> ListWorkerDeploymentsResponse;
                describe_worker_deployment(DescribeWorkerDeploymentRequest)
                    -> DescribeWorkerDeploymentResponse;
                describe_worker_deployment_version(DescribeWorkerDeploymentVersionRequest)
                    -> DescribeWorkerDeploymentVersionResponse;
                set_worker_deployment_current_version(SetWorkerDeploymentCurrentVersionRequest)
                    -> SetWorkerDeploymentCurrentVersionResponse;
                set_worker_deployment_ramping_version(SetWorkerDeploymentRampingVersionRequest)
                    -> SetWorkerDeploymentRampingVersionResponse;
                set_worker_deployment_manager(SetWorkerDeploymentManagerRequest)
                    -> SetWorkerDeploymentManagerResponse;
                update_worker_deployment_version_metadata(UpdateWorkerDeploymentVersionMetadataRequest)
                    -> UpdateWorkerDeploymentVersionMetadataResponse;
                delete_worker_deployment_version(DeleteWorkerDeploymentVersionRequest)
                    -> DeleteWorkerDeploymentVersionResponse;
                delete_worker_deployment(DeleteWorkerDeploymentRequest) -> DeleteWorkerDeploymentResponse;
                reset_sticky_task_queue(ResetStickyTaskQueueRequest) -> ResetStickyTaskQueueResponse;
                describe_task_queue(DescribeTaskQueueRequest) -> DescribeTaskQueueResponse;
                update_task_queue_config(UpdateTaskQueueConfigRequest) -> UpdateTaskQueueConfigResponse;
            }
            waits {
                get_workflow_execution_history(GetWorkflowExecutionHistoryRequest)
                    -> GetWorkflowExecutionHistoryResponse;
                update_workflow_execution(UpdateWorkflowExecutionRequest) -> UpdateWorkflowExecutionResponse;
                poll_workflow_execution_update(PollWorkflowExecutionUpdateRequest)
                    -> PollWorkflowExecutionUpdateResponse;
                execute_multi_operation(ExecuteMultiOperationRequest) -> ExecuteMultiOperationResponse;
            }
            polls {
                poll_workflow_task_queue(PollWorkflowTaskQueueRequest) -> PollWorkflowTaskQueueResponse;
                poll_activity_task_queue(PollActivityTaskQueueRequest) -> PollActivityTaskQueueResponse;
                poll_nexus_task_queue(PollNexusTaskQueueRequest) -> PollNexusTaskQueueResponse;
            }
        }
    };
}
