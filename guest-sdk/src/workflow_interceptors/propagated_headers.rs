//! An interceptor that passes headers of a run on to what the run calls.

use guest_sdk_types::NamedPayloads;

use super::{
    CancellableWorkflowOutboundFuture, ContinueAsNewInput, ContinueAsNewResult, ScheduleActivityInput,
    ScheduleActivityResult, ScheduleLocalActivityInput, SignalWorkflowInput, SignalWorkflowResult,
    StartChildWorkflowInput, StartChildWorkflowResult, SyncWorkflowInterceptorContext, WorkflowInterceptor,
    WorkflowInterceptorContext, WorkflowNext,
};
use crate::context::WorkflowContextView;

/// Passes headers of a run on to its activities, local activities, children and signals, and to the run that it
/// continues as. A header that a call sets itself stays. Nexus operations, whose headers are texts, get none.
///
/// ```
/// # use guest_sdk::workflow_interceptors::PropagatedHeaders;
/// # use guest_sdk::{WorkflowContext, WorkflowResult, workflow, workflow_methods};
/// # #[workflow]
/// # #[derive(Default)]
/// # pub struct Checkout;
/// # #[workflow_methods]
/// # impl Checkout {
/// #     #[run]
/// #     pub async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
/// #         Ok(())
/// #     }
/// # }
/// guest_sdk::export!(Checkout; interceptors = [|run| PropagatedHeaders::new(run, &["tenant"])]);
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct PropagatedHeaders(NamedPayloads);

impl PropagatedHeaders {
    /// Passes those headers on that have one of `names` and that the run was started with.
    #[must_use]
    pub fn new(run: &WorkflowContextView, names: &[&str]) -> Self {
        let mut headers = run.headers();
        headers.retain(|name, _| names.contains(&name.as_str()));
        Self(headers)
    }

    fn add_to(&self, headers: &mut NamedPayloads) {
        for (name, value) in &self.0 {
            headers.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// Defines the methods that add the headers and go on.
macro_rules! propagate {
    ($($method:ident($context:ty, $input:ty) -> $output:ty;)*) => {
        impl WorkflowInterceptor for PropagatedHeaders {$(
            fn $method(
                &self,
                _ctx: $context,
                mut input: $input,
                next: WorkflowNext<'static, $input, $output>,
            ) -> $output {
                self.add_to(input.headers_mut());
                next.run(input)
            }
        )*}
    };
}

propagate! {
    schedule_activity(WorkflowInterceptorContext, ScheduleActivityInput)
        -> CancellableWorkflowOutboundFuture<ScheduleActivityResult>;
    schedule_local_activity(WorkflowInterceptorContext, ScheduleLocalActivityInput)
        -> CancellableWorkflowOutboundFuture<ScheduleActivityResult>;
    start_child_workflow(WorkflowInterceptorContext, StartChildWorkflowInput)
        -> CancellableWorkflowOutboundFuture<StartChildWorkflowResult>;
    signal_workflow(WorkflowInterceptorContext, SignalWorkflowInput)
        -> CancellableWorkflowOutboundFuture<SignalWorkflowResult>;
    continue_as_new(SyncWorkflowInterceptorContext, ContinueAsNewInput) -> ContinueAsNewResult;
}
