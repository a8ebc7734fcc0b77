//! What a command gets that a guest left out.

use host_sandbox::wit::workflow::host::types::VersioningIntent;
use host_wire::temporal::api::taskqueue::v1::TaskQueue;

/// Values of the run that a command takes over where the guest names none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    /// The run's namespace.
    pub(crate) namespace: String,
    /// The run's own task queue.
    pub(crate) task_queue: String,
    /// The run's type.
    pub(crate) workflow_type: String,
}

impl Defaults {
    /// The named task queue, else the run's own.
    pub(super) fn task_queue(&self, name: Option<String>) -> TaskQueue {
        let name = name.unwrap_or_else(|| self.task_queue.clone());
        TaskQueue { name, ..TaskQueue::default() }
    }

    /// The named namespace, else the run's own.
    pub(super) fn namespace(&self, name: String) -> String {
        if name.is_empty() { self.namespace.clone() } else { name }
    }
}

/// Whether a command asks for a worker of a compatible version. Left unsaid it does not: digests pin
/// runs, and what a run starts takes the newest module.
pub(super) fn wants_compatible(intent: VersioningIntent) -> bool {
    match intent {
        VersioningIntent::Compatible => true,
        VersioningIntent::Unspecified | VersioningIntent::Default => false,
    }
}
