//! A timer that can be updated: the workflow sleeps until a time that signals change, to a later or an earlier one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guest_sdk::{
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, workflow, workflow_methods,
};

/// The workflow. Times are seconds since 1970-01-01 UTC.
#[workflow]
#[derive(Debug)]
pub struct UpdatableTimer {
    wake_up_at: u64,
}

#[workflow_methods]
impl UpdatableTimer {
    #[init]
    fn new(_ctx: &WorkflowContextView, wake_up_at: u64) -> Self {
        Self { wake_up_at }
    }

    /// Sleeps until the time that was set last, and returns when it woke up.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u64> {
        loop {
            let (now, wake_up_at) = (seconds(ctx.workflow_time()), ctx.state(|state| state.wake_up_at));
            let Some(left) = wake_up_at.checked_sub(now).filter(|left| *left > 0) else { return Ok(now) };
            // A timer that is cancelled when the time changes first. The loop then starts another one.
            let changed = |state: &Self| state.wake_up_at != wake_up_at;
            ctx.wait_condition_with_timeout(Duration::from_secs(left), changed).await?;
        }
    }

    /// Changes when it wakes up.
    #[signal]
    pub fn set_wake_up_time(&mut self, _ctx: &mut SyncWorkflowContext<Self>, wake_up_at: u64) {
        self.wake_up_at = wake_up_at;
    }

    /// When it wakes up, unless that is changed.
    #[query]
    pub fn wake_up_time(&self, _ctx: &WorkflowContextView) -> u64 {
        self.wake_up_at
    }
}

fn seconds(time: Option<SystemTime>) -> u64 {
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs())
}

guest_sdk::export!(UpdatableTimer);
