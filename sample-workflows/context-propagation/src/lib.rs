//! Context propagation: a header that names the tenant goes from the client that starts a workflow to its children and
//! their activities, beside the arguments, which do not name it.
//!
//! ```sh
//! host workflow execute --type Checkout --task-queue shop --headers 'tenant="acme"'
//! ```

use std::time::Duration;

use guest_sdk::activities::{ActivityContext, ActivityError};
use guest_sdk::workflow_interceptors::PropagatedHeaders;
use guest_sdk::{
    ActivityOptions, ChildWorkflowOptions, WorkflowContext, WorkflowResult, activities, workflow,
    workflow_methods,
};

/// The name of the header.
pub const TENANT: &str = "tenant";

/// Has a child ship what was bought.
#[workflow]
#[derive(Debug, Default)]
pub struct Checkout;

#[workflow_methods]
impl Checkout {
    /// Returns what the activity of the child was told.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        Ok(ctx.execute_child_workflow(Shipment::run, (), ChildWorkflowOptions::default()).await?)
    }
}

/// Has an activity ship it.
#[workflow]
#[derive(Debug, Default)]
pub struct Shipment;

#[workflow_methods]
impl Shipment {
    /// Returns what the activity was told.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        Ok(ctx.execute_activity(ShopActivities::ship, (), options).await?)
    }
}

/// The activity.
#[derive(Debug)]
pub struct ShopActivities;

#[activities]
impl ShopActivities {
    /// Ships for the tenant of the header. Without one it fails, and is not tried again.
    #[activity]
    pub async fn ship(ctx: ActivityContext) -> Result<String, ActivityError> {
        let Some(tenant) = ctx.headers().get(TENANT) else {
            return Err(ActivityError::non_retryable(std::io::Error::other("no tenant in the headers")));
        };
        Ok(format!("shipped for {}", tenant.to_value::<String>()?))
    }
}

// An interceptor sets the header on every call. The headers of other parties stay behind.
guest_sdk::export!(Checkout, Shipment; interceptors = [|run| PropagatedHeaders::new(run, &[TENANT])]);
