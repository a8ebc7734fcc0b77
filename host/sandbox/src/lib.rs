//! Workflow modules in wasmtime: compile, gate, instantiate, activate.
//!
//! Owns everything between the bytes of a module and the commands of an activation: which files are
//! modules, what they may import, what they can observe, their limits, and the messages of their faults.
//! Knows the contract in `wit/` only: no protobuf, no history, no service, no async.
//!
//! ```text
//! Engine ── load ──> Module ── instantiate ──> Instance ── activate ──> commands, or a Fault
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod accessor;
mod advice;
mod background;
mod backtrace;
mod cache;
mod command;
mod compile;
mod config;
mod contract;
mod digest;
mod engine;
mod fault;
mod gate;
mod inspect;
mod instance;
pub mod limits;
mod load;
mod load_error;
mod memory;
mod module;
mod patches;
pub mod random;
mod resident;
mod settings;
mod sink;
mod snapshot;
mod store_data;
mod symbols;
mod ticker;
mod type_depth;
mod wasi;
mod weight;
pub mod wit;

pub use background::{Background, BackgroundPlace};
pub use backtrace::Frame;
pub use command::Command;
pub use compile::compile_child_main;
pub use config::{CompileLimits, Config, Feature};
pub use digest::Digest;
pub use engine::{Engine, EngineError};
pub use fault::{Fault, GuestFault, HostFault, Limit, LimitKind, Location};
pub use gate::{CONTRACT_VERSION, Import, ImportClass};
pub use instance::{Activation, Instance, RunInit};
pub use load_error::LoadError;
pub use module::Module;
pub use sink::{Discard, Sink};
pub use snapshot::Snapshot;
