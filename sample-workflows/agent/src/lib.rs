//! An agent: a model decides what to do next, tools do it, and people answer what the model asks them. Model and tools
//! are activities, so the conversation survives whatever happens to its host, no answer of the model is paid for twice,
//! and a person may take a week.

mod tools;

use std::time::Duration;

use guest_sdk::{
    ActivityOptions, ApplicationFailure, ContinueAsNewOptions, RawValue, RetryPolicy, SyncWorkflowContext,
    UntypedActivity, WorkflowContext, WorkflowContextView, WorkflowResult, workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};
pub use tools::Tools;

/// The number of decisions of the model on one message, after which the agent gives up.
const MAX_DECISIONS: u32 = 20;

/// What the model decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Calls a tool: an activity of this name.
    Call {
        /// The name of the tool.
        tool: String,
        /// Its argument.
        argument: String,
    },
    /// Asks a person, and waits for the answer.
    Ask(String),
    /// Answers; the conversation goes on with the next message.
    Answer(String),
}

/// An entry of the conversation, which the model reads as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A person wrote this.
    Person(String),
    /// The model decided this.
    Model(Decision),
    /// A tool returned this.
    Tool(String),
    /// A tool failed for this reason, which the model may mend.
    ToolFailed(String),
}

/// A conversation with an agent.
#[workflow]
#[derive(Debug)]
pub struct Agent {
    conversation: Vec<Entry>,
    /// Messages that the model has not read.
    inbox: Vec<String>,
    is_over: bool,
}

#[workflow_methods]
impl Agent {
    #[init]
    fn new(_ctx: &WorkflowContextView, conversation: Vec<Entry>) -> Self {
        Self { conversation, inbox: Vec::new(), is_over: false }
    }

    /// Answers messages until the conversation is over, and returns its number of entries.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<usize> {
        let mut decisions = 0;
        loop {
            let is_models_turn = ctx.state(Self::is_models_turn);
            if !is_models_turn {
                decisions = 0;
                // Nothing is under way: the moment to leave a long history behind.
                if ctx.continue_as_new_suggested() && ctx.state(|state| state.inbox.is_empty()) {
                    let conversation = ctx.state(|state| state.conversation.clone());
                    ctx.continue_as_new(conversation, ContinueAsNewOptions::default())?;
                }
                ctx.set_current_details("waits for a person");
                ctx.wait_condition(|state| !state.inbox.is_empty() || state.is_over).await?;
                if ctx.state(|state| state.inbox.is_empty()) {
                    return Ok(ctx.state(|state| state.conversation.len()));
                }
            }
            ctx.state_mut(Self::read_inbox);
            decisions += 1;
            if decisions > MAX_DECISIONS {
                return Err(ApplicationFailure::non_retryable("the model does not come to an answer").into());
            }
            Self::decide(ctx).await?;
        }
    }

    /// A message of a person.
    #[signal]
    pub fn message(&mut self, _ctx: &mut SyncWorkflowContext<Self>, text: String) {
        self.inbox.push(text);
    }

    /// Ends the conversation, once all messages are answered.
    #[signal]
    pub fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.is_over = true;
    }

    /// The conversation so far.
    #[query]
    pub fn conversation(&self, _ctx: &WorkflowContextView) -> Vec<Entry> {
        self.conversation.clone()
    }
}

impl Agent {
    /// Whether the model has something to decide without another message.
    fn is_models_turn(&self) -> bool {
        matches!(
            self.conversation.last(),
            Some(
                Entry::Person(_)
                    | Entry::Tool(_)
                    | Entry::ToolFailed(_)
                    | Entry::Model(Decision::Call { .. })
            )
        )
    }

    fn read_inbox(&mut self) {
        self.conversation.extend(self.inbox.drain(..).map(Entry::Person));
    }

    /// Lets the model decide, and calls the tool that it wants.
    async fn decide(ctx: &WorkflowContext<Self>) -> WorkflowResult<()> {
        // A model may be busy for long; a decision is worth waiting for.
        let options =
            ActivityOptions::start_to_close_timeout(Duration::from_secs(120)).with_summary("decide");
        let conversation = ctx.state(|state| state.conversation.clone());
        let decision = ctx.execute_activity(Tools::decide, conversation, options).await?;
        ctx.state_mut(|state| state.conversation.push(Entry::Model(decision.clone())));

        if let Decision::Call { tool, argument } = decision {
            ctx.set_current_details(format!("calls `{tool}`"));
            // The tool is known by its name only. One that is not there fails after some attempts.
            let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(60))
                .with_retry_policy(RetryPolicy::default().with_maximum_attempts(3));
            let called = ctx.execute_activity(UntypedActivity::new(tool), (argument,), options).await;
            let entry = match called.map(|result: RawValue| result.to_value::<String>()) {
                Ok(result) => Entry::Tool(result?),
                Err(error) => Entry::ToolFailed(error.cause().map_or(error.to_string(), ToString::to_string)),
            };
            ctx.state_mut(|state| state.conversation.push(entry));
        }
        Ok(())
    }
}

guest_sdk::export!(Agent);
