//! Polling, with continue-as-new: the workflow asks an activity again and again whether a job is done. Before its history
//! grows long it goes on in a new run, which starts with what the one before passes to it.

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{
    ActivityOptions, ContinueAsNewOptions, WorkflowContext, WorkflowResult, WorkflowTermination, activities,
    workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};

/// The number of polls in one run. The service suggests a new run after some thousand events; a smaller number keeps
/// replays short.
const POLLS_PER_RUN: u32 = 5;

/// The pause between two polls. It may be as long as a job allows: a workflow that waits takes no memory of its host.
const PAUSE: Duration = Duration::from_secs(1);

/// What is waited for, and what the runs before did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wait {
    /// The name of the job.
    pub job: String,
    /// The number of polls in earlier runs.
    #[serde(default)]
    pub polls: u32,
}

/// A job that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The result of the job.
    pub result: String,
    /// The number of polls in all runs.
    pub polls: u32,
}

/// Waits for a job.
#[workflow]
#[derive(Debug, Default)]
pub struct WaitForJob;

#[workflow_methods]
impl WaitForJob {
    /// Returns the result of the job.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, mut wait: Wait) -> WorkflowResult<Done> {
        for _ in 0..POLLS_PER_RUN {
            let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
            let result = ctx.execute_activity(JobActivities::result, wait.job.clone(), options).await?;
            wait.polls += 1;
            if let Some(result) = result {
                return Ok(Done { result, polls: wait.polls });
            }
            if ctx.continue_as_new_suggested() {
                break;
            }
            ctx.timer(PAUSE).await;
            // A timer that is cancelled with the run is no error; the loop would go on without a pause.
            if ctx.cancellation_token().is_cancelled() {
                return Err(WorkflowTermination::cancelled());
            }
        }
        // Ends the run: what is not passed on is lost.
        ctx.continue_as_new(wait, ContinueAsNewOptions::default()).map(|never| match never {})
    }
}

/// The activity. It stands for a service whose jobs are done when they are asked for the 12th time.
#[derive(Debug, Default)]
pub struct JobActivities {
    #[cfg(not(target_family = "wasm"))]
    asked: std::sync::Mutex<std::collections::BTreeMap<String, u32>>,
}

#[activities]
impl JobActivities {
    /// The result of a job, if it is done.
    #[activity]
    pub async fn result(
        self: std::sync::Arc<Self>,
        _ctx: ActivityContext,
        job: String,
    ) -> Result<Option<String>, ActivityError> {
        let mut asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let times = asked.entry(job.clone()).or_default();
        *times += 1;
        Ok((*times >= 12).then(|| format!("{job} is done")))
    }
}

guest_sdk::export!(WaitForJob);
