//! What activities cannot be, told at their functions.
use guest_sdk::activities;
use guest_sdk::activities::{ActivityContext, ActivityError};

pub struct Right;

#[activities]
impl Right {
    #[activity(process)]
    pub fn works(_ctx: ActivityContext) -> Result<(), ActivityError> {
        Ok(())
    }
}

pub struct Wrong;

#[activities]
impl Wrong {
    #[activity]
    pub async fn sure(_ctx: ActivityContext) -> u8 { //~ error: an activity returns a `Result<T, ActivityError>`
        0
    }
}

pub struct Confused;

#[activities]
impl Confused {
    #[activity(process)]
    pub async fn both(_ctx: ActivityContext) -> Result<(), ActivityError> { //~ error: an activity for the process pool is not async
        Ok(())
    }
}

pub struct Borrowed;

#[activities]
impl Borrowed {
    #[activity]
    pub async fn held(&self, _ctx: ActivityContext) -> Result<(), ActivityError> { //~ error: an activity takes `self: Arc<Self>`, or no `self`
        Ok(())
    }
}

fn main() {}
