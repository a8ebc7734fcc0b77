//! Updates: admitted by a call, sent to a worker with a workflow task, accepted or rejected by it, completed.
//!
//! An admitted update lives in memory only, as on Temporal's server: a restart forgets it, and its caller asks again. An
//! acceptance and a completion are events. A rejection leaves none.

pub(crate) mod admit;
pub(crate) mod end;
pub(crate) mod plan;
pub(crate) mod reached;
pub(crate) mod respond;
pub(crate) mod send;
pub(crate) mod state;
#[cfg(test)]
mod tests;
pub(crate) mod with_start;
