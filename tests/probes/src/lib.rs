//! Workflows and activities that end-to-end tests need and the samples have no use for.

mod basket;
mod converts;
mod crowd;
mod held;
mod local;
mod nexus;
mod outside;
mod sizes;
mod talk;

pub use basket::Basket;
pub use converts::{Converts, Parcel, PlainText, Scales};
pub use crowd::{Crowd, CrowdActivities};
pub use held::HeldActivities;
pub use local::{Local, LocalWork};
#[cfg(not(target_family = "wasm"))]
pub use nexus::handlers;
pub use nexus::{Callee, Caller, End, Step as NexusStep, Work as CalleeWork};
pub use outside::{Outside, OutsideActivities};
pub use sizes::{SizeActivities, Sizes};
pub use talk::{Talk, Waits};

guest_sdk::export!(Basket, Callee, Caller, Converts, Crowd, Local, Outside, Sizes, Talk, Waits);
