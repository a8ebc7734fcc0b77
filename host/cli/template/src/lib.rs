//! A workflow and its activity. The sandbox runs the workflow, and the host the activity.

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{ActivityOptions, WorkflowContext, WorkflowResult, activities, workflow, workflow_methods};
use serde::{Deserialize, Serialize};

/// The input of the workflow. A struct, because fields can be added to it later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Whose birthday it is.
    pub name: String,
    /// Age in years, before the birthday.
    pub age: u32,
}

/// Has a cake baked, and waits for the candles to be lit.
#[workflow]
#[derive(Debug, Default)]
pub struct Birthday;

#[workflow_methods]
impl Birthday {
    /// Returns what happens at the end.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, person: Person) -> WorkflowResult<String> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        let cake = ctx.execute_activity(Kitchen::bake, person.age + 1, options).await?;
        ctx.timer(Duration::from_secs(2)).await;
        Ok(format!("{} blows out {cake}", person.name))
    }
}

/// The activities: native code, which may use files, databases and the network.
#[derive(Debug)]
pub struct Kitchen;

#[activities]
impl Kitchen {
    /// Bakes a cake with so many candles.
    #[activity]
    pub async fn bake(_ctx: ActivityContext, candles: u32) -> Result<String, ActivityError> {
        Ok(format!("{candles} candles"))
    }
}

guest_sdk::export!(Birthday);
