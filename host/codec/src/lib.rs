//! Codecs of payloads, outside of the sandbox: between the host and the service, so that workflows, activities and clients
//! see plain payloads, and the service sees encoded ones.
//!
//! [`CodecService`] stands before any service and applies a [`Chain`] to every payload of every call; which parts of a
//! message are payloads, `host-wire` generates from the protocol. What was not encoded by a codec of the chain passes
//! through it, so that codecs can be turned on while runs are open.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test panics on failure"))]

mod aes;
mod chain;
mod common_attributes;
mod encoding;
mod error;
mod key;
mod message;
mod remote;
pub mod server;
mod service;
mod zlib;

pub use aes::AesGcm;
pub use chain::{Chain, Codec};
pub use error::{CodecError, Failed};
pub use key::{Key, KeyError};
pub use remote::{Remote, RemoteError};
pub use service::CodecService;
pub use zlib::Zlib;
