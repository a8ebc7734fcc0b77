use guest_sdk::activities;
use guest_sdk::activities::{ActivityContext, ActivityError};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Secret(u8);

pub struct Shop;

#[activities]
impl Shop {
    #[activity]
    pub async fn charge(_ctx: ActivityContext, secret: Secret) -> Result<(), ActivityError> { //~ error: private type `Secret`
        let _ = secret;
        Ok(())
    }
}

fn main() {}
