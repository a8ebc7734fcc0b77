//! The services of the Temporal protocol: the trait that the embedded service and a remote one have in
//! common, gRPC clients and servers, and what reaching a remote service takes (addresses, TLS, headers,
//! deadlines, retries).
//!
//! Messages are those of `host-wire`. This crate knows nothing of what a service does with them.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod backoff;
mod call_failure;
mod calls;
mod connect;
mod generated;
mod http;
mod limits;
mod remote;
mod remote_operator;
mod status;

pub use backoff::Backoff;
pub use call_failure::CallFailure;
pub use connect::{CLIENT_NAME, ClientIdentity, ConnectError, ConnectOptions, Tls};
pub use generated::{
    grpc::health::v1::{health_client, health_server},
    temporal::api::{
        operatorservice::v1::{operator_service_client, operator_service_server},
        testservice::v1::{test_service_client, test_service_server},
        workflowservice::v1::{workflow_service_client, workflow_service_server},
    },
};
pub use http::{MAX_HTTP_CONNECTIONS, is_this_machine, serve_http, serve_http_on};
pub use limits::{MAX_REQUEST_BYTES, is_message_too_large, message_too_large};
pub use remote::RemoteService;
pub use remote_operator::RemoteOperator;
pub use status::{status_detail, status_with_detail};
/// The one trait that workers and clients talk to: the embedded service and [`RemoteService`] implement
/// it.
pub use workflow_service_server::WorkflowService;
