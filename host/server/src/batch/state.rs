//! One batch operation.

use std::sync::Arc;

use host_wire::temporal::api::{
    enums::v1::BatchOperationState,
    workflowservice::v1::{StartBatchOperationRequest, start_batch_operation_request::Operation},
};

use crate::{
    batch::record::{BatchBody, BatchIdentity, Definition, Progress},
    entity::EntityBody as _,
    execution::record::RunNumber,
    limits,
    time::Time,
};

/// A batch operation, in memory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    pub(crate) identity: BatchIdentity,
    /// Shared, because it may be large.
    pub(crate) definition: Arc<Definition>,
    pub(crate) progress: Progress,
    /// Records since the last that has everything.
    records: usize,
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Completed,
    Failed,
}

impl Batch {
    /// A batch operation that starts now. It is about runs with numbers below `before`.
    pub(crate) fn new(
        uid: String,
        request: StartBatchOperationRequest,
        before: RunNumber,
        now: Time,
    ) -> Self {
        let (namespace, job_id) = (request.namespace.clone(), request.job_id.clone());
        Self {
            identity: BatchIdentity { namespace, job_id, uid },
            definition: Arc::new(Definition { request: Some(request), start_time: Some(now.into()) }),
            progress: Progress { before, ..Progress::default() },
            records: 0,
        }
    }

    /// A batch operation from its records, in order; nothing if they do not have all of it, or end with its deletion.
    pub(crate) fn from_records(bodies: impl IntoIterator<Item = BatchBody>) -> Option<Self> {
        let mut all = BatchBody::default();
        let mut records = 0;
        for body in bodies {
            records = if body.replaces_all() { 0 } else { records + 1 };
            let BatchBody { identity, definition, progress, is_deleted } = body;
            all.identity = identity.or(all.identity);
            all.definition = definition.or(all.definition);
            all.progress = progress.or(all.progress);
            all.is_deleted = is_deleted;
        }
        if all.is_deleted {
            return None;
        }
        Some(Self {
            identity: all.identity?,
            definition: Arc::new(all.definition?),
            progress: all.progress?,
            records,
        })
    }

    pub(crate) fn operation(&self) -> Option<&Operation> {
        self.definition.request.as_ref()?.operation.as_ref()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.progress.close_time.is_none()
    }

    /// Whether there is still something to be done.
    pub(crate) fn has_work(&self) -> bool {
        self.is_running() || !self.progress.deleting.is_empty()
    }

    pub(crate) fn state(&self) -> BatchOperationState {
        match self.progress {
            _ if self.is_running() => BatchOperationState::Running,
            Progress { has_failed: true, .. } => BatchOperationState::Failed,
            _ => BatchOperationState::Completed,
        }
    }

    /// Counts a run.
    pub(crate) fn count(&mut self, end: End) {
        match end {
            End::Completed => self.progress.completed += 1,
            End::Failed => self.progress.failed += 1,
        }
    }

    /// It ends, but for deletions that have begun. What else it needed for its work is dropped: a description does not
    /// show it.
    pub(crate) fn close(&mut self, has_failed: bool, now: Time) {
        self.progress.close_time = Some(now.into());
        self.progress.has_failed = has_failed;
        let definition = Arc::make_mut(&mut self.definition);
        let Some(request) = &mut definition.request else { return };
        request.executions.clear();
        match &mut request.operation {
            Some(Operation::SignalOperation(signal)) => (signal.input, signal.header) = (None, None),
            Some(Operation::TerminationOperation(termination)) => termination.details = None,
            Some(Operation::ResetOperation(reset)) => reset.post_reset_operations.clear(),
            _ => {}
        }
    }

    /// What of it differs from before, for storage; everything if it is new, and from time to time, so that records
    /// before can be dropped.
    pub(crate) fn changes_since(&mut self, before: Option<&Self>) -> Option<BatchBody> {
        let is_all = before.is_none() || self.records >= limits::BATCH_RECORDS;
        let is_same = |before: &Self| Arc::ptr_eq(&before.definition, &self.definition);
        let definition = !before.is_some_and(is_same);
        let progress = before.is_none_or(|before| before.progress != self.progress);
        if !(definition || progress) {
            return None;
        }
        let body = BatchBody {
            identity: Some(self.identity.clone()),
            definition: (is_all || definition).then(|| (*self.definition).clone()),
            progress: (is_all || progress).then(|| self.progress.clone()),
            is_deleted: false,
        };
        self.records = if body.replaces_all() { 0 } else { self.records + 1 };
        Some(body)
    }
}
