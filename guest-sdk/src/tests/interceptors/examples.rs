//! Interceptors and workflows that the tests of interceptors run.

use std::time::Duration;

use guest_sdk_types::{Failure, NamedPayloads, Payload};

use crate::tests::workflows::{Chain, Counter, Echo};
use crate::workflow_interceptors::{
    CancelExternalWorkflowInput, CancelExternalWorkflowResult, CancellableWorkflowOutboundFuture,
    ContinueAsNewInput, ContinueAsNewResult, ExecuteWorkflowInput, ExecuteWorkflowResult, HandleQueryInput,
    HandleQueryResult, HandleSignalInput, HandleSignalResult, HandleUpdateInput, HandleUpdateResult,
    InitializeWorkflowInput, InitializeWorkflowOutput, ScheduleActivityInput, ScheduleActivityResult,
    ScheduleLocalActivityInput, SignalWorkflowInput, SignalWorkflowResult, StartChildWorkflowInput,
    StartChildWorkflowResult, StartNexusOperationInput, StartNexusOperationResult, StartTimerInput,
    SyncWorkflowInterceptorContext, ValidateUpdateInput, ValidateUpdateResult, WorkflowInterceptor,
    WorkflowInterceptorContext, WorkflowInterceptorFuture, WorkflowNext, WorkflowOutboundFuture,
};
use crate::{
    ActivityExecutionError, ActivityOptions, CancellableFuture, CancellableFutureWithReason,
    ChildWorkflowOptions, ContinueAsNewOptions, LocalActivityOptions, NexusOperation, NexusOperationOptions,
    SignalWorkflowOptions, SyncWorkflowContext, TimerResult, WorkflowContext, WorkflowContextView,
    WorkflowResult, WorkflowTermination, workflow, workflow_methods,
};

type Next<'a, I, O> = WorkflowNext<'a, I, O>;
type Inbound<'a, T> = WorkflowInterceptorFuture<'a, T>;
type Outbound<T> = CancellableWorkflowOutboundFuture<T>;

/// Adds its name to the header `path` of every call, and that header to what is said.
pub(super) struct Path(pub(super) &'static str);

impl Path {
    fn of(headers: &NamedPayloads) -> String {
        headers.get("path").map(|path| path.to_value().unwrap()).unwrap_or_default()
    }

    fn add(&self, headers: &mut NamedPayloads) {
        let path = Self::of(headers) + self.0;
        headers.insert("path".to_owned(), Payload::from_value(&path).unwrap());
    }

    /// Adds its name to the first argument.
    fn write(&self, arguments: &mut [Payload]) {
        let text: String = arguments[0].to_value().unwrap();
        let space = if text.is_empty() || text.ends_with(['a', '>']) { "" } else { " " };
        arguments[0] = Payload::from_value(&format!("{text}{space}{}", self.0)).unwrap();
    }
}

impl WorkflowInterceptor for Path {
    fn initialize_workflow(
        &self,
        ctx: SyncWorkflowInterceptorContext,
        mut input: InitializeWorkflowInput,
        next: Next<'_, InitializeWorkflowInput, InitializeWorkflowOutput>,
    ) -> InitializeWorkflowOutput {
        assert_eq!(ctx.workflow_id(), "id");
        self.add(input.headers_mut());
        let path = Path::of(input.headers());
        if input.to_arguments::<(String,)>().is_ok() {
            input.arguments_mut()[0] = Payload::from_value(&path).unwrap();
        }
        next.run(input)
    }

    fn execute<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        mut input: ExecuteWorkflowInput,
        next: Next<'a, ExecuteWorkflowInput, Inbound<'a, ExecuteWorkflowResult>>,
    ) -> Inbound<'a, ExecuteWorkflowResult> {
        self.add(input.headers_mut());
        next.run(input)
    }

    fn handle_signal<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        mut input: HandleSignalInput,
        next: Next<'a, HandleSignalInput, Inbound<'a, HandleSignalResult>>,
    ) -> Inbound<'a, HandleSignalResult> {
        if input.name() == "say" {
            let path = Path::of(input.headers());
            input.headers_mut().clear();
            let (text,) = input.to_arguments::<(String,)>().unwrap();
            let space = if path.is_empty() { "" } else { " " };
            input.arguments_mut()[0] =
                Payload::from_value(&format!("{text}{space}{}", path.trim_end())).unwrap();
            self.write(input.arguments_mut());
        }
        next.run(input)
    }

    fn handle_query(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        mut input: HandleQueryInput,
        next: Next<'_, HandleQueryInput, HandleQueryResult>,
    ) -> HandleQueryResult {
        self.add(input.headers_mut());
        let path = Path::of(input.headers());
        let mut heard: Vec<String> = next.run(input)?.to_value().unwrap();
        if !heard.last().unwrap().starts_with('?') {
            heard.push(format!("? {path}"));
        }
        Ok(Payload::from_value(&heard).unwrap())
    }

    fn validate_update(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        mut input: ValidateUpdateInput,
        next: Next<'_, ValidateUpdateInput, ValidateUpdateResult>,
    ) -> ValidateUpdateResult {
        assert_eq!((input.id(), input.name()), ("update", "say_too"));
        self.write(input.arguments_mut());
        next.run(input)
    }

    fn handle_update<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        mut input: HandleUpdateInput,
        next: Next<'a, HandleUpdateInput, Inbound<'a, HandleUpdateResult>>,
    ) -> Inbound<'a, HandleUpdateResult> {
        assert_eq!((input.id(), input.name()), ("update", "say_too"));
        self.write(input.arguments_mut());
        WorkflowInterceptorFuture::new(async move {
            let answer: String = next.run(input).await?.to_value().unwrap();
            Ok(Payload::from_value(&format!("{}!", answer.trim_end_matches('!'))).unwrap())
        })
    }

    fn start_timer(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: StartTimerInput,
        next: Next<'static, StartTimerInput, Outbound<TimerResult>>,
    ) -> Outbound<TimerResult> {
        let summary = input.options().summary.clone().unwrap_or_default();
        *input.options_mut() = input.options().clone().with_summary(summary + self.0);
        next.run(input)
    }

    fn schedule_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: ScheduleActivityInput,
        next: Next<'static, ScheduleActivityInput, Outbound<ScheduleActivityResult>>,
    ) -> Outbound<ScheduleActivityResult> {
        self.add(input.headers_mut());
        next.run(input)
    }

    fn schedule_local_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: ScheduleLocalActivityInput,
        next: Next<'static, ScheduleLocalActivityInput, Outbound<ScheduleActivityResult>>,
    ) -> Outbound<ScheduleActivityResult> {
        self.add(input.headers_mut());
        next.run(input)
    }

    fn start_child_workflow(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: StartChildWorkflowInput,
        next: Next<'static, StartChildWorkflowInput, Outbound<StartChildWorkflowResult>>,
    ) -> Outbound<StartChildWorkflowResult> {
        self.add(input.headers_mut());
        next.run(input)
    }

    fn signal_workflow(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: SignalWorkflowInput,
        next: Next<'static, SignalWorkflowInput, Outbound<SignalWorkflowResult>>,
    ) -> Outbound<SignalWorkflowResult> {
        self.add(input.headers_mut());
        next.run(input)
    }

    fn cancel_external_workflow(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: CancelExternalWorkflowInput,
        next: Next<
            'static,
            CancelExternalWorkflowInput,
            WorkflowOutboundFuture<CancelExternalWorkflowResult>,
        >,
    ) -> WorkflowOutboundFuture<CancelExternalWorkflowResult> {
        let space = if input.reason.as_deref() == Some("enough") { " " } else { "" };
        input.reason = input.reason.map(|reason| reason + space + self.0);
        next.run(input)
    }

    fn continue_as_new(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        mut input: ContinueAsNewInput,
        next: Next<'static, ContinueAsNewInput, ContinueAsNewResult>,
    ) -> ContinueAsNewResult {
        self.add(input.headers_mut());
        next.run(input)
    }

    fn start_nexus_operation(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: StartNexusOperationInput,
        next: Next<'static, StartNexusOperationInput, Outbound<StartNexusOperationResult>>,
    ) -> Outbound<StartNexusOperationResult> {
        input.headers_mut().entry("path".to_owned()).or_default().push_str(self.0);
        next.run(input)
    }
}

/// Answers the calls of one kind itself, with an error.
pub(super) struct Refuses(pub(super) &'static str);

impl Refuses {
    fn refusal(&self, hook: &str) -> Option<Failure> {
        (self.0 == hook).then(|| Failure::application("", format!("{hook} refused")).build())
    }
}

impl WorkflowInterceptor for Refuses {
    fn initialize_workflow(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        input: InitializeWorkflowInput,
        next: Next<'_, InitializeWorkflowInput, InitializeWorkflowOutput>,
    ) -> InitializeWorkflowOutput {
        match self.refusal("initialize") {
            // The one way to have such a value without `next`, which only this crate has.
            Some(_) => InitializeWorkflowOutput(()),
            None => next.run(input),
        }
    }

    fn execute<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: ExecuteWorkflowInput,
        next: Next<'a, ExecuteWorkflowInput, Inbound<'a, ExecuteWorkflowResult>>,
    ) -> Inbound<'a, ExecuteWorkflowResult> {
        match self.refusal("execute") {
            Some(refusal) => {
                WorkflowInterceptorFuture::new(async { Err(WorkflowTermination::from(refusal)) })
            }
            None => next.run(input),
        }
    }

    fn handle_signal<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: HandleSignalInput,
        next: Next<'a, HandleSignalInput, Inbound<'a, HandleSignalResult>>,
    ) -> Inbound<'a, HandleSignalResult> {
        match self.refusal("signal") {
            Some(refusal) => WorkflowInterceptorFuture::new(async { Err(refusal.into()) }),
            None => next.run(input),
        }
    }

    fn handle_query(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        input: HandleQueryInput,
        next: Next<'_, HandleQueryInput, HandleQueryResult>,
    ) -> HandleQueryResult {
        self.refusal("query").map_or(Ok(()), Err)?;
        next.run(input)
    }

    fn validate_update(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        input: ValidateUpdateInput,
        next: Next<'_, ValidateUpdateInput, ValidateUpdateResult>,
    ) -> ValidateUpdateResult {
        self.refusal("validate").map_or(Ok(()), Err)?;
        next.run(input)
    }

    fn handle_update<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: HandleUpdateInput,
        next: Next<'a, HandleUpdateInput, Inbound<'a, HandleUpdateResult>>,
    ) -> Inbound<'a, HandleUpdateResult> {
        match self.refusal("update") {
            Some(refusal) => WorkflowInterceptorFuture::new(async { Err(refusal.into()) }),
            None => next.run(input),
        }
    }

    fn schedule_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: ScheduleActivityInput,
        next: Next<'static, ScheduleActivityInput, Outbound<ScheduleActivityResult>>,
    ) -> Outbound<ScheduleActivityResult> {
        match self.refusal("activity") {
            Some(refusal) => {
                CancellableWorkflowOutboundFuture::ready(Err(ActivityExecutionError::Failed(refusal.into())))
            }
            None => next.run(input),
        }
    }
}

/// Waits a second before it passes a run and its signals on.
pub(super) struct Late;

impl WorkflowInterceptor for Late {
    fn execute<'a>(
        &'a self,
        ctx: WorkflowInterceptorContext,
        input: ExecuteWorkflowInput,
        next: Next<'a, ExecuteWorkflowInput, Inbound<'a, ExecuteWorkflowResult>>,
    ) -> Inbound<'a, ExecuteWorkflowResult> {
        WorkflowInterceptorFuture::new(async move {
            ctx.timer(Duration::from_secs(1)).await;
            next.run(input).await
        })
    }

    fn handle_signal<'a>(
        &'a self,
        ctx: WorkflowInterceptorContext,
        input: HandleSignalInput,
        next: Next<'a, HandleSignalInput, Inbound<'a, HandleSignalResult>>,
    ) -> Inbound<'a, HandleSignalResult> {
        WorkflowInterceptorFuture::new(async move {
            ctx.timer(Duration::from_secs(1)).await;
            next.run(input).await
        })
    }
}

/// Doubles the results of activities and children.
pub(super) struct Doubles;

fn doubled<E>(result: Result<Option<Payload>, E>) -> Result<Option<Payload>, E> {
    let double = |payload: Payload| Payload::from_value(&(2 * payload.to_value::<u64>().unwrap())).unwrap();
    result.map(|result| result.map(double))
}

impl WorkflowInterceptor for Doubles {
    fn start_timer(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: StartTimerInput,
        next: Next<'static, StartTimerInput, Outbound<TimerResult>>,
    ) -> Outbound<TimerResult> {
        let future = next.run(input);
        let cancellation = future.cancellation_handle();
        CancellableWorkflowOutboundFuture::new(future, cancellation)
    }

    fn schedule_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: ScheduleActivityInput,
        next: Next<'static, ScheduleActivityInput, Outbound<ScheduleActivityResult>>,
    ) -> Outbound<ScheduleActivityResult> {
        next.run(input).map(doubled)
    }

    fn start_child_workflow(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: StartChildWorkflowInput,
        next: Next<'static, StartChildWorkflowInput, Outbound<StartChildWorkflowResult>>,
    ) -> Outbound<StartChildWorkflowResult> {
        next.run(input).map(|started| started.map(|child| child.map_result(|result| result.map(doubled))))
    }
}

fn options() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(10))
}

/// Makes calls of every kind.
#[workflow]
#[derive(Default)]
pub(in crate::tests) struct Calls;

#[workflow_methods]
impl Calls {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, part: String) -> WorkflowResult<u64> {
        let child = ChildWorkflowOptions::workflow_id("child");
        match part.as_str() {
            "activity" => Ok(ctx.execute_activity(Echo::echo, 1_u64, options()).await?),
            "child" => Ok(ctx.execute_child_workflow(Chain::run, 2_u64, child).await?),
            "cancel" => {
                let activity = ctx.start_activity(Echo::echo, 1_u64, options());
                let local = ctx.start_local_activity(Echo::echo, 1_u64, LocalActivityOptions::default());
                let child = ctx.start_child_workflow(Chain::run, 2_u64, child);
                let timer = ctx.timer(Duration::from_secs(1));
                activity.cancel();
                local.cancel();
                child.cancel_with_reason("enough".to_owned());
                CancellableFuture::cancel(&timer);
                assert_eq!(timer.await, TimerResult::Cancelled);
                Ok(0)
            }
            _ => Self::all(ctx),
        }
    }
}

impl Calls {
    fn all(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u64> {
        let timer = ctx.timer(Duration::from_secs(1));
        let activity = ctx.start_activity(Echo::echo, 1_u64, options());
        let local = ctx.start_local_activity(Echo::echo, 1_u64, LocalActivityOptions::default());
        let child = ChildWorkflowOptions::workflow_id("child");
        let child = ctx.start_child_workflow(Chain::run, 2_u64, child);
        let other = ctx.external_workflow("other", None);
        let signal = other.signal(Counter::add, 1, SignalWorkflowOptions::default());
        let cancel = other.cancel(Some("enough".to_owned()));
        let name = |name: &str| name.to_owned();
        let operation = NexusOperation {
            endpoint: name("endpoint"),
            service: name("service"),
            operation: name("operation"),
        };
        let nexus = ctx.start_nexus_operation::<u64>(&1, NexusOperationOptions::new(operation));
        drop((timer, activity, local, child, signal, cancel, nexus));
        ctx.continue_as_new(name("again"), ContinueAsNewOptions::default())?;
        Ok(0)
    }
}

/// Remembers what it is told.
#[workflow]
pub(in crate::tests) struct Heard {
    heard: Vec<String>,
    stopped: bool,
}

#[workflow_methods]
impl Heard {
    #[init]
    fn new(_ctx: &WorkflowContextView, told: String) -> Self {
        Self { heard: vec![format!("init {told}")], stopped: false }
    }

    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, _told: String) -> WorkflowResult<()> {
        let path = Path::of(&ctx.headers());
        ctx.state_mut(|state| state.heard.push(format!("run {path}")));
        ctx.wait_condition(|state| state.stopped).await?;
        Ok(())
    }

    #[signal]
    fn say(&mut self, _ctx: &mut SyncWorkflowContext<Self>, text: String) {
        self.heard.push(text);
    }

    #[signal]
    async fn hear(ctx: &mut WorkflowContext<Self>, text: String) {
        ctx.state_mut(|state| state.heard.push(text));
    }

    #[signal]
    async fn stop(ctx: &mut WorkflowContext<Self>) {
        ctx.state_mut(|state| state.stopped = true);
    }

    #[query]
    fn heard(&self, _ctx: &WorkflowContextView) -> Vec<String> {
        self.heard.clone()
    }

    #[update]
    fn say_too(&mut self, _ctx: &mut SyncWorkflowContext<Self>, text: String) -> String {
        self.heard.push(text.clone());
        text
    }

    #[update_validator(say_too)]
    fn check_say_too(&self, _ctx: &WorkflowContextView, text: &str) -> Result<(), String> {
        if text.starts_with("much") { Ok(()) } else { Err(format!("nothing is said to {text}")) }
    }
}
