//! Changes of what is stored beside the log.

use host_wire::temporal::api::taskqueue::v1::TaskQueueConfig;

use crate::{
    execution::{archive::Archived, record::RunNumber},
    matching::queue_key::QueueKey,
    visibility::registry::Custom,
};

/// A change of what is stored that is not part of the log.
#[derive(Clone, Debug)]
pub(crate) enum Mend {
    /// A run that cannot be read is closed: this is its row from now on.
    Close(Archived),
    /// A run is deleted, with everything that is known of it.
    Delete(RunNumber),
    /// Delete runs of a namespace, up to a bound.
    DeleteRuns(String),
    /// Delete what is set for a namespace: search attributes, and configurations of task queues.
    DeleteSettings(String),
    /// These are the search attributes of a namespace from now on.
    SearchAttributes(String, Custom),
    /// This is the configuration of a task queue from now on.
    TaskQueue(QueueKey, Box<TaskQueueConfig>),
}
