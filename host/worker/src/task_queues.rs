//! The task queues a worker polls.

use host_wire::temporal::api::{enums::v1::TaskQueueKind, taskqueue::v1::TaskQueue};

/// Which of the two task queues of a worker (`TaskQueueKind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueKind {
    /// The task queue that clients name.
    Normal,
    /// Tasks of runs that this worker has in its cache.
    Sticky,
}

/// The names of both queues of a worker.
#[derive(Clone, Debug)]
pub(crate) struct Queues {
    normal: String,
    sticky: String,
}

impl Queues {
    /// The sticky queue's name is new with every worker: a queue of an earlier process must not
    /// bring tasks that expect what that process had cached.
    pub(crate) fn new(task_queue: &str, identity: &str) -> Self {
        let unique: u128 = rand::random();
        Self { normal: task_queue.to_owned(), sticky: format!("{identity}-{unique:032x}") }
    }

    pub(crate) fn normal_name(&self) -> &str {
        &self.normal
    }

    pub(crate) fn sticky_name(&self) -> &str {
        &self.sticky
    }

    /// The queue as requests name it.
    pub(crate) fn queue(&self, kind: QueueKind) -> TaskQueue {
        match kind {
            QueueKind::Normal => TaskQueue {
                name: self.normal.clone(),
                kind: TaskQueueKind::Normal.into(),
                normal_name: String::new(),
            },
            QueueKind::Sticky => TaskQueue {
                name: self.sticky.clone(),
                kind: TaskQueueKind::Sticky.into(),
                normal_name: self.normal.clone(),
            },
        }
    }
}
