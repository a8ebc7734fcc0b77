//! Literals and `&str` fit where the signature has numbers and a `String`.
use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::{
    ActivityOptions, ChildWorkflowOptions, LocalActivityOptions, SignalWorkflowOptions, SyncWorkflowContext,
    UntypedActivity, WorkflowContext, WorkflowResult, activities, workflow, workflow_methods,
};

pub struct Shop;

#[activities]
impl Shop {
    #[activity]
    pub async fn charge(_ctx: ActivityContext, card: String, cents: u64) -> Result<(), ActivityError> {
        let _ = (card, cents);
        Ok(())
    }

    #[activity]
    pub async fn wait(_ctx: ActivityContext, seconds: f64) -> Result<(), ActivityError> {
        let _ = seconds;
        Ok(())
    }

    #[activity]
    pub async fn name(_ctx: ActivityContext, name: String) -> Result<(), ActivityError> {
        let _ = name;
        Ok(())
    }

    #[activity]
    pub async fn several(_ctx: ActivityContext, one: u8, other: Option<u8>) -> Result<(), ActivityError> {
        let _ = (one, other);
        Ok(())
    }
}

#[workflow]
#[derive(Default)]
pub struct Order(u32);

#[workflow_methods]
impl Order {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, number: u32) -> WorkflowResult<u32> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        ctx.execute_activity(Shop::charge, ("visa", 4200), options.clone()).await?;
        ctx.execute_activity(Shop::charge, ("visa".to_owned(), 4200_u64), options.clone()).await?;
        ctx.execute_activity(Shop::wait, 0.5, options.clone()).await?;
        ctx.execute_activity(Shop::name, "Ada", options.clone()).await?;
        ctx.execute_activity(Shop::several, (1, None), options.clone()).await?;
        ctx.execute_local_activity(Shop::charge, ("visa", 1), LocalActivityOptions::default()).await?;
        ctx.execute_activity(UntypedActivity::new("ship"), ("parcel", 1), options).await?;
        let child = ctx.start_child_workflow(Order::run, 7, ChildWorkflowOptions::default()).await?;
        child.signal(Order::add, 3, SignalWorkflowOptions::default()).await?;
        Ok(child.result().await? + number)
    }

    #[signal]
    pub fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>, number: u32) {
        self.0 += number;
    }
}

guest_sdk::export!(Order);

fn main() {}
