//! Activities of a host: the registry, the context of an activity, and the executors.
//!
//! Knows neither the sandbox nor the protocol. A worker converts a polled task into an [`ActivityTask`],
//! passes it to [`Executors::run`] with a function that sends heartbeats, and reports the [`Outcome`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test panics on failure"))]

mod attempt;
mod call;
mod cancel;
mod context;
mod error;
mod executors;
pub mod failure_type;
#[cfg(test)]
mod fuzz;
mod heartbeat;
mod info;
pub mod interceptors;
mod options;
mod outcome;
pub mod process;
mod registry;
mod runtime;
mod size;
mod slots;
mod threads;
mod timers;
mod watch;

pub use guest_sdk_types as types;

pub use cancel::{CancelReason, Cancellation};
pub use context::{ActivityContext, HeartbeatError};
pub use error::ActivityError;
pub use executors::{Executors, RunningActivity};
pub use heartbeat::HeartbeatAnswer;
pub use info::{ActivityInfo, ActivityTask};
pub use options::{Grace, Options};
pub use outcome::Outcome;
pub use registry::{Activities, Definition, DuplicateActivity, ExecutorKind, Registry, UnknownActivity};
pub use size::{TooLarge, check_size};
pub use slots::Slot;
