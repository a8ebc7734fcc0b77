//! Activities, between the service's messages and `host-activities`: tasks that are polled, and local activities.

pub(crate) mod local;
pub(crate) mod task;
