//! The local socket of a running host: `host modules …` talks to it.
//!
//! It is `control.sock` in the data folder, which only the host's user can open; the user of each caller is checked
//! besides. A caller sends one request as a line of JSON, and gets replies as lines of JSON; the last one is not
//! [`Reply::Progress`].

mod answer;
mod client;
mod protocol;
mod server;

pub use client::{AskError, ControlClient};
pub use protocol::{CandidateReport, Reply, Request, ServedModule, Target};
pub use server::{BindError, ControlSocket};

/// Name of the socket in the data folder.
const SOCKET: &str = "control.sock";
/// Name of the file that the host locks which has the socket.
const LOCK: &str = "control.lock";
