//! Runs in words: histories, guests and the steps that come of them. A case is a string.

#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

mod activities;
mod cancellation;
mod local_activities;
mod pages;
mod rules;
mod support;
mod tasks;
mod updates;
