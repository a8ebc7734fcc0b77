//! Workflows and activities that end-to-end tests need and the samples have no use for.

mod basket;
mod converts;
mod crowd;
mod held;
mod local;
mod outside;
mod sizes;
mod talk;

pub use basket::Basket;
pub use converts::{Converts, Parcel, PlainText, Scales};
pub use crowd::{Crowd, CrowdActivities};
pub use held::{Held, HeldActivities};
pub use local::{Local, LocalWork};
pub use outside::{Outside, OutsideActivities};
pub use sizes::{SizeActivities, Sizes};
pub use talk::{Talk, Waits};

guest_sdk::export!(Basket, Converts, Crowd, Held, Local, Outside, Sizes, Talk, Waits);
