//! The pages, one file each, named after their addresses.

pub(crate) mod actions;
pub(crate) mod at;
pub(crate) mod module;
pub(crate) mod modules;
mod run;
pub(crate) mod schedules;
pub(crate) mod stack;
mod talk;
pub(crate) mod task_queues;
pub(crate) mod workers;
pub(crate) mod workflow;
pub(crate) mod workflow_history;
pub(crate) mod workflows;
