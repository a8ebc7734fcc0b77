//! Runs that are not in memory: closed ones, and those that only wait.

use std::{fmt, sync::Arc, time::Duration};

use host_wire::temporal::api::workflow::v1::WorkflowExecutionInfo;

use crate::{
    execution::{damage::Damage, describe, record::RunNumber, run::Run},
    time::Time,
};

/// A run whose next deadline is nearer than this stays in memory.
const SHORT_WAIT: Duration = Duration::from_secs(10);

/// The runs that were ever out of memory, and perhaps others. Reading may wait for a disk, so it is never done under
/// the lock.
pub(crate) trait Archive: fmt::Debug + Send {
    /// The latest run of a workflow id.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read now.
    fn latest(&self, namespace: &str, workflow_id: &str) -> Result<Option<RunNumber>, Unreadable>;

    /// The run with this id.
    ///
    /// # Errors
    ///
    /// As [`Self::latest`].
    fn with_run_id(&self, run_id: &str) -> Result<Option<RunNumber>, Unreadable>;

    /// The run as it was when it left memory, or later.
    ///
    /// # Errors
    ///
    /// As [`Self::latest`]. A damaged run is no error.
    fn load(&self, number: RunNumber) -> Result<Stored, Unreadable>;
}

/// What the archive has of a run.
#[derive(Debug, PartialEq)]
pub(crate) enum Stored {
    Run(Box<Run>),
    Damaged(Arc<Damage>),
    /// It was deleted, or never was.
    Nothing,
}

/// The archive cannot be read, which is no fault of one run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(pub(crate) String);

/// What is known of a run that is not in memory, without reading all of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Archived {
    pub(crate) run: RunNumber,
    pub(crate) info: Box<WorkflowExecutionInfo>,
    pub(crate) close_time: Option<Time>,
    /// The next deadline of the run, from [`Run::next_deadline`].
    pub(crate) deadline: Option<Time>,
}

impl Archived {
    /// Extracts what stays known while the run is not in memory.
    pub(crate) fn new(number: RunNumber, run: &Run) -> Self {
        Self {
            run: number,
            info: Box::new(describe::info(run)),
            close_time: run.close_time(),
            deadline: run.next_deadline().map(|(time, _)| time),
        }
    }
}

/// Whether a run may leave memory: it is closed, or has no task, no activity, no call of a handler and no deadline within
/// [`SHORT_WAIT`].
pub(crate) fn may_leave(run: &Run, now: Time) -> bool {
    let waits = || {
        let soon = run.next_deadline().is_some_and(|(time, _)| time < now.after(SHORT_WAIT));
        run.workflow_tasks().task().is_none()
            && run.activities().is_empty()
            && run.nexus().iter().all(|operation| operation.current_call().is_none())
            && run.buffer().events().is_empty()
            && !soon
    };
    !run.is_open() || waits()
}
