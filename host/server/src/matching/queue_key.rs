//! Names of task queues.

use host_wire::temporal::api::{deployment::v1::WorkerDeploymentVersion, enums::v1::TaskQueueType};

/// A task queue of a namespace; workflow tasks, activities and Nexus tasks with one name are three queues, and so is what
/// waits for each version of workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct QueueKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) of: TaskQueueType,
    /// None is workers without a version, and all of them at a sticky queue.
    pub(crate) version: Option<WorkerDeploymentVersion>,
}

impl QueueKey {
    /// A queue of activities, or of workflow tasks.
    pub(crate) fn new(namespace: &str, name: &str, activities: bool) -> Self {
        let of = if activities { TaskQueueType::Activity } else { TaskQueueType::Workflow };
        Self::of(namespace, name, of)
    }

    /// A queue of tasks of a type.
    pub(crate) fn of(namespace: &str, name: &str, of: TaskQueueType) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned(), of, version: None }
    }

    /// Whether workflow tasks and queries wait here.
    pub(crate) fn is_of_workflows(&self) -> bool {
        self.of == TaskQueueType::Workflow
    }

    /// Whether this is the same queue, for any version of workers.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        (&self.namespace, &self.name, self.of) == (&other.namespace, &other.name, other.of)
    }

    /// What waits for workers of a version, or of none.
    pub(crate) fn for_version(&self, version: Option<WorkerDeploymentVersion>) -> Self {
        Self { version, ..self.clone() }
    }
}
