//! An order: reserve every item at once, charge the customer, wait, ship. When a step fails for good,
//! what was done is undone, last step first.

mod activities;

use std::time::Duration;

pub use activities::OrderActivities;
use guest_sdk::{
    ActivityExecutionError, ActivityOptions, ActivityOptionsBuilder, RetryPolicy, TimerResult,
    WorkflowCancellationToken, WorkflowContext, WorkflowResult, WorkflowTermination, join_all, workflow,
    workflow_methods,
};
use serde::{Deserialize, Serialize};

/// What is ordered. One struct, so that fields can be added later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Its number; activities use it to do nothing twice.
    pub id: String,
    /// What is in it.
    pub items: Vec<Item>,
    /// The card to charge. `declined` is declined, for good.
    pub card: String,
    /// How long packing takes.
    #[serde(default = "two_seconds")]
    pub packing_seconds: u64,
}

fn two_seconds() -> u64 {
    2
}

/// A line of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    /// Stock-keeping unit.
    pub sku: String,
    /// How many.
    pub quantity: u32,
    /// What one costs.
    pub price_cents: u64,
}

/// An order that was shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    /// What was charged.
    pub total_cents: u64,
    /// Reservations, in the order of the items.
    pub reservations: Vec<String>,
    /// Where it is now.
    pub tracking: String,
}

/// Takes an order from the shelf to the door.
#[workflow]
#[derive(Debug, Default)]
pub struct Orders {
    /// What has to be undone if a later step fails, in the order it was done.
    done: Vec<Step>,
}

/// A step that can be undone.
#[derive(Clone, Debug)]
enum Step {
    Reserved(String),
    Charged { order: String, cents: u64 },
}

#[workflow_methods]
impl Orders {
    /// Returns what was shipped, or ends as the step that failed or was cancelled, after undoing the others.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: Order) -> WorkflowResult<Shipped> {
        match Self::fulfil(ctx, order).await {
            Ok(shipped) => Ok(shipped),
            Err(error) => {
                guest_sdk::log::warn!("undoing the order: {error}");
                Self::compensate(ctx).await?;
                Err(error)
            }
        }
    }

    /// The steps that are done so far.
    #[query]
    pub fn steps_done(&self, _ctx: &guest_sdk::WorkflowContextView) -> usize {
        self.done.len()
    }
}

impl Orders {
    async fn fulfil(ctx: &mut WorkflowContext<Self>, order: Order) -> WorkflowResult<Shipped> {
        let reservations = Self::reserve(ctx, &order).await?;

        let cents = order.items.iter().map(|item| item.price_cents * u64::from(item.quantity)).sum();
        let charge = (order.id.clone(), order.card.clone(), cents);
        ctx.execute_activity(OrderActivities::charge, charge, options().build()).await?;
        ctx.state_mut(|state| state.done.push(Step::Charged { order: order.id.clone(), cents }));

        if ctx.timer(Duration::from_secs(order.packing_seconds)).await == TimerResult::Cancelled {
            return Err(WorkflowTermination::cancelled());
        }

        let parcel = (order.id, reservations.clone());
        let tracking = ctx.execute_activity(OrderActivities::ship, parcel, options().build()).await?;
        Ok(Shipped { total_cents: cents, reservations, tracking })
    }

    /// All items at once. One that fails does not keep the others from being noted.
    async fn reserve(
        ctx: &mut WorkflowContext<Self>,
        order: &Order,
    ) -> Result<Vec<String>, ActivityExecutionError> {
        let calls = order.items.iter().map(|item| {
            ctx.start_activity(OrderActivities::reserve, (order.id.clone(), item.clone()), options().build())
        });
        let answers = join_all(calls.collect::<Vec<_>>()).await;
        let made = answers.iter().flatten().cloned().map(Step::Reserved);
        ctx.state_mut(|state| state.done.extend(made));
        answers.into_iter().collect()
    }

    /// With a cancellation token of its own: it goes on when the workflow was cancelled.
    async fn compensate(ctx: &mut WorkflowContext<Self>) -> Result<(), ActivityExecutionError> {
        let token = WorkflowCancellationToken::new();
        let options = || options().cancellation_token(token.clone()).build();
        while let Some(step) = ctx.state_mut(|state| state.done.pop()) {
            match step {
                Step::Reserved(id) => ctx.execute_activity(OrderActivities::release, id, options()).await?,
                Step::Charged { order, cents } => {
                    ctx.execute_activity(OrderActivities::refund, (order, cents), options()).await?;
                }
            }
        }
        Ok(())
    }
}

/// Short attempts, retried soon.
fn options() -> ActivityOptionsBuilder {
    let retries = RetryPolicy::default().with_initial_interval(Duration::from_millis(100));
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(10)).retry_policy(retries)
}

guest_sdk::export!(Orders);
