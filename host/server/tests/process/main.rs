//! The service in a process of its own: killed, restarted, without room.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]
#![allow(clippy::disallowed_methods, reason = "a test measures time")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says why")]

mod child;
mod full_disk;
mod kill;
mod many;
