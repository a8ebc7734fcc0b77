//! The HTTP API of a Temporal Service: JSON over HTTP for the calls that have annotations for it.
//!
//! Owns the way from a request of HTTP to a call, and back: which call a path names, what path, query and body say of its
//! message, and how answers and errors look. It follows the descriptor of the protocol, so no call has code of its own here.
//! It knows nothing of what a call does: it makes the calls by gRPC, without a network.
//!
//! The annotations are `google.api.http` of the proto files; what they mean is said in `google/api/http.proto`, and what
//! Temporal's server makes of them in its `service/frontend/http_api_server.go`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod access;
mod api;
mod calls;
mod form;
mod nexus;
mod parameters;
mod routes;
mod rules;
mod status;
mod template;
mod transcode;
mod value;

pub use api::{CompletionHandler, Guard, HttpApi};
pub use nexus::{ClientError, Completion, NexusClient, Outcome, callback_url};
