//! Values that are larger than the service takes, in every field that has a limit.

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{
    ActivityOptions, RetryPolicy, WorkflowContext, WorkflowContextView, WorkflowResult, activities, join_all,
    workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};

/// Activities that are asked for at once.
const AT_ONCE: usize = 5;

/// Where the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The workflow's result.
    Result,
    /// The argument of one activity.
    Argument,
    /// The arguments of several activities, to each as much.
    Arguments,
    /// An activity's result.
    ActivityResult,
    /// The details of an activity's failure.
    ActivityDetails,
    /// The message of an activity's failure.
    ActivityMessage,
    /// The details of an activity's heartbeat.
    ActivityHeartbeat,
}

/// Puts a given number of bytes into one field: a result, an argument, details, a message.
#[workflow]
#[derive(Debug, Default)]
pub struct Sizes;

#[workflow_methods]
impl Sizes {
    /// Puts bytes into a place.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, place: Place, bytes: usize) -> WorkflowResult<String> {
        let once = RetryPolicy::default().with_maximum_attempts(1);
        let options =
            ActivityOptions::start_to_close_timeout(Duration::from_secs(60)).with_retry_policy(once);
        match place {
            Place::Result => return Ok(text(bytes)),
            Place::Argument => {
                ctx.execute_activity(SizeActivities::weigh, text(bytes), options).await?;
            }
            Place::Arguments => {
                let weigh = |_| ctx.execute_activity(SizeActivities::weigh, text(bytes), options.clone());
                for weighed in join_all((0..AT_ONCE).map(weigh)).await {
                    weighed?;
                }
            }
            _ => {
                ctx.execute_activity(SizeActivities::swell, (place, bytes), options).await?;
            }
        }
        Ok("it fits".to_owned())
    }

    /// An answer of so many bytes.
    #[query]
    pub fn answer(&self, _ctx: &WorkflowContextView, bytes: usize) -> String {
        text(bytes)
    }
}

/// Has no state.
#[derive(Debug, Default)]
pub struct SizeActivities;

#[activities]
impl SizeActivities {
    /// How many bytes came.
    #[activity]
    pub fn weigh(text: String) -> Result<usize, ActivityError> {
        Ok(text.len())
    }

    /// Puts bytes into a place of its own.
    #[activity]
    pub fn swell(ctx: ActivityContext, place: Place, bytes: usize) -> Result<String, ActivityError> {
        let failure = |message: &str| guest_sdk::Failure::application("Swollen", message).non_retryable();
        match place {
            Place::ActivityDetails => Err(failure("too much to tell").detail(&text(bytes))?.build().into()),
            Place::ActivityMessage => Err(failure(&text(bytes)).build().into()),
            Place::ActivityHeartbeat => {
                ctx.record_heartbeat(text(bytes))?;
                Ok(String::new())
            }
            _ => Ok(text(bytes)),
        }
    }
}

/// As JSON it has two bytes more.
fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}
