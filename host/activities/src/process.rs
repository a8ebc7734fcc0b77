//! Child processes for activities that may crash or hang.
//!
//! A child is this program again, started with a hidden argument; it runs one activity at a time and is
//! reused. `pool` is the parent's side, `child` the child's, `protocol` all that passes between them.

mod child;
mod pool;
mod protocol;
mod spawn;

pub use child::child_main;
pub(crate) use pool::ProcessPool;
