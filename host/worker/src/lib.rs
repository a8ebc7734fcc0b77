//! Pollers, run cache, module catalog and replay: joins service, core, sandbox and activities.
//!
//! Two halves meet here. The synchronous one executes runs: [`run`] drives a run's state machines and
//! its guest, [`catalog`] has the modules, [`pinning`] says which of them executes a run. The
//! asynchronous one only moves messages: [`Worker`] polls, keeps runs between their tasks, and reports
//! what they and the activities come to. It does not know what an event or a command means.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod activity_poller;
mod activity_task;
mod backoff;
pub mod build_id;
mod cache;
pub mod catalog;
mod completion;
mod config;
mod connection;
mod convert;
mod disposable;
mod eager;
mod history;
mod log;
pub mod module;
mod module_choice;
pub mod module_files;
mod outage;
mod parking;
mod payload_limit;
pub mod pinning;
mod poller_balance;
mod polls;
mod queues;
pub mod replay;
mod report;
mod rpc;
pub mod run;
pub mod run_failure;
mod shutdown;
pub mod store;
mod task_error;
pub mod threads;
pub mod watch;
mod worker;
mod workflow_poller;
mod workflow_task;

pub use config::{CacheConfig, Config, ConfigError, default_identity};
pub use connection::ConnectError;
pub use shutdown::ShutdownReport;
pub use worker::{Resources, StartError, Worker};
