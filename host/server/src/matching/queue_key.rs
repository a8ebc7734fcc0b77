//! Names of task queues.

use host_wire::temporal::api::deployment::v1::WorkerDeploymentVersion;

/// A task queue of a namespace; workflow tasks and activities with one name are two queues, and so is what waits for each
/// version of workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct QueueKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) activities: bool,
    /// None is workers without a version, and all of them at a sticky queue.
    pub(crate) version: Option<WorkerDeploymentVersion>,
}

impl QueueKey {
    pub(crate) fn new(namespace: &str, name: &str, activities: bool) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned(), activities, version: None }
    }

    /// Whether this is the same queue, for any version of workers.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        (&self.namespace, &self.name, self.activities) == (&other.namespace, &other.name, other.activities)
    }

    /// What waits for workers of a version, or of none.
    pub(crate) fn for_version(&self, version: Option<WorkerDeploymentVersion>) -> Self {
        Self { version, ..self.clone() }
    }
}
