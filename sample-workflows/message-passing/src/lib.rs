//! Message passing: clients ask the workflow by queries, tell it by signals, and change it by updates, which answer.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, activities,
    workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};

/// The languages of greetings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// The workflow knows this greeting from its start.
    #[default]
    English,
    /// The workflow knows this greeting from its start.
    French,
    /// Only the activity knows this greeting.
    Hindi,
    /// No greeting is known.
    Klingon,
}

/// Holds a greeting in one language, which clients change until one of them approves it.
#[workflow]
#[derive(Debug)]
pub struct Greeting {
    approver: Option<String>,
    language: Language,
    greetings: BTreeMap<Language, String>,
    is_changing: bool,
}

#[workflow_methods]
impl Greeting {
    #[init]
    fn new(_ctx: &WorkflowContextView) -> Self {
        let known = [(Language::English, "Hello, world"), (Language::French, "Bonjour, monde")];
        Self {
            approver: None,
            language: Language::default(),
            greetings: known.map(|(language, greeting)| (language, greeting.to_owned())).into(),
            is_changing: false,
        }
    }

    /// Returns the greeting once it is approved, and the updates that were accepted have answered.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        ctx.wait_condition(|state| state.approver.is_some() && ctx.all_handlers_finished()).await?;
        Ok(ctx.state(|state| state.greetings[&state.language].clone()))
    }

    /// Approves the greeting as it is, which ends the workflow.
    #[signal]
    pub fn approve(&mut self, _ctx: &mut SyncWorkflowContext<Self>, name: String) {
        self.approver = Some(name);
    }

    /// The language of the greeting.
    #[query]
    pub fn language(&self, _ctx: &WorkflowContextView) -> Language {
        self.language
    }

    /// The languages that an update may set at once.
    #[query]
    pub fn languages(&self, _ctx: &WorkflowContextView) -> Vec<Language> {
        self.greetings.keys().copied().collect()
    }

    /// Sets the language and returns the one before.
    #[update]
    pub fn set_language(&mut self, _ctx: &mut SyncWorkflowContext<Self>, language: Language) -> Language {
        std::mem::replace(&mut self.language, language)
    }

    /// An update that is rejected leaves no trace in the history.
    #[update_validator(set_language)]
    fn check_language(&self, _ctx: &WorkflowContextView, language: &Language) -> Result<(), String> {
        match self.greetings.contains_key(language) {
            true => Ok(()),
            false => Err(format!("{language:?} is not among the known languages")),
        }
    }

    /// Sets the language after an activity has given its greeting, and returns the one before.
    #[update]
    pub async fn look_up_language(
        ctx: &mut WorkflowContext<Self>,
        language: Language,
    ) -> Result<Language, Box<dyn Error + Send + Sync>> {
        // Async handlers run at the same time: those that change the state around an await take turns.
        ctx.wait_condition(|state| !state.is_changing).await?;
        ctx.state_mut(|state| state.is_changing = true);
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        let greeting = ctx.execute_activity(GreetingActivities::greeting, language, options).await;
        ctx.state_mut(|state| {
            state.is_changing = false;
            let greeting = greeting?.ok_or_else(|| format!("there is no greeting in {language:?}"))?;
            state.greetings.insert(language, greeting);
            Ok(std::mem::replace(&mut state.language, language))
        })
    }
}

/// The activity, which stands for a service.
#[derive(Debug)]
pub struct GreetingActivities;

#[activities]
impl GreetingActivities {
    /// The greeting in a language, if there is one.
    #[activity]
    pub async fn greeting(
        _ctx: ActivityContext,
        language: Language,
    ) -> Result<Option<String>, ActivityError> {
        let greeting = match language {
            Language::English => "Hello, world",
            Language::French => "Bonjour, monde",
            Language::Hindi => "नमस्ते, दुनिया",
            Language::Klingon => return Ok(None),
        };
        Ok(Some(greeting.to_owned()))
    }
}

guest_sdk::export!(Greeting);
