//! Local activities: on each executor, with attempts, timeouts and cancellation, and a ledger of what ran.

use std::path::PathBuf;
use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{
    ActivityCancellationType, LocalActivityOptions, RetryPolicy, WorkflowContext, WorkflowResult, activities,
    workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};

use crate::crowd::Executor;

/// What an activity does.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// Named in the result and in the ledger.
    pub name: String,
    /// Attempts that fail.
    pub fails: u32,
    /// How long an attempt takes, in milliseconds; it ends early if it is cancelled.
    pub takes_ms: u64,
    /// A file to which each attempt appends a line when it starts.
    pub ledger: Option<PathBuf>,
}

/// One local activity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Where it runs.
    pub executor: Executor,
    /// What it does.
    #[serde(default)]
    pub work: Work,
    /// Start-to-close timeout of an attempt, in milliseconds.
    #[serde(default = "minute")]
    pub timeout_ms: u64,
    /// Attempts at most; 0: no limit.
    #[serde(default)]
    pub attempts: u32,
    /// The pause between two attempts, in milliseconds.
    #[serde(default = "short")]
    pub pause_ms: u64,
    /// A longer pause is a timer of the workflow.
    #[serde(default = "minute")]
    pub threshold_ms: u64,
    /// The workflow cancels it when a timer of this length fires, in milliseconds.
    #[serde(default)]
    pub cancel_after_ms: Option<u64>,
    /// The cancelled activity resolves with its outcome, and not at once.
    #[serde(default)]
    pub waits: bool,
    /// A timer of the workflow after it, in milliseconds.
    #[serde(default)]
    pub then_ms: u64,
}

fn minute() -> u64 {
    60_000
}

fn short() -> u64 {
    10
}

/// Runs local activities one after another; returns how each ended.
#[workflow]
#[derive(Debug, Default)]
pub struct Local {
    ended: Vec<String>,
}

#[workflow_methods]
impl Local {
    /// Runs the steps.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, steps: Vec<Step>) -> WorkflowResult<Vec<String>> {
        for step in steps {
            let then = Duration::from_millis(step.then_ms);
            let end = execute(ctx, step).await;
            ctx.state_mut(|state| state.ended.push(end));
            if !then.is_zero() {
                ctx.timer(then).await;
            }
        }
        Ok(ctx.state(|state| state.ended.clone()))
    }

    /// How the activities ended so far.
    #[query]
    pub fn ended(&self, _ctx: &guest_sdk::WorkflowContextView) -> Vec<String> {
        self.ended.clone()
    }
}

async fn execute(ctx: &WorkflowContext<Local>, step: Step) -> String {
    let pause = Duration::from_millis(step.pause_ms);
    let policy = RetryPolicy::default()
        .with_initial_interval(pause)
        .with_backoff_coefficient(1.0)
        .with_maximum_attempts(step.attempts);
    let cancel_type = if step.waits {
        ActivityCancellationType::WaitCancellationCompleted
    } else {
        ActivityCancellationType::TryCancel
    };
    let options = LocalActivityOptions::default()
        .with_start_to_close_timeout(Duration::from_millis(step.timeout_ms))
        .with_retry_policy(policy)
        .with_timer_backoff_threshold(Duration::from_millis(step.threshold_ms))
        .with_cancel_type(cancel_type);
    let activity = match step.executor {
        Executor::Async => ctx.start_local_activity(LocalWork::work, step.work, options),
        Executor::Thread => ctx.start_local_activity(LocalWork::work_in_thread, step.work, options),
        Executor::Process => ctx.start_local_activity(LocalWork::work_apart, step.work, options),
    };
    if let Some(after) = step.cancel_after_ms {
        ctx.timer(Duration::from_millis(after)).await;
        activity.cancel();
    }
    match activity.await {
        Ok(result) => result,
        Err(error) => error.to_string(),
    }
}

/// Has no state.
#[derive(Debug, Default)]
pub struct LocalWork;

#[activities]
impl LocalWork {
    /// Works in a task.
    #[activity]
    pub async fn work(ctx: ActivityContext, work: Work) -> Result<String, ActivityError> {
        begin(&ctx, &work)?;
        let done = tokio::time::sleep(Duration::from_millis(work.takes_ms));
        tokio::select! {
            () = done => end(&ctx, &work),
            () = ctx.cancelled() => Err(ActivityError::cancelled()),
        }
    }

    /// Works in a thread.
    #[activity]
    pub fn work_in_thread(ctx: ActivityContext, work: Work) -> Result<String, ActivityError> {
        wait(&ctx, &work)
    }

    /// Works in a child process.
    #[activity(process)]
    pub fn work_apart(ctx: ActivityContext, work: Work) -> Result<String, ActivityError> {
        wait(&ctx, &work)
    }
}

#[cfg(not(target_family = "wasm"))]
fn begin(ctx: &ActivityContext, work: &Work) -> Result<(), ActivityError> {
    use std::io::Write;
    if let Some(ledger) = &work.ledger {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(ledger)?;
        writeln!(file, "{} {}", work.name, ctx.info().attempt)?;
    }
    Ok(())
}

#[cfg(not(target_family = "wasm"))]
fn wait(ctx: &ActivityContext, work: &Work) -> Result<String, ActivityError> {
    begin(ctx, work)?;
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_millis(work.takes_ms) {
        if ctx.is_cancelled() {
            return Err(ActivityError::cancelled());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    end(ctx, work)
}

#[cfg(not(target_family = "wasm"))]
fn end(ctx: &ActivityContext, work: &Work) -> Result<String, ActivityError> {
    let attempt = ctx.info().attempt;
    if attempt <= work.fails {
        let failure = guest_sdk::Failure::application("NotYet", format!("attempt {attempt} fails"));
        return Err(failure.build().into());
    }
    Ok(format!("{} in attempt {attempt}", work.name))
}
