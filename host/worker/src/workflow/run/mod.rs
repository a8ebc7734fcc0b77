//! One run: its state machines, its guest, and what may go wrong between them. Synchronous.

mod activation_log;
mod disposable;
mod driver;
mod failure;
mod log;
mod log_budget;
mod payload_limit;
pub(crate) mod stack;

pub use disposable::UpdateVerdict;
pub use driver::{Advance, RunDriver, StateHash};
pub use failure::{FailureKind, RunFailure};
pub use payload_limit::TooLarge;

pub use crate::convert::RunIdentity;
