//! Activity tasks, between the service's messages and `host-activities`.

pub(crate) mod task;
