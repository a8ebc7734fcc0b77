//! Names of task queues.

/// A task queue of a namespace; workflow tasks and activities with one name are two queues.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct QueueKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) activities: bool,
}
