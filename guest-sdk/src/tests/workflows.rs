//! The workflows that the tests run.

use std::time::{Duration, SystemTime};

use crate::{
    ActivityOptions, ApplicationFailure, Callable, ChildWorkflowOptions, ContinueAsNewOptions,
    ContinueAsNewReason, LocalActivityOptions, MemoValue, NexusOperation, NexusOperationOptions, RawValue,
    SearchAttributeKey, SignalDefinition, SignalWorkflowOptions, SyncWorkflowContext, TimerOptions,
    TimerResult, UntypedActivity, UntypedWorkflow, WorkflowCancellationToken, WorkflowContext,
    WorkflowContextView, WorkflowResult, activity_definitions, join_all, select, workflow, workflow_methods,
};

fn options() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(10))
}

pub(super) struct Echo;

#[activity_definitions]
impl Echo {
    #[activity]
    pub(super) fn echo(value: u64) -> Result<u64, ApplicationFailure> {
        unimplemented!()
    }
}

#[workflow]
#[derive(Default)]
pub(super) struct Chain;

#[workflow_methods]
impl Chain {
    #[run]
    pub(super) async fn run(ctx: &mut WorkflowContext<Self>, length: u64) -> WorkflowResult<u64> {
        let mut value = 0;
        for _ in 0..length {
            value = ctx.execute_activity(Echo::echo, value, options()).await?;
        }
        Ok(value)
    }
}

#[workflow]
pub(super) struct Counter {
    value: i64,
}

#[workflow_methods]
impl Counter {
    #[init]
    pub(super) fn new(_ctx: &WorkflowContextView, _name: String, value: i64) -> Self {
        Self { value }
    }

    #[run(name = "counting", versioning_behavior = auto_upgrade)]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<i64> {
        ctx.wait_condition(|state| state.value >= 100).await?;
        Ok(ctx.state(|state| state.value))
    }

    #[signal]
    pub(super) fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>, amount: i64) {
        self.value += amount;
    }

    #[query]
    pub(super) fn value(&self, _ctx: &WorkflowContextView) -> i64 {
        self.value
    }

    #[query]
    fn fails(&self, _ctx: &WorkflowContextView) -> Result<i64, String> {
        Err("never".to_owned())
    }

    #[update]
    fn set(&mut self, _ctx: &mut SyncWorkflowContext<Self>, value: i64) -> i64 {
        std::mem::replace(&mut self.value, value)
    }

    #[update_validator(set)]
    fn check_set(&self, _ctx: &WorkflowContextView, value: &i64) -> Result<(), String> {
        if *value < 0 { Err("negative".to_owned()) } else { Ok(()) }
    }

    #[update]
    async fn slowly(ctx: &mut WorkflowContext<Self>, amount: i64) -> Result<i64, ApplicationFailure> {
        ctx.timer(Duration::from_secs(1)).await;
        Ok(ctx.state_mut(|state| {
            state.value += amount;
            state.value
        }))
    }
}

#[workflow]
#[derive(Default)]
pub(super) struct Several;

#[workflow_methods]
impl Several {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let call = |name: &str| ctx.start_activity(UntypedActivity::new(name), (name,), options());
        let mut all = join_all([call("one"), call("two"), call("three")]);
        let mut timer = ctx.timer(Duration::from_secs(1));
        let results = select! {
            results = all => results,
            _ = timer => return Ok(()),
        };
        timer.cancel();
        assert_eq!(timer.await, TimerResult::Cancelled);
        let mut values = vec![];
        for result in results {
            values.push(result?.to_value::<u8>()?);
        }
        assert_eq!(values, [1, 2, 3]);
        select! {
            _ = ctx.timer(Duration::from_secs(2)) => {}
            _ = ctx.cancelled() => return Ok(()),
        }
        ctx.continue_as_new((), ContinueAsNewOptions::default().with_task_queue("next"))?;
        Ok(())
    }
}

/// Waits for its state with a timeout, and for the first of timers and signals.
#[workflow]
#[derive(Default)]
pub(super) struct Waiting(u32);

#[workflow_methods]
impl Waiting {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let second = Duration::from_secs(1);
        let already = ctx.wait_condition_with_timeout(second, |state| state.0 == 0).await?;
        let in_time = ctx.wait_condition_with_timeout(second, |state| state.0 == 1).await?;
        let late = ctx.wait_condition_with_timeout(second, |state| state.0 == 2).await?;
        let mut kept = ctx.timer(second);
        select! {
            _ = ctx.timer(2 * second) => {}
            _ = &mut kept => {}
            _ = ctx.timer(3 * second) => {}
            done = ctx.wait_condition(|state| state.0 == 2) => done?,
        }
        kept.await;
        Ok(format!("{already} {in_time} {late}"))
    }

    #[signal]
    fn set(&mut self, _ctx: &mut SyncWorkflowContext<Self>, value: u32) {
        self.0 = value;
    }
}

/// Changes its state while it has it.
#[workflow]
#[derive(Default)]
pub(super) struct Greedy(u32);

#[workflow_methods]
impl Greedy {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.state(|outer| ctx.state_mut(|inner| inner.0 = outer.0));
        Ok(())
    }
}

#[workflow]
#[derive(Default)]
pub(super) struct Dynamic {
    seen: String,
    arguments: usize,
}

#[workflow_methods]
impl Dynamic {
    #[run(dynamic)]
    async fn run(ctx: &mut WorkflowContext<Self>, arguments: RawValue) -> WorkflowResult<()> {
        ctx.state_mut(|state| state.arguments = arguments.0.len());
        ctx.wait_condition(|state| !state.seen.is_empty()).await?;
        Ok(())
    }

    #[signal(dynamic)]
    fn any_signal(&mut self, _ctx: &mut SyncWorkflowContext<Self>, name: String, arguments: RawValue) {
        self.seen = format!("{name} {}", arguments.0.len());
    }

    #[query(dynamic)]
    fn any_query(&self, ctx: &WorkflowContextView, name: String, _arguments: RawValue) -> String {
        format!("{name} of {}, {} arguments, {}", ctx.workflow_type(), self.arguments, self.seen)
    }
}

/// Handlers with options.
#[workflow]
#[derive(Default)]
pub(super) struct Handlers(u8);

#[workflow_methods]
impl Handlers {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.wait_condition(|state| state.0 > 0).await?;
        Ok(())
    }

    /// Waits a while,
    /// and then changes nothing.
    ///
    /// Longer than the run.
    #[signal(abandon)]
    async fn pause(ctx: &mut WorkflowContext<Self>) {
        ctx.timer(Duration::from_secs(1)).await;
    }

    #[signal(name = "only numbers", description = "Takes numbers only.", strict)]
    pub(super) fn numbers(&mut self, _ctx: &mut SyncWorkflowContext<Self>, number: u8) {
        self.0 = number;
    }
}

#[workflow]
#[derive(Default)]
pub(super) struct Late {
    values: Vec<u8>,
}

#[workflow_methods]
impl Late {
    #[run(versioning_behavior = pinned)]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.timer(Duration::from_secs(1)).await;
        ctx.set_signal_handler(Add, |state, (value,)| state.values.push(value))?;
        ctx.wait_condition(|state| state.values.len() == 3).await?;
        Ok(())
    }

    #[query]
    fn values(&self, _ctx: &WorkflowContextView) -> Vec<u8> {
        self.values.clone()
    }
}

/// A signal without a `#[signal]` method.
struct Add;

impl Callable for Add {
    type Input = u8;
    type Arguments = (u8,);
    type Output = ();

    fn name(&self) -> &str {
        "add"
    }

    fn arguments(input: u8) -> (u8,) {
        (input,)
    }
}

impl SignalDefinition for Add {
    type Workflow = UntypedWorkflow;
}

/// A workflow with the calls that the other workflows do not make.
#[workflow]
#[derive(Default)]
pub(super) struct Everything;

#[workflow_methods]
impl Everything {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, part: String) -> WorkflowResult<u64> {
        match part.as_str() {
            "children" => Self::children(ctx).await,
            "others" => Self::others(ctx).await,
            "local" => Self::local(ctx).await,
            "nexus" => Self::nexus(ctx).await,
            "itself" => Self::itself(ctx),
            "tokens" => Self::tokens(ctx).await,
            _ => Ok(0),
        }
    }
}

impl Everything {
    async fn children(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u64> {
        let options = ChildWorkflowOptions::workflow_id("child");
        let child = ctx.start_child_workflow(Chain::run, 2_u64, options).await?;
        assert_eq!((child.workflow_id(), child.run_id.as_str()), ("child", "child run"));
        let signal = child.signal(AddToChain, 1, SignalWorkflowOptions::default());
        signal.await?;
        assert_eq!(child.result().await?, 9);
        let options = ChildWorkflowOptions::default();
        assert_eq!(ctx.execute_child_workflow(Chain::run, 2_u64, options).await?, 8);
        let options = ChildWorkflowOptions::workflow_id("other child");
        let refused = ctx.start_child_workflow(Chain::run, 2_u64, options.clone()).await.unwrap_err();
        assert!(refused.to_string().ends_with("not started: a workflow with this id exists already"));
        let cancelled = ctx.execute_child_workflow(Chain::run, 2_u64, options).await.unwrap_err();
        assert!(cancelled.is_cancelled());
        Ok(0)
    }

    async fn others(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u64> {
        let other = ctx.external_workflow("other", None);
        let lost = other.signal(Counter::add, 1, SignalWorkflowOptions::default()).await.unwrap_err();
        assert_eq!(lost.to_string(), "signal failed: not there");
        other.cancel(Some("enough".to_owned())).await?;
        Ok(0)
    }

    async fn local(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u64> {
        let options = LocalActivityOptions::default();
        Ok(ctx.execute_local_activity(Echo::echo, 1_u64, options).await?)
    }

    async fn nexus(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u64> {
        let name = |name: &str| name.to_owned();
        let operation = NexusOperation {
            endpoint: name("endpoint"),
            service: name("service"),
            operation: name("operation"),
        };
        let started = ctx.start_nexus_operation::<u64>(&1, NexusOperationOptions::new(operation)).await?;
        assert_eq!(started.operation_token.as_deref(), Some("token"));
        Ok(started.await?)
    }

    fn itself(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u64> {
        const AMOUNT: SearchAttributeKey<i64> = SearchAttributeKey::int("Amount");
        const GONE: SearchAttributeKey<bool> = SearchAttributeKey::bool("Gone");
        assert!(ctx.patched("patch") && ctx.deprecate_patch("old"));
        ctx.upsert_search_attributes([AMOUNT.value_set(7), GONE.value_unset()]);
        assert_eq!(ctx.search_attributes().get(&AMOUNT), Some(7));
        ctx.upsert_memo([("note", Some(MemoValue::new("x"))), ("gone", None)])?;
        assert_eq!(ctx.memo().get::<String>("note")?.as_deref(), Some("x"));
        ctx.set_current_details("**charging**");
        assert_eq!(ctx.random::<u64>(), 1);
        assert_eq!(ctx.random_stream("dice").random::<u8>(), 2);
        crate::metrics::counter("orders", 1).attribute("country", "de").record();
        crate::log::info!(amount = 7; "charged");
        assert!(!ctx.is_replaying() && ctx.all_handlers_finished());
        assert_eq!((ctx.workflow_id(), ctx.task_queue(), ctx.history_length()), ("id", "queue", 3));
        assert_eq!(ctx.workflow_time(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1)));
        assert_eq!(ctx.continue_as_new_reasons(), [ContinueAsNewReason::TooManyHistoryEvents]);
        assert_eq!(ctx.current_deployment_version().map(|version| version.build_id).as_deref(), Some("7"));
        Ok(0)
    }

    async fn tokens(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u64> {
        let parent = WorkflowCancellationToken::new();
        let child = parent.child_token();
        let first = options().with_cancellation_token(parent.clone());
        let first = ctx.start_activity(Echo::echo, 1_u64, first);
        let timer = TimerOptions::new(Duration::from_secs(1)).with_cancellation_token(child);
        let timer = ctx.timer(timer);
        let own = options().with_cancellation_token(WorkflowCancellationToken::new());
        let own = ctx.start_activity(Echo::echo, 2_u64, own);
        parent.cancel_with_reason("enough");
        assert_eq!(timer.await, TimerResult::Cancelled);
        let late = options().with_cancellation_token(parent.clone());
        drop((first, ctx.start_activity(Echo::echo, 3_u64, late)));
        assert_eq!(parent.reason().as_deref(), Some("enough"));
        Ok(own.await?)
    }
}

/// A signal of `Chain` without a `#[signal]` method.
struct AddToChain;

impl Callable for AddToChain {
    type Input = u8;
    type Arguments = (u8,);
    type Output = ();

    fn name(&self) -> &str {
        "add"
    }

    fn arguments(input: u8) -> (u8,) {
        (input,)
    }
}

impl SignalDefinition for AddToChain {
    type Workflow = __chain_workflow::run;
}
