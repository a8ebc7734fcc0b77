//! The first example of Temporal's guide: a workflow calls an activity that composes a greeting.

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{ActivityOptions, WorkflowContext, WorkflowResult};
use guest_sdk::{activities, workflow, workflow_methods};
use serde::{Deserialize, Serialize};

/// The input of the activity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ComposeGreetingInput {
    /// The greeting, for example `Hello`.
    pub greeting: String,
    /// The name, for example `World`.
    pub name: String,
}

/// Composes a greeting in an activity.
#[workflow]
#[derive(Debug, Default)]
pub struct Greetings;

#[workflow_methods]
impl Greetings {
    /// Returns the greeting of `name`.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, name: String) -> WorkflowResult<String> {
        let input = ComposeGreetingInput { greeting: "Hello".to_owned(), name };
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        Ok(ctx.execute_activity(GreetingActivities::compose_greeting, input, options).await?)
    }
}

/// The activity.
#[derive(Debug)]
pub struct GreetingActivities;

#[activities]
impl GreetingActivities {
    /// Composes a greeting.
    #[activity]
    pub async fn compose_greeting(
        _ctx: ActivityContext,
        input: ComposeGreetingInput,
    ) -> Result<String, ActivityError> {
        Ok(format!("{}, {}!", input.greeting, input.name))
    }
}

guest_sdk::export!(Greetings);
