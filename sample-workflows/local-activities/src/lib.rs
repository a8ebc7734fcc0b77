//! Local activities: short calls that the host makes within the workflow task, with one event each in the history, and
//! no task of their own. A call that takes long, or must not be repeated when the host dies, is an activity.

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{
    ActivityOptions, LocalActivityOptions, RetryPolicy, WorkflowContext, WorkflowResult, activities,
    join_all, workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};

/// What a customer pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The sum of the prices, in cents.
    pub cents: u64,
    /// The number that the bank gave the payment.
    pub payment: String,
}

/// Adds up the prices of a cart, and charges them.
#[workflow]
#[derive(Debug, Default)]
pub struct Cart;

#[workflow_methods]
impl Cart {
    /// Returns the receipt for these articles.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, articles: Vec<String>) -> WorkflowResult<Receipt> {
        let retries = RetryPolicy::default().with_initial_interval(Duration::from_millis(50));
        let options = LocalActivityOptions::default()
            .with_start_to_close_timeout(Duration::from_secs(2))
            .with_retry_policy(retries);
        let prices = articles
            .into_iter()
            .map(|article| ctx.execute_local_activity(CartActivities::price, article, options.clone()));
        let prices = join_all(prices.collect::<Vec<_>>()).await;
        let cents = prices.into_iter().sum::<Result<u64, _>>()?;

        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
        let payment = ctx.execute_activity(CartActivities::charge, cents, options).await?;
        Ok(Receipt { cents, payment })
    }
}

/// The activities. Each could be called either way.
#[derive(Debug)]
pub struct CartActivities;

#[activities]
impl CartActivities {
    /// The price of an article, in cents. The first attempt for `tea` fails.
    #[activity]
    pub async fn price(ctx: ActivityContext, article: String) -> Result<u64, ActivityError> {
        if article == "tea" && ctx.info().attempt == 1 {
            return Err(std::io::Error::other("the price list is being written").into());
        }
        Ok(100 * article.len() as u64)
    }

    /// Charges a sum, and returns the number of the payment.
    #[activity]
    pub async fn charge(_ctx: ActivityContext, cents: u64) -> Result<String, ActivityError> {
        Ok(format!("payment-{cents}"))
    }
}

guest_sdk::export!(Cart);
