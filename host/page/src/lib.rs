//! The host's page: workflows, modules, task queues and schedules in a browser.
//!
//! Owns the HTTP listener, who may do what on it, and how things look. What it shows comes from the service, through
//! `host-client`, and from the host of the data folder, through its control socket; so it shows the same for the embedded
//! service and for a remote one. Every page is rendered here: without scripts it works too, only not live.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod access;
mod assets;
mod fault;
mod fields;
mod history;
mod layout;
mod live;
mod operations;
mod pages;
mod plot;
mod process;
mod server;
mod shown;
mod site;
mod timeline;
mod token;
mod travel;

pub use server::{Page, PageError};
pub use site::PageOptions;
pub use token::{Token, TokenError};
