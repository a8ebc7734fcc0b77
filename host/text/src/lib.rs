//! Messages of the protocol as text for people: events, failures, payloads, times.
//!
//! Owns how these are put into words, and what of a foreign text is escaped. Where the text goes, a terminal or a page, is
//! its callers' own.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

pub mod escape;
pub mod event;
pub mod failure;
pub mod json;
mod payloads;
pub mod span;

pub use payloads::{TextError, one_line, payloads_json};
