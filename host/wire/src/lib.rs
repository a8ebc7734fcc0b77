//! The Temporal protocol: messages, service trait and client, protojson.
//!
//! Owns everything that knows how things look on the wire. It knows nothing of what events mean
//! (that is `host-core`) and nothing of sandboxes, activities or storage.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod connect;
mod descriptor;
mod failure;
mod generated;
mod history;
mod payload;
pub mod protojson;
mod remote;
mod retry;
mod status;
mod time;

pub use connect::{CLIENT_NAME, ClientIdentity, ConnectError, ConnectOptions, Tls};
pub use generated::{google, grpc, temporal};
pub use history::{EventAttributes, History, HistoryError, RawEvent};
pub use payload::{payloads_from_proto, payloads_to_proto};
pub use remote::RemoteService;
pub use status::{status_detail, status_with_detail};
/// The one trait a worker and the command line talk to: implemented by the embedded service and by
/// [`RemoteService`].
pub use temporal::api::workflowservice::v1::workflow_service_server::WorkflowService;
pub use time::{
    duration_from_proto, duration_to_proto, timestamp_from_proto, timestamp_to_proto, timestamp_to_unix_nanos,
};
