//! The process pool, for activities that may crash or hang.
//!
//! A child process runs the same program, with a hidden argument. It runs one activity at a time and is
//! reused. `pool` is the parent's side, `child` the child's side, `protocol` has the messages between them, `group` ends a child
//! process with what it started.

mod child;
mod group;
mod pool;
pub(crate) mod protocol;
mod spawn;

pub use child::child_main;
pub use group::kill_children;
pub(crate) use pool::ProcessPool;
