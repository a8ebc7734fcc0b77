//! Workflows and activities that end-to-end tests need and the samples have no use for.

mod basket;
mod crowd;
mod outside;
mod sizes;

pub use basket::Basket;
pub use crowd::{Crowd, CrowdActivities};
pub use outside::{Outside, OutsideActivities};
pub use sizes::{SizeActivities, Sizes};

guest_sdk::export!(Basket, Crowd, Outside, Sizes);
