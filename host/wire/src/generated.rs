//! What `build.rs` generated from the protocol's descriptor: messages, in modules named after the
//! protocol's packages.

#![allow(
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "generated code; the protocol's proto files are its documentation"
)]

include!(concat!(env!("OUT_DIR"), "/wire.rs"));
