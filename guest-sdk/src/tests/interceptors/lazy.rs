//! An interceptor that goes on with outbound calls when their futures are polled.

use crate::TimerResult;
use crate::workflow_interceptors::{
    CancelExternalWorkflowInput, CancelExternalWorkflowResult, CancellableWorkflowOutboundFuture,
    ScheduleActivityInput, ScheduleActivityResult, ScheduleLocalActivityInput, SignalWorkflowInput,
    SignalWorkflowResult, StartChildWorkflowInput, StartChildWorkflowResult, StartNexusOperationInput,
    StartNexusOperationResult, StartTimerInput, WorkflowCancellationHandle, WorkflowInterceptor,
    WorkflowInterceptorContext, WorkflowNext, WorkflowOutboundFuture,
};

pub(super) struct Lazy;

macro_rules! lazy {
    ($($method:ident, $input:ty, $result:ty;)*) => {
        impl WorkflowInterceptor for Lazy {
            $(
                fn $method(
                    &self,
                    _ctx: WorkflowInterceptorContext,
                    input: $input,
                    next: WorkflowNext<'static, $input, CancellableWorkflowOutboundFuture<$result>>,
                ) -> CancellableWorkflowOutboundFuture<$result> {
                    let cancellation = WorkflowCancellationHandle::new(|_| {});
                    CancellableWorkflowOutboundFuture::new(async move { next.run(input).await }, cancellation)
                }
            )*

            fn cancel_external_workflow(
                &self,
                _ctx: WorkflowInterceptorContext,
                input: CancelExternalWorkflowInput,
                next: WorkflowNext<
                    'static,
                    CancelExternalWorkflowInput,
                    WorkflowOutboundFuture<CancelExternalWorkflowResult>,
                >,
            ) -> WorkflowOutboundFuture<CancelExternalWorkflowResult> {
                WorkflowOutboundFuture::new(async move { next.run(input).await })
            }
        }
    };
}

lazy! {
    start_timer, StartTimerInput, TimerResult;
    schedule_activity, ScheduleActivityInput, ScheduleActivityResult;
    schedule_local_activity, ScheduleLocalActivityInput, ScheduleActivityResult;
    start_child_workflow, StartChildWorkflowInput, StartChildWorkflowResult;
    signal_workflow, SignalWorkflowInput, SignalWorkflowResult;
    start_nexus_operation, StartNexusOperationInput, StartNexusOperationResult;
}
