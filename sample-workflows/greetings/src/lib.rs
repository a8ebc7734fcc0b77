//! The first example of Temporal's guide: a workflow that has an activity compose a greeting.

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{ActivityOptions, WorkflowContext, WorkflowResult};
use guest_sdk::{activities, workflow, workflow_methods};
use serde::{Deserialize, Serialize};

/// What to say, and to whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ComposeGreetingInput {
    /// For example `Hello`.
    pub greeting: String,
    /// For example `World`.
    pub name: String,
}

/// Composes a greeting in an activity.
#[workflow]
#[derive(Debug, Default)]
pub struct Greetings;

#[workflow_methods]
impl Greetings {
    /// Greets by name.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, name: String) -> WorkflowResult<String> {
        let input = ComposeGreetingInput { greeting: "Hello".to_owned(), name };
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        Ok(ctx.execute_activity(GreetingActivities::compose_greeting, input, options).await?)
    }
}

/// What the workflow asks for.
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
