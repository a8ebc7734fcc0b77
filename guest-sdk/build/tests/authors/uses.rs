//! A `use` of what only signatures of activities need does not warn, though the sandbox has no bodies of activities.
use std::sync::Arc;

use guest_sdk::activities;
use guest_sdk::activities::{ActivityContext, ActivityError};

pub struct Shop;

#[activities]
impl Shop {
    #[activity]
    pub async fn open(self: Arc<Self>, _ctx: ActivityContext) -> Result<(), ActivityError> {
        Ok(())
    }
}

fn main() {}
