//! Patching: a change of the workflow's code that runs which started before it still replay.
//!
//! A change goes through three versions of the code:
//!
//! 1. `if ctx.patched("check-credit") { new } else { old }`: runs that passed this place before take the old path, in
//!    every replay; all others take the new one. This is the version here.
//! 2. `ctx.deprecate_patch("check-credit"); new`: once no run is open that took the old path.
//! 3. `new`: once no run is open that has the patch in its history.
//!
//! `histories/before.json` was recorded by the code before the change, `histories/patched.json` by this one. Both replay.

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{ActivityOptions, WorkflowContext, WorkflowResult, activities, workflow, workflow_methods};

/// Decides about loans.
#[workflow]
#[derive(Debug, Default)]
pub struct Loan;

#[workflow_methods]
impl Loan {
    /// Returns what the customer is told.
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        customer: String,
        euros: u32,
    ) -> WorkflowResult<String> {
        let options = || ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        if ctx.patched("check-credit") {
            let call = (customer.clone(), euros);
            if !ctx.execute_activity(LoanActivities::check_credit, call, options()).await? {
                return Ok(format!("{customer} gets no loan"));
            }
        } else {
            // Before the change a person had some time to object.
            ctx.timer(Duration::from_secs(2)).await;
        }
        Ok(ctx.execute_activity(LoanActivities::pay, (customer, euros), options()).await?)
    }
}

/// The activities, which stand for a bank.
#[derive(Debug)]
pub struct LoanActivities;

#[activities]
impl LoanActivities {
    /// Whether the customer may borrow this amount.
    #[activity]
    pub async fn check_credit(
        _ctx: ActivityContext,
        _customer: String,
        euros: u32,
    ) -> Result<bool, ActivityError> {
        Ok(euros <= 10_000)
    }

    /// Pays the loan, and returns what the customer is told.
    #[activity]
    pub async fn pay(_ctx: ActivityContext, customer: String, euros: u32) -> Result<String, ActivityError> {
        Ok(format!("{customer} gets {euros} euros"))
    }
}

guest_sdk::export!(Loan);
