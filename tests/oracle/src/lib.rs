//! Verdicts and speed of our core beside those of Temporal's.
//!
//! `temporalio-sdk-core` is the reference for what a history means. Here it and `host-core` replay the
//! same histories with the same guest, and must agree: on the verdict, and on every activation up to
//! it. Owns the translation between both vocabularies, guests that are read off a history, mutations
//! of histories, and the list of differences that are intended. No part of the host depends on it.

#![allow(clippy::unwrap_used, reason = "test code fails by panicking")]

pub mod bridge;
pub mod derive;
pub mod engine;
pub mod from_coresdk;
pub mod histories;
pub mod intended;
pub mod mutate;
pub mod native;
pub mod player;
pub mod process;
pub mod random;
pub mod replayed;
pub mod sandboxed;
pub mod to_coresdk;
pub mod written;
