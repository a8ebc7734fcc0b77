//! A workflow that people change while it runs: updates with a validator, and a query.

use guest_sdk::{
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, workflow, workflow_methods,
};

/// Most items in one basket.
const MAX_ITEMS: usize = 3;

/// Collects items until the signal `check_out`.
#[workflow]
#[derive(Debug, Default)]
pub struct Basket {
    items: Vec<String>,
    checked_out: bool,
}

#[workflow_methods]
impl Basket {
    /// Returns what is in the basket in the end.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        ctx.wait_condition(|basket| basket.checked_out).await?;
        Ok(ctx.state(|basket| basket.items.clone()))
    }

    /// Adds an item; returns how many there are.
    #[update]
    pub fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>, item: String) -> usize {
        self.items.push(item);
        self.items.len()
    }

    /// Refuses an item without a name, and more than `MAX_ITEMS`.
    #[update_validator(add)]
    pub fn validate_add(&self, _ctx: &WorkflowContextView, item: &str) -> Result<(), String> {
        if item.is_empty() {
            return Err("an item has a name".to_owned());
        }
        if self.items.len() == MAX_ITEMS {
            return Err(format!("{MAX_ITEMS} items are in the basket already"));
        }
        Ok(())
    }

    /// What is in the basket now.
    #[query]
    pub fn items(&self, _ctx: &WorkflowContextView) -> Vec<String> {
        self.items.clone()
    }

    /// Ends the workflow with the items so far.
    #[signal]
    pub fn check_out(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.checked_out = true;
    }
}
