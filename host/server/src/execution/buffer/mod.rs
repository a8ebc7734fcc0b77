//! Events that wait for a workflow task to close: all that happens while a worker has the task, but for the
//! task's own events and those that close the run.

pub(crate) mod flush;
pub(crate) mod state;
