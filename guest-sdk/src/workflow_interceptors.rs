//! Interceptors: code around every call of a workflow, by the names of Temporal's Rust SDK.
//!
//! Inbound methods wrap what the service asks of a workflow: its start, signals, queries and updates. Outbound
//! methods wrap what a workflow asks for: activities, children, timers and others. Each method gets the rest of
//! the call as `next`. It may change the input before [`WorkflowNext::run`] and the result afterwards, or not go on,
//! and answer the call itself. Inbound calls meet the interceptors in the order of their registration,
//! outbound calls in the reverse order.
//!
//! A module registers its interceptors with its workflows:
//!
//! ```
//! use guest_sdk::workflow_interceptors::{
//!     CancellableWorkflowOutboundFuture, ScheduleActivityInput, ScheduleActivityResult, WorkflowInterceptor,
//!     WorkflowInterceptorContext, WorkflowNext,
//! };
//! # use guest_sdk::{WorkflowContext, WorkflowResult, workflow, workflow_methods};
//! # #[workflow]
//! # #[derive(Default)]
//! # pub struct Greetings;
//! # #[workflow_methods]
//! # impl Greetings {
//! #     #[run]
//! #     pub async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
//! #         Ok(())
//! #     }
//! # }
//!
//! /// Passes the headers of the run on to its activities.
//! struct Headers;
//!
//! impl WorkflowInterceptor for Headers {
//!     fn schedule_activity(
//!         &self,
//!         ctx: WorkflowInterceptorContext,
//!         mut input: ScheduleActivityInput,
//!         next: WorkflowNext<
//!             'static,
//!             ScheduleActivityInput,
//!             CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
//!         >,
//!     ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
//!         input.headers_mut().extend(ctx.headers());
//!         next.run(input)
//!     }
//! }
//!
//! guest_sdk::export!(Greetings; interceptors = [|_ctx| Headers]);
//! # fn main() {}
//! ```
//!
//! Interceptors are workflow code: they are replayed, await what a workflow may await, and issue the same commands in
//! every replay. Interceptors that issue commands of their own are a change of every workflow in the module,
//! which open runs must be patched for; to set headers is none.

mod chain;
mod future;
mod inbound;
mod outbound;
mod propagated_headers;

use std::rc::Rc;

use guest_sdk_types::UntypedWorkflow;

pub(crate) use self::chain::{
    OutboundHook, call_inbound, call_outbound, construct, has_interceptors, interceptors,
};
pub use self::future::{
    CancellableWorkflowOutboundFuture, WorkflowCancellationHandle, WorkflowInterceptorFuture, WorkflowNext,
    WorkflowOutboundFuture,
};
pub use self::inbound::{
    ExecuteWorkflowInput, ExecuteWorkflowResult, HandleQueryInput, HandleQueryResult, HandleSignalInput,
    HandleSignalResult, HandleUpdateInput, HandleUpdateResult, InitializeWorkflowInput,
    InitializeWorkflowOutput, ValidateUpdateInput, ValidateUpdateResult,
};
pub use self::outbound::{
    CancelExternalWorkflowInput, CancelExternalWorkflowResult, ChildWorkflowOutboundResult,
    ContinueAsNewInput, ContinueAsNewResult, NexusOperationOutboundResult, ScheduleActivityInput,
    ScheduleActivityResult, ScheduleLocalActivityInput, SignalWorkflowInput, SignalWorkflowResult,
    SignalWorkflowTarget, StartChildWorkflowInput, StartChildWorkflowOutput, StartChildWorkflowResult,
    StartNexusOperationInput, StartNexusOperationOutput, StartNexusOperationResult, StartTimerInput,
};
pub use self::propagated_headers::PropagatedHeaders;
use crate::context::{SyncWorkflowContext, WorkflowContextView};
use crate::timers::TimerResult;

/// The context of an interceptor that may make calls. Calls that it makes go through the interceptors as those of
/// the workflow do, this one included.
pub type WorkflowInterceptorContext = SyncWorkflowContext<UntypedWorkflow>;

/// The context of an interceptor of queries, validators and continue-as-new, which make no calls.
pub type SyncWorkflowInterceptorContext = WorkflowContextView;

/// Wraps calls of a workflow: see [the module](self). Each run has its own instance, made by a
/// [`WorkflowInterceptorConstructor`] when the run starts and in every replay. What a method does not override
/// goes on.
pub trait WorkflowInterceptor: 'static {
    /// The state of the workflow is made, by the `#[init]` method or `Default`. It must call `next`, else
    /// the workflow task fails. The `#[run]` method gets its arguments by [`execute`](Self::execute).
    fn initialize_workflow(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        input: InitializeWorkflowInput,
        next: WorkflowNext<'_, InitializeWorkflowInput, InitializeWorkflowOutput>,
    ) -> InitializeWorkflowOutput {
        next.run(input)
    }

    /// The `#[run]` method is called.
    fn execute<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: ExecuteWorkflowInput,
        next: WorkflowNext<'a, ExecuteWorkflowInput, WorkflowInterceptorFuture<'a, ExecuteWorkflowResult>>,
    ) -> WorkflowInterceptorFuture<'a, ExecuteWorkflowResult> {
        next.run(input)
    }

    /// A signal arrives. One without a handler is buffered at the end of the chain, until the workflow
    /// sets a handler; one whose arguments do not decode is dropped there.
    fn handle_signal<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: HandleSignalInput,
        next: WorkflowNext<'a, HandleSignalInput, WorkflowInterceptorFuture<'a, HandleSignalResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleSignalResult> {
        next.run(input)
    }

    /// A query arrives that has a handler. It changes nothing, in the interceptor either: what it writes is discarded.
    fn handle_query(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        input: HandleQueryInput,
        next: WorkflowNext<'_, HandleQueryInput, HandleQueryResult>,
    ) -> HandleQueryResult {
        next.run(input)
    }

    /// An update arrives that has a handler, with a validator or without. It is not called in replay.
    fn validate_update(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        input: ValidateUpdateInput,
        next: WorkflowNext<'_, ValidateUpdateInput, ValidateUpdateResult>,
    ) -> ValidateUpdateResult {
        next.run(input)
    }

    /// The handler of an update that was accepted is called.
    fn handle_update<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: HandleUpdateInput,
        next: WorkflowNext<'a, HandleUpdateInput, WorkflowInterceptorFuture<'a, HandleUpdateResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleUpdateResult> {
        next.run(input)
    }

    /// The workflow starts a timer, also that of a wait with a timeout.
    fn start_timer(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: StartTimerInput,
        next: WorkflowNext<'static, StartTimerInput, CancellableWorkflowOutboundFuture<TimerResult>>,
    ) -> CancellableWorkflowOutboundFuture<TimerResult> {
        next.run(input)
    }

    /// The workflow schedules an activity.
    fn schedule_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: ScheduleActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        next.run(input)
    }

    /// The workflow schedules a local activity. Its later attempts do not come here.
    fn schedule_local_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: ScheduleLocalActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleLocalActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        next.run(input)
    }

    /// The workflow starts a child workflow. The future ends when the child has started;
    /// [`StartChildWorkflowOutput::map_result`] replaces the future of its result.
    fn start_child_workflow(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: StartChildWorkflowInput,
        next: WorkflowNext<
            'static,
            StartChildWorkflowInput,
            CancellableWorkflowOutboundFuture<StartChildWorkflowResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<StartChildWorkflowResult> {
        next.run(input)
    }

    /// The workflow signals a child or another workflow.
    fn signal_workflow(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: SignalWorkflowInput,
        next: WorkflowNext<
            'static,
            SignalWorkflowInput,
            CancellableWorkflowOutboundFuture<SignalWorkflowResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<SignalWorkflowResult> {
        next.run(input)
    }

    /// The workflow requests the cancellation of another workflow.
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
        next.run(input)
    }

    /// The workflow continues as new.
    fn continue_as_new(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        input: ContinueAsNewInput,
        next: WorkflowNext<'static, ContinueAsNewInput, ContinueAsNewResult>,
    ) -> ContinueAsNewResult {
        next.run(input)
    }

    /// The workflow schedules a Nexus operation. The future ends when the operation has started;
    /// [`StartNexusOperationOutput::map_result`] replaces the future of its result.
    fn start_nexus_operation(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: StartNexusOperationInput,
        next: WorkflowNext<
            'static,
            StartNexusOperationInput,
            CancellableWorkflowOutboundFuture<StartNexusOperationResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<StartNexusOperationResult> {
        next.run(input)
    }
}

/// Calls what [`export!`](crate::export) was given as an interceptor.
#[doc(hidden)]
pub fn interceptor<I: WorkflowInterceptor>(
    construct: impl FnOnce(&WorkflowContextView) -> I,
    view: &WorkflowContextView,
) -> Rc<dyn WorkflowInterceptor> {
    Rc::new(construct(view))
}

/// Makes an interceptor for each run, from the view of the run at its start.
#[derive(Clone, Copy)]
pub struct WorkflowInterceptorConstructor(fn(&WorkflowContextView) -> Rc<dyn WorkflowInterceptor>);

impl WorkflowInterceptorConstructor {
    /// A constructor that calls `construct`. [`export!`](crate::export) makes one of each of its `interceptors`.
    #[must_use]
    pub const fn new(construct: fn(&WorkflowContextView) -> Rc<dyn WorkflowInterceptor>) -> Self {
        Self(construct)
    }

    pub(crate) fn construct(&self, view: &WorkflowContextView) -> Rc<dyn WorkflowInterceptor> {
        (self.0)(view)
    }
}

impl std::fmt::Debug for WorkflowInterceptorConstructor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WorkflowInterceptorConstructor").finish_non_exhaustive()
    }
}
