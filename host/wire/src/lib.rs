//! The Temporal protocol: messages, service trait and client, protojson.
//!
//! Owns everything that knows how things look on the wire. It knows nothing of what events mean
//! (that is `host-core`) and nothing of sandboxes, activities or storage.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod descriptor;
mod generated;
mod history;
pub mod protojson;

pub use generated::{google, grpc, temporal};
pub use history::{EventAttributes, History, HistoryError, RawEvent};
/// The one trait a worker and the command line talk to: implemented by the embedded service and by
/// `RemoteService`.
pub use temporal::api::workflowservice::v1::workflow_service_server::WorkflowService;
