//! An order: the workflow reserves all items at once, charges the customer, waits, and ships. If a step
//! fails, it undoes the steps before it, the last one first.

mod activities;

use std::time::Duration;

pub use activities::OrderActivities;
use guest_sdk::{
    ActivityExecutionError, ActivityOptions, ActivityOptionsBuilder, RetryPolicy, TimerResult,
    WorkflowCancellationToken, WorkflowContext, WorkflowResult, WorkflowTermination, join_all, workflow,
    workflow_methods,
};
use serde::{Deserialize, Serialize};

/// The order. One struct, because fields can be added to it later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The number of the order. Activities use it as the key that makes them idempotent.
    pub id: String,
    /// The items.
    pub items: Vec<Item>,
    /// The card to charge. The bank declines the card `declined`.
    pub card: String,
    /// The time for packing, in seconds.
    #[serde(default = "two_seconds")]
    pub packing_seconds: u64,
}

fn two_seconds() -> u64 {
    2
}

/// An item of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    /// The stock-keeping unit of the article.
    pub sku: String,
    /// The number of pieces.
    pub quantity: u32,
    /// The price of one piece, in cents.
    pub price_cents: u64,
}

/// An order that was shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    /// The amount that was charged, in cents.
    pub total_cents: u64,
    /// Reservations, in the order of the items.
    pub reservations: Vec<String>,
    /// The tracking number of the parcel.
    pub tracking: String,
}

/// Fulfils an order.
#[workflow]
#[derive(Debug, Default)]
pub struct Orders {
    /// The steps that are done and can be undone, in order.
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
    /// Returns the shipment. If a step fails or is cancelled, undoes the others and ends with its error.
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

    /// The steps that are done.
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

    /// Reserves all items at once. If one fails, the reservations of the others are still recorded.
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

    /// Undoes the steps, with a cancellation token of its own: the cancellation of the run does not reach
    /// them.
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

/// Options with short attempts and short backoffs.
fn options() -> ActivityOptionsBuilder {
    let retries = RetryPolicy::default().with_initial_interval(Duration::from_millis(100));
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(10)).retry_policy(retries)
}

guest_sdk::export!(Orders);
