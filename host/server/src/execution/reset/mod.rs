//! ResetWorkflowExecution: a new run takes the place of another, with its history up to a workflow task.

pub(crate) mod after;
pub(crate) mod points;
mod reapply;
pub(crate) mod request;
pub(crate) mod state;
#[cfg(test)]
mod tests;
