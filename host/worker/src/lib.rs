//! Pollers, run cache, module catalog and replay: joins service, core, sandbox and activities.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

pub mod build_id;
pub mod catalog;
mod convert;
mod log;
pub mod module;
pub mod module_files;
mod payload_limit;
pub mod pinning;
pub mod replay;
pub mod run;
pub mod run_failure;
pub mod store;
pub mod threads;
pub mod watch;
