//! Swaps: a module takes the new runs of its types, after the gate has looked at the open ones.
//!
//! One swap at a time. What a swap changes is one transaction of the store, so a process that is killed at any moment
//! starts again with the module before or the module after.

mod canary;
mod hosts;
mod moves;
mod needs;
mod request;
mod shadow;
mod swapper;
mod timed_out;

pub use moves::MoveError;
pub use needs::{Need, NeededModule};
pub use request::{SwapError, SwapOutcome, SwapRequest};
pub use swapper::Swapper;
