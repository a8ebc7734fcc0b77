//! The updates of a run.

use std::collections::{BTreeMap, HashMap};

use host_wire::temporal::api::{
    failure::v1::Failure,
    history::v1::{
        WorkflowExecutionUpdateAcceptedEventAttributes, WorkflowExecutionUpdateAdmittedEventAttributes,
        WorkflowExecutionUpdateCompletedEventAttributes,
    },
    update::v1::Request,
};

use prost::Message as _;

use crate::{
    error::Error,
    execution::{fact::UpdateRejected, volatile::Volatile},
};

/// Number of an admitted update since the process started. The service assigns it.
pub(crate) type UpdateNumber = u64;

/// The updates of a run: those that its history has, and those that wait for a worker's verdict.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Updates {
    /// Accepted and completed ones, by their ids.
    recorded: HashMap<String, RecordedUpdate>,
    accepted: usize,
    id_bytes: usize,
    /// Failures of updates that were admitted by a reset and then rejected.
    rejected: BTreeMap<String, Failure>,
    /// In the order in which they were admitted.
    pending: Volatile<Vec<PendingUpdate>>,
}

/// An update that the history has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordedUpdate {
    /// By a reset; no worker accepted or rejected it yet. The event brings it to the worker.
    Admitted {
        event_id: i64,
    },
    /// After it was admitted by a reset.
    Rejected,
    Accepted {
        event_id: i64,
    },
    Completed {
        event_id: i64,
    },
}

/// An update that no worker accepted or rejected yet.
#[derive(Clone, Debug)]
pub(crate) struct PendingUpdate {
    pub(crate) number: UpdateNumber,
    pub(crate) update_id: String,
    pub(crate) request: Request,
    pub(crate) bytes: usize,
    pub(crate) sending: Sending,
}

/// How far a pending update is on its way to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// No worker has it.
    Admitted,
    /// It goes along with the workflow task that is started.
    Attached,
    /// It went along with an earlier task, which did not say what becomes of it.
    Sent,
}

/// The end of an update that was never accepted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum UpdateEnd {
    /// A worker, or the service in its place, rejected it.
    Rejected(Box<Failure>),
    /// It cannot be decided any more. Its caller gets this error.
    Aborted(Error),
}

impl UpdateEnd {
    /// That of one that its run did not accept before it closed. If another run follows, callers may ask that one.
    pub(crate) fn of_closed_run(is_followed: bool) -> Self {
        Self::Aborted(if is_followed {
            Error::closing()
        } else {
            Error::NotFound("workflow update was aborted by closing workflow".to_owned())
        })
    }
}

impl Updates {
    /// The update with this id, if the history has it.
    pub(crate) fn recorded(&self, update_id: &str) -> Option<RecordedUpdate> {
        self.recorded.get(update_id).copied()
    }

    /// Updates that wait for a verdict, in the order in which they were admitted.
    pub(crate) fn pending(&self) -> &[PendingUpdate] {
        &self.pending
    }

    pub(crate) fn pending_with(&self, update_id: &str) -> Option<&PendingUpdate> {
        self.pending.iter().find(|pending| pending.update_id == update_id)
    }

    /// Updates that are not completed: admitted or accepted.
    pub(crate) fn in_flight(&self) -> usize {
        self.pending.len() + self.accepted
    }

    /// All updates that count towards [`crate::limits::UPDATES`].
    pub(crate) fn total(&self) -> usize {
        self.pending.len() + self.recorded.len()
    }

    /// Updates that the history has.
    pub(crate) fn recorded_count(&self) -> usize {
        self.recorded.len()
    }

    /// Whether a workflow task is to be scheduled for updates that no worker has.
    pub(crate) fn has_unsent(&self) -> bool {
        self.pending.iter().any(|pending| pending.sending == Sending::Admitted)
    }

    /// Bytes of the ids that the run keeps, and of the failures of those that a reset had admitted.
    pub(crate) fn id_bytes(&self) -> usize {
        self.id_bytes
    }

    pub(in crate::execution) fn pending_mut(&mut self) -> &mut Vec<PendingUpdate> {
        &mut self.pending
    }

    /// The failure of an update that was admitted by a reset and then rejected.
    pub(crate) fn rejection(&self, update_id: &str) -> Option<&Failure> {
        self.rejected.get(update_id)
    }

    /// Updates that were admitted by a reset and that no worker accepted or rejected, by their ids.
    pub(crate) fn admitted_by_reset(&self) -> Vec<String> {
        let admitted = self.recorded.iter().filter_map(|(update_id, recorded)| match recorded {
            RecordedUpdate::Admitted { event_id } => Some((*event_id, update_id.clone())),
            _ => None,
        });
        let admitted: BTreeMap<i64, String> = admitted.collect();
        admitted.into_values().collect()
    }

    pub(in crate::execution) fn admitted(
        &mut self,
        event_id: i64,
        admitted: &WorkflowExecutionUpdateAdmittedEventAttributes,
    ) {
        let meta = admitted.request.as_ref().and_then(|request| request.meta.as_ref());
        let update_id = meta.map(|meta| meta.update_id.clone()).unwrap_or_default();
        self.id_bytes += update_id.len();
        self.recorded.insert(update_id, RecordedUpdate::Admitted { event_id });
    }

    pub(in crate::execution) fn rejected(&mut self, rejected: &UpdateRejected) {
        let failure = rejected.failure.clone().unwrap_or_default();
        self.id_bytes += failure.encoded_len();
        self.rejected.insert(rejected.update_id.clone(), failure);
        self.recorded.insert(rejected.update_id.clone(), RecordedUpdate::Rejected);
    }

    pub(in crate::execution) fn accepted(
        &mut self,
        event_id: i64,
        accepted: &WorkflowExecutionUpdateAcceptedEventAttributes,
    ) {
        let update_id = accepted.protocol_instance_id.clone();
        let id_bytes = update_id.len();
        let before = self.recorded.insert(update_id, RecordedUpdate::Accepted { event_id });
        if before.is_none() {
            self.id_bytes += id_bytes;
        }
        if !matches!(before, Some(RecordedUpdate::Accepted { .. } | RecordedUpdate::Completed { .. })) {
            self.accepted += 1;
        }
    }

    pub(in crate::execution) fn completed(
        &mut self,
        event_id: i64,
        completed: &WorkflowExecutionUpdateCompletedEventAttributes,
    ) {
        let update_id = completed.meta.as_ref().map(|meta| meta.update_id.clone()).unwrap_or_default();
        let before = self.recorded.insert(update_id, RecordedUpdate::Completed { event_id });
        if matches!(before, Some(RecordedUpdate::Accepted { .. })) {
            self.accepted -= 1;
        }
    }
}
