//! An activity that a worker executes for as long as a test wants.

use std::{path::Path, thread::sleep, time::Duration};

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{ActivityOptions, WorkflowContext, WorkflowResult, activities, workflow, workflow_methods};

/// Has one activity, and returns its result.
#[workflow]
#[derive(Debug, Default)]
pub struct Held;

#[workflow_methods]
impl Held {
    /// The activity lasts until `folder` has a file `go`.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, folder: String) -> WorkflowResult<u32> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(600));
        Ok(ctx.execute_activity(HeldActivities::hold_until_go, folder, options).await?)
    }
}

/// Has no state.
#[derive(Debug, Default)]
pub struct HeldActivities;

#[activities]
impl HeldActivities {
    /// Writes a file `held`, waits until `folder` has a file `go`, and returns its attempt.
    #[activity]
    pub fn hold_until_go(ctx: ActivityContext, folder: String) -> Result<u32, ActivityError> {
        let folder = Path::new(&folder);
        std::fs::write(folder.join("held"), "")?;
        while !folder.join("go").exists() {
            sleep(Duration::from_millis(20));
        }
        Ok(ctx.info().attempt)
    }
}
