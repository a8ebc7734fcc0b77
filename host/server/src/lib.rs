//! The embedded service: the Temporal protocol on one machine, durable on SQLite.
//!
//! It knows runs, tasks, timers and the log; it knows nothing of sandboxes, modules or how a worker
//! works. Its rooms, from the network to the disk:
//!
//! - `api`: one file for each RPC, from request to response;
//! - `matching`: task queues, polls and queries, which live in memory only;
//! - `visibility`: lists, counts and their filters;
//! - `shard`: the lock around everything, deadlines, and what a transition hands to the log;
//! - `calendar`: times that match cron strings and calendars, in time zones;
//! - `schedule`: what starts workflows at such times;
//! - `batch`: operations on all workflows that a filter selects;
//! - `execution`: workflow executions as functions of (state, input, now); a folder for each feature;
//! - `storage`: the files with everything that happened, and the two threads that write them.
//!
//! Nothing is answered before it is on disk.
//!
//! [`Server`] opens it; [`Server::service`] is for callers in the process, [`Server::serve`] for
//! callers over the network.
//!
//! # What each call supports
//!
//! `docs/server-support.md` of the repository is the table. Calls that are not in it answer UNIMPLEMENTED.
//!
//! # What is on disk, and what is not
//!
//! The data folder holds two SQLite files, which belong together. `log.sqlite` takes each transition
//! first, in groups with one sync each; `runs.sqlite` takes them behind it, sorted by run, and the log
//! is cut up to there. Runs that closed, or that only wait, are in `runs.sqlite` and not in memory
//! (some 3 KB on disk for a run of one activity). Closed runs are deleted after
//! [`Options::retention`]. Queues, pollers and queries live in memory only and are made anew. The
//! formats, and how folders of earlier ones are migrated: `docs/data-folder.md`.
//!
//! A worker inside the process ([`Server::service`]) gets its workflow tasks before they are on
//! disk, because workflows have no effects of their own; activities and answers to clients wait. Its
//! tasks end with the process: after a restart they count as failed. Other workers may still answer.
//!
//! When the disk is full, calls that would change something are refused with RESOURCE_EXHAUSTED; so
//! are those that were waiting, although what they did is stored once there is room (the same
//! request id again is then answered from there). Any other failure to write ends the process.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod api;
mod background;
mod batch;
mod calendar;
mod connections;
mod deployment;
mod entity;
mod environment;
mod error;
mod execution;
#[cfg(test)]
mod folders;
#[cfg(test)]
mod fuzz;
mod grpc;
mod limits;
mod matching;
mod namespace;
mod nexus;
mod options;
mod panics;
mod schedule;
mod server;
mod shard;
#[cfg(test)]
mod simulation;
mod status;
mod storage;
mod time;
mod time_skipping;
mod tls;
mod transport;
mod unsupported;
mod visibility;
mod watched;

pub(crate) use host_wire::text;

pub use api::nexus_calls::{NexusCall, NexusCalls, NexusOutcome};
pub use connections::raise_file_limit;
pub use grpc::{GrpcCalls, Listener, ServeError};
pub use options::{DEFAULT_DRAINAGE_INTERVAL, DEFAULT_NAMESPACE, DEFAULT_RETENTION, Options};
pub use server::{Server, repair_folder};
pub use storage::{Problem, RecordError, StorageError, check_folder};
pub use time_skipping::{SkippedWait, TimeControl};
pub use tls::{TlsError, TlsFiles};
