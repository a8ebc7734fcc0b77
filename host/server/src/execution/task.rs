//! Tasks for workers, as transitions hand them to the queues.

use host_wire::temporal::api::taskqueue::v1::TaskQueue;

use crate::execution::{nexus::state::CallKind, record::RunNumber};

/// A task for a worker. Whether it is still wanted is checked when a poller takes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    Workflow {
        run: RunNumber,
        scheduled_event_id: i64,
        attempt: i32,
        queue: TaskQueue,
    },
    Activity {
        run: RunNumber,
        scheduled_event_id: i64,
        attempt: i32,
        stamp: i32,
        queue: String,
    },
    /// A call of the handler of a Nexus operation, in the namespace of the handler.
    Nexus {
        run: RunNumber,
        scheduled_event_id: i64,
        kind: CallKind,
        attempt: i32,
        namespace: String,
        queue: String,
    },
}

impl Task {
    pub(crate) fn run(&self) -> RunNumber {
        match self {
            Self::Workflow { run, .. } | Self::Activity { run, .. } | Self::Nexus { run, .. } => *run,
        }
    }
}
