//! The workflows that the tests run.

use std::time::Duration;

use crate::{
    ActivityOptions, ApplicationFailure, ContinueAsNewOptions, RawValue, SyncWorkflowContext, TimerResult,
    UntypedActivity, WorkflowContext, WorkflowContextView, WorkflowResult, activity_definitions, join_all,
    select, workflow, workflow_methods,
};

fn options() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(10))
}

pub(super) struct Echo;

#[activity_definitions]
impl Echo {
    #[activity]
    fn echo(value: u64) -> Result<u64, ApplicationFailure> {
        unimplemented!()
    }
}

#[workflow]
#[derive(Default)]
pub(super) struct Chain;

#[workflow_methods]
impl Chain {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, length: u64) -> WorkflowResult<u64> {
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
    fn new(_ctx: &WorkflowContextView, _name: String, value: i64) -> Self {
        Self { value }
    }

    #[run(name = "counting")]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<i64> {
        ctx.wait_condition(|state| state.value >= 100).await?;
        Ok(ctx.state(|state| state.value))
    }

    #[signal]
    fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>, amount: i64) {
        self.value += amount;
    }

    #[query]
    fn value(&self, _ctx: &WorkflowContextView) -> i64 {
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
        let call = |name: &str| {
            let input = RawValue::from_arguments((name,))?;
            Ok::<_, crate::PayloadError>(ctx.start_activity(UntypedActivity::new(name), input, options()))
        };
        let mut all = Box::pin(join_all([call("one")?, call("two")?, call("three")?]));
        let mut timer = ctx.timer(Duration::from_secs(1));
        let results = futures_util::future::select(&mut all, &mut timer).await;
        let futures_util::future::Either::Left((results, timer)) = results else {
            return Ok(());
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
