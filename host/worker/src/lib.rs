//! Pollers, run cache, module catalog and replay: joins service, core, sandbox and activities.
//!
//! [`Worker`] polls a task queue and hands out what comes: workflow tasks to [`workflow`], activity tasks
//! to `activity`. [`modules`] has the modules that execute workflows, [`gate`] what becomes of open runs on another one. `convert` translates between the
//! contract's types (WIT) and the protocol's (protobuf).
//!
//! Runs are executed synchronously, on threads of their own; the asynchronous part only moves messages and
//! does not know what an event or a command means.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod activity;
mod config;
mod connection;
pub mod control;
mod convert;
mod counters;
mod deadline;
pub mod deployment;
pub mod gate;
mod gauges;
pub mod modules;
mod poll;
mod resources;
mod rpc;
pub mod shadow;
mod shutdown;
pub mod swap;
mod task_queues;
mod worker;
pub mod workflow;

pub use config::{CacheConfig, Config, ConfigError, default_identity};
pub use connection::ConnectError;
pub use counters::{CacheCounters, WorkerCounters};
pub use resources::Resources;
pub use shutdown::ShutdownReport;
pub use worker::{StartError, Worker};
