//! An activity that a client completes, fails or cancels by its task token, outside of every worker.

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{
    ActivityCancellationType, ActivityOptions, RetryPolicy, WorkflowContext, WorkflowResult, activities,
    workflow, workflow_methods,
};

/// Has one activity, and returns the result with which a client completes it.
#[workflow]
#[derive(Debug, Default)]
pub struct Outside;

#[workflow_methods]
impl Outside {
    /// Task tokens are left in `folder`.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, folder: String) -> WorkflowResult<String> {
        let retry =
            RetryPolicy::default().with_initial_interval(Duration::from_millis(10)).with_maximum_attempts(2);
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(60))
            .with_heartbeat_timeout(Duration::from_secs(30))
            .with_cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
            .with_retry_policy(retry);
        Ok(ctx.execute_activity(OutsideActivities::hand_out, folder, options).await?)
    }
}

/// Has no state.
#[derive(Debug, Default)]
pub struct OutsideActivities;

#[activities]
impl OutsideActivities {
    /// Writes the last heartbeat details of the attempt before to `details-n` and then the task token of
    /// attempt n to `attempt-n`. A client that reads the token completes the activity.
    #[activity]
    pub fn hand_out(ctx: ActivityContext, folder: String) -> Result<String, ActivityError> {
        let folder = std::path::Path::new(&folder);
        let attempt = ctx.info().attempt;
        let details: Option<String> = ctx.heartbeat_details()?;
        std::fs::write(folder.join(format!("details-{attempt}")), details.unwrap_or_default())?;
        let draft = folder.join("draft");
        std::fs::write(&draft, &ctx.info().task_token)?;
        std::fs::rename(draft, folder.join(format!("attempt-{attempt}")))?;
        Err(ActivityError::WillCompleteAsync)
    }
}
