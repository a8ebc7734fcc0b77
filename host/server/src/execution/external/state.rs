//! Signals and cancellations to other runs that were initiated and not answered. They are answered in the
//! transition that initiates them, so there are none between transitions; a reset may go back to before the answer.

use std::collections::BTreeMap;

use host_wire::temporal::api::{
    common::v1::WorkflowExecution,
    history::v1::{
        RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
        SignalExternalWorkflowExecutionInitiatedEventAttributes,
    },
};

type InitiatedSignal = Box<SignalExternalWorkflowExecutionInitiatedEventAttributes>;
type InitiatedCancel = Box<RequestCancelExternalWorkflowExecutionInitiatedEventAttributes>;

/// What a run asked of other runs, by the id of the initiated event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Externals {
    signals: BTreeMap<i64, InitiatedSignal>,
    cancels: BTreeMap<i64, InitiatedCancel>,
}

impl Externals {
    pub(crate) fn signal(&self, initiated_event_id: i64) -> Option<&InitiatedSignal> {
        self.signals.get(&initiated_event_id)
    }

    pub(crate) fn cancel(&self, initiated_event_id: i64) -> Option<&InitiatedCancel> {
        self.cancels.get(&initiated_event_id)
    }

    /// Initiated events of signals that were not answered.
    pub(crate) fn signal_ids(&self) -> Vec<i64> {
        self.signals.keys().copied().collect()
    }

    /// Initiated events of cancellations that were not answered.
    pub(crate) fn cancel_ids(&self) -> Vec<i64> {
        self.cancels.keys().copied().collect()
    }

    /// Namespaces and executions that were asked and did not answer.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (&str, WorkflowExecution)> {
        let signals = self.signals.values().map(|it| (it.namespace.as_str(), &it.workflow_execution));
        let cancels = self.cancels.values().map(|it| (it.namespace.as_str(), &it.workflow_execution));
        signals.chain(cancels).map(|(namespace, target)| (namespace, target.clone().unwrap_or_default()))
    }

    pub(crate) fn signal_count(&self) -> usize {
        self.signals.len()
    }

    pub(crate) fn cancel_count(&self) -> usize {
        self.cancels.len()
    }

    pub(in crate::execution) fn signal_initiated(
        &mut self,
        id: i64,
        initiated: &SignalExternalWorkflowExecutionInitiatedEventAttributes,
    ) {
        self.signals.insert(id, Box::new(initiated.clone()));
    }

    /// It was delivered or failed.
    pub(in crate::execution) fn signal_closed(&mut self, initiated_event_id: i64) {
        self.signals.remove(&initiated_event_id);
    }

    pub(in crate::execution) fn cancel_initiated(
        &mut self,
        id: i64,
        initiated: &RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
    ) {
        self.cancels.insert(id, Box::new(initiated.clone()));
    }

    /// It was delivered or failed.
    pub(in crate::execution) fn cancel_closed(&mut self, initiated_event_id: i64) {
        self.cancels.remove(&initiated_event_id);
    }
}
