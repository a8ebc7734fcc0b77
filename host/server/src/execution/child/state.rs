//! Children that were initiated and are not closed.

use std::collections::BTreeMap;

use host_wire::temporal::api::history::v1::{
    ChildWorkflowExecutionStartedEventAttributes, StartChildWorkflowExecutionInitiatedEventAttributes,
};

/// A child that was initiated and is not closed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Child {
    pub(crate) initiated: Box<StartChildWorkflowExecutionInitiatedEventAttributes>,
    /// 0 until the event of its start has an id.
    pub(crate) started_event_id: i64,
    /// The first run of the child; empty until it is started.
    pub(crate) run_id: String,
}

/// The open children of a run, by the id of their initiated event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Children {
    open: BTreeMap<i64, Child>,
}

impl Children {
    pub(crate) fn get(&self, initiated_event_id: i64) -> Option<&Child> {
        self.open.get(&initiated_event_id)
    }

    /// With the ids of their initiated events, in that order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &Child)> {
        self.open.iter().map(|(id, child)| (*id, child))
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(in crate::execution) fn initiated(
        &mut self,
        id: i64,
        initiated: &StartChildWorkflowExecutionInitiatedEventAttributes,
    ) {
        let child =
            Child { initiated: Box::new(initiated.clone()), started_event_id: 0, run_id: String::new() };
        self.open.insert(id, child);
    }

    pub(in crate::execution) fn started(
        &mut self,
        id: i64,
        started: &ChildWorkflowExecutionStartedEventAttributes,
    ) {
        if let Some(child) = self.open.get_mut(&started.initiated_event_id) {
            child.started_event_id = id;
            child.run_id = started.workflow_execution.clone().unwrap_or_default().run_id;
        }
    }

    /// The event of the start was buffered and has its id now.
    pub(in crate::execution) fn start_flushed(
        &mut self,
        id: i64,
        started: &ChildWorkflowExecutionStartedEventAttributes,
    ) {
        if let Some(child) = self.open.get_mut(&started.initiated_event_id) {
            child.started_event_id = id;
        }
    }

    /// It was not started, or it closed.
    pub(in crate::execution) fn closed(&mut self, initiated_event_id: i64) {
        self.open.remove(&initiated_event_id);
    }
}
