//! A module with an interceptor, which follows the header `trace` through every call of a workflow, in both directions.
//! Tests run it with interceptors of the client and of the host around it.

use std::time::Duration;

use guest_sdk::activities::ActivityContext;
use guest_sdk::workflow_interceptors::{
    CancellableWorkflowOutboundFuture, ExecuteWorkflowInput, ExecuteWorkflowResult, HandleQueryInput,
    HandleQueryResult, HandleSignalInput, HandleSignalResult, HandleUpdateInput, HandleUpdateResult,
    ScheduleActivityInput, ScheduleActivityResult, StartChildWorkflowInput, StartChildWorkflowResult,
    SyncWorkflowInterceptorContext, ValidateUpdateInput, ValidateUpdateResult, WorkflowInterceptor,
    WorkflowInterceptorContext, WorkflowInterceptorFuture, WorkflowNext,
};
use guest_sdk::{
    ActivityOptions, ApplicationFailure, ChildWorkflowOptions, NamedPayloads, Payload, SyncWorkflowContext,
    WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination, activities, workflow,
    workflow_methods,
};

/// The header, a text.
pub const TRACE: &str = "trace";

/// The trace of a run that the interceptor refuses.
pub const REFUSED: &str = "refused";

fn trace(headers: &NamedPayloads) -> Option<String> {
    headers.get(TRACE)?.to_value().ok()
}

/// Follows the header.
#[derive(Debug)]
pub struct Tracing;

impl Tracing {
    /// Sets the header of a call that a workflow makes.
    fn extend(ctx: &WorkflowInterceptorContext, step: &str, headers: &mut NamedPayloads) {
        if let Some(before) = trace(&ctx.headers())
            && let Ok(trace) = Payload::from_value(&format!("{before}/{step}"))
        {
            headers.insert(TRACE.to_owned(), trace);
        }
    }

    /// Adds the trace of a call to its first argument.
    fn note(headers: &NamedPayloads, arguments: &mut [Payload]) {
        if let (Some(trace), Some(first)) = (trace(headers), arguments.first_mut())
            && let Ok(text) = first.to_value::<String>()
            && let Ok(noted) = Payload::from_value(&format!("{text} by {trace}"))
        {
            *first = noted;
        }
    }
}

impl WorkflowInterceptor for Tracing {
    fn execute<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: ExecuteWorkflowInput,
        next: WorkflowNext<'a, ExecuteWorkflowInput, WorkflowInterceptorFuture<'a, ExecuteWorkflowResult>>,
    ) -> WorkflowInterceptorFuture<'a, ExecuteWorkflowResult> {
        if trace(input.headers()).as_deref() == Some(REFUSED) {
            let refusal = ApplicationFailure::application("Refused", "the interceptor refused it").build();
            return WorkflowInterceptorFuture::new(async {
                Err(WorkflowTermination::failed_application(refusal))
            });
        }
        next.run(input)
    }

    fn handle_signal<'a>(
        &'a self,
        ctx: WorkflowInterceptorContext,
        mut input: HandleSignalInput,
        next: WorkflowNext<'a, HandleSignalInput, WorkflowInterceptorFuture<'a, HandleSignalResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleSignalResult> {
        let headers = input.headers().clone();
        Self::note(&headers, input.arguments_mut());
        WorkflowInterceptorFuture::new(async move {
            ctx.timer(Duration::from_millis(1)).await;
            next.run(input).await
        })
    }

    fn handle_query(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        mut input: HandleQueryInput,
        next: WorkflowNext<'_, HandleQueryInput, HandleQueryResult>,
    ) -> HandleQueryResult {
        let headers = input.headers().clone();
        Self::note(&headers, input.arguments_mut());
        next.run(input)
    }

    fn validate_update(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        input: ValidateUpdateInput,
        next: WorkflowNext<'_, ValidateUpdateInput, ValidateUpdateResult>,
    ) -> ValidateUpdateResult {
        if trace(input.headers()).is_none() {
            let refusal = ApplicationFailure::application("Refused", "an update without a trace").build();
            return Err(refusal.into());
        }
        next.run(input)
    }

    fn handle_update<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        mut input: HandleUpdateInput,
        next: WorkflowNext<'a, HandleUpdateInput, WorkflowInterceptorFuture<'a, HandleUpdateResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleUpdateResult> {
        let headers = input.headers().clone();
        Self::note(&headers, input.arguments_mut());
        next.run(input)
    }

    fn schedule_activity(
        &self,
        ctx: WorkflowInterceptorContext,
        mut input: ScheduleActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        Self::extend(&ctx, "activity", input.headers_mut());
        next.run(input)
    }

    fn start_child_workflow(
        &self,
        ctx: WorkflowInterceptorContext,
        mut input: StartChildWorkflowInput,
        next: WorkflowNext<
            'static,
            StartChildWorkflowInput,
            CancellableWorkflowOutboundFuture<StartChildWorkflowResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<StartChildWorkflowResult> {
        Self::extend(&ctx, "child", input.headers_mut());
        next.run(input)
    }
}

/// Gathers the traces that it and its children see, and what it is told.
#[workflow]
#[derive(Debug, Default)]
pub struct Traced {
    heard: Vec<String>,
    ends: bool,
}

#[workflow_methods]
impl Traced {
    /// Returns the traces of its activity and of `depth` generations of children, after it is told to end, if it `waits`.
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        depth: u32,
        waits: bool,
    ) -> WorkflowResult<Vec<String>> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        let mut traces = vec![ctx.execute_activity(TracedActivities::observe, (), options).await?];
        if let Some(depth) = depth.checked_sub(1) {
            let options = ChildWorkflowOptions::default();
            traces.extend(ctx.execute_child_workflow(Traced::run, (depth, false), options).await?);
        }
        if waits {
            ctx.wait_condition(|traced| traced.ends).await?;
        }
        Ok(ctx.state(|traced| [traces, traced.heard.clone()].concat()))
    }

    /// Takes a text.
    #[signal]
    pub fn hear(&mut self, _ctx: &mut SyncWorkflowContext<Self>, text: String) {
        self.heard.push(text);
    }

    /// Ends the run.
    #[signal]
    pub fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.ends = true;
    }

    /// Returns the text.
    #[query]
    pub fn echo(&self, _ctx: &WorkflowContextView, text: String) -> String {
        text
    }

    /// Takes a text, and returns it.
    #[update]
    pub fn tell(&mut self, _ctx: &mut SyncWorkflowContext<Self>, text: String) -> String {
        self.heard.push(text.clone());
        text
    }
}

/// The activity.
#[derive(Debug)]
pub struct TracedActivities;

#[activities]
impl TracedActivities {
    /// Returns its trace.
    #[activity]
    pub async fn observe(ctx: ActivityContext) -> Result<String, guest_sdk::activities::ActivityError> {
        Ok(trace(ctx.headers()).unwrap_or_default())
    }
}

guest_sdk::export!(Traced; interceptors = [|_run| Tracing]);
