//! Nexus over HTTP: calls of handlers at URLs, and what they report when an operation has ended.
//!
//! The protocol is <https://github.com/nexus-rpc/api>, with payloads as Temporal's server has them.

mod completion;
mod content;
mod handler;
mod link;

pub use completion::{Completion, Outcome, callback_url};
pub(crate) use completion::{callback_namespace, completion};
pub use handler::{ClientError, NexusClient};
