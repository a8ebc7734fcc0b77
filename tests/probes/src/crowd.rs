//! Many activities at once, and activities that do not end.

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{
    ActivityOptions, RetryPolicy, WorkflowContext, WorkflowResult, activities, join_all, workflow,
    workflow_methods,
};
use serde::{Deserialize, Serialize};

/// The executor of the activities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Executor {
    /// Async functions that block their thread.
    Async,
    /// Plain functions.
    Thread,
    /// Functions in a child process.
    Process,
}

/// Activities of one executor, all at once, each with one attempt.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Where they run.
    pub executor: Executor,
    /// How many.
    pub count: usize,
    /// How long each takes, in milliseconds.
    pub takes_ms: u64,
    /// Their start-to-close timeout, in milliseconds.
    pub timeout_ms: u64,
}

/// Runs a plan; returns how many of the activities completed.
#[workflow]
#[derive(Debug, Default)]
pub struct Crowd;

#[workflow_methods]
impl Crowd {
    /// Starts all activities and waits for them.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, plan: Plan) -> WorkflowResult<usize> {
        let once = RetryPolicy::default().with_maximum_attempts(1);
        let options = ActivityOptions::start_to_close_timeout(Duration::from_millis(plan.timeout_ms))
            .with_retry_policy(once);
        let start = |_| {
            let options = options.clone();
            async {
                match plan.executor {
                    Executor::Async => {
                        ctx.execute_activity(CrowdActivities::block, plan.takes_ms, options).await
                    }
                    Executor::Thread => {
                        ctx.execute_activity(CrowdActivities::hold, plan.takes_ms, options).await
                    }
                    Executor::Process => {
                        ctx.execute_activity(CrowdActivities::hold_apart, plan.takes_ms, options).await
                    }
                }
            }
        };
        let ends = join_all((0..plan.count).map(start)).await;
        Ok(ends.iter().filter(|end| end.is_ok()).count())
    }
}

/// Has no state.
#[derive(Debug, Default)]
pub struct CrowdActivities;

#[activities]
impl CrowdActivities {
    /// Holds a thread of the pool.
    #[activity]
    pub fn hold(takes_ms: u64) -> Result<(), ActivityError> {
        std::thread::sleep(Duration::from_millis(takes_ms));
        Ok(())
    }

    /// Holds a child process, whatever it is told.
    #[activity(process)]
    pub fn hold_apart(_ctx: ActivityContext, takes_ms: u64) -> Result<(), ActivityError> {
        std::thread::sleep(Duration::from_millis(takes_ms));
        Ok(())
    }

    /// Blocks a thread of the async runtime, as no activity may.
    #[activity]
    pub async fn block(takes_ms: u64) -> Result<(), ActivityError> {
        std::thread::sleep(Duration::from_millis(takes_ms));
        Ok(())
    }
}
