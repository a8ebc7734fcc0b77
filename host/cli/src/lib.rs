//! Command line and wiring of the host for sandboxed durable workflows.
//!
//! Owns the arguments, how they become settings of the other crates, and what is printed. Workflows,
//! activities, the service and the protocol are those crates' own.
//!
//! A program with native activities is a few lines, and has every subcommand of `host`:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     host::Host::new().main()
//! }
//! ```
//!
//! Programs that start workflows and wait for them need [`client`] alone, the crate `host-client`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod command;
mod exit;
mod output;
mod program;
mod settings;
mod stop;
mod telemetry;

pub use host_activities as activities;
pub use host_client as client;
pub use host_nexus as nexus;
pub use host_service::{ClientIdentity, ConnectError, ConnectOptions, Tls};
pub use host_wire as wire;
pub use program::Host;
