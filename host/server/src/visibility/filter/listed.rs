//! A run as filters see it.

use std::collections::BTreeMap;

use host_wire::{
    duration_from_proto,
    temporal::api::{
        common::v1::{Payload, WorkflowExecution},
        enums::v1::{IndexedValueType as Kind, WorkflowExecutionStatus as Status},
        workflow::v1::WorkflowExecutionInfo,
    },
};
use prost_types::Timestamp;

use crate::{
    execution::{run::Run, versioning},
    time::Time,
    visibility::{
        kinds::NAMESPACE_DIVISION,
        value::{Value, decode},
    },
};

/// The fields of a run that filters name.
#[derive(Debug)]
pub(crate) struct Listed<'a> {
    pub(super) workflow_id: &'a str,
    pub(super) run_id: &'a str,
    pub(super) workflow_type: &'a str,
    pub(super) task_queue: &'a str,
    pub(crate) status: Status,
    pub(crate) start_time: Time,
    pub(super) execution_time: Time,
    pub(crate) close_time: Option<Time>,
    pub(super) parent: Option<&'a WorkflowExecution>,
    pub(super) root: Option<WorkflowExecution>,
    pub(super) at_close: Option<AtClose>,
    attributes: Option<&'a BTreeMap<String, Payload>>,
    /// A run in memory, which some attributes are made of.
    run: Option<&'a Run>,
}

/// What is counted when a run closes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct AtClose {
    pub(super) history_length: i64,
    pub(super) history_bytes: i64,
    pub(super) state_transitions: i64,
    /// Nanoseconds from the execution time to the end.
    pub(super) duration: i64,
}

impl<'a> From<&'a Run> for Listed<'a> {
    fn from(run: &'a Run) -> Self {
        let execution_time = run.start().execution_time();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            workflow_id: &run.identity().workflow_id,
            run_id: &run.identity().run_id,
            workflow_type: run.start().workflow_type(),
            task_queue: run.start().queue_name(),
            status: run.status(),
            start_time: run.start().time(),
            execution_time,
            close_time: run.close_time(),
            parent: run.start().attributes().parent_workflow_execution.as_ref(),
            root: Some(run.root()),
            at_close: run.close_time().map(|close| AtClose {
                history_length: count(run.history().events().len()),
                history_bytes: count(run.history().bytes()),
                state_transitions: run.transitions(),
                duration: i64::try_from(close.since(execution_time).as_nanos()).unwrap_or(i64::MAX),
            }),
            attributes: Some(run.attributes().all_search_attributes()),
            run: Some(run),
        }
    }
}

impl<'a> From<&'a WorkflowExecutionInfo> for Listed<'a> {
    fn from(info: &'a WorkflowExecutionInfo) -> Self {
        let time = |timestamp: Option<Timestamp>| timestamp.map(Time::from);
        let close_time = time(info.close_time);
        let duration = info.execution_duration.map(duration_from_proto).unwrap_or_default();
        Self {
            workflow_id: info.execution.as_ref().map_or("", |execution| &execution.workflow_id),
            run_id: info.execution.as_ref().map_or("", |execution| &execution.run_id),
            workflow_type: info.r#type.as_ref().map_or("", |workflow_type| &workflow_type.name),
            task_queue: &info.task_queue,
            status: info.status(),
            start_time: time(info.start_time).unwrap_or_default(),
            execution_time: time(info.execution_time).unwrap_or_default(),
            close_time,
            parent: info.parent_execution.as_ref(),
            root: info.root_execution.clone(),
            at_close: close_time.map(|_| AtClose {
                history_length: info.history_length,
                history_bytes: info.history_size_bytes,
                state_transitions: info.state_transition_count,
                duration: i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX),
            }),
            attributes: info.search_attributes.as_ref().map(|all| &all.indexed_fields),
            run: None,
        }
    }
}

impl Listed<'_> {
    /// The value of a search attribute that is no field of the run itself. One of another type than the namespace has
    /// now is none.
    pub(super) fn attribute(&self, name: &str, kind: Kind) -> Option<Value> {
        let payload = self.attributes.and_then(|all| all.get(name));
        if let Some(payload) = payload {
            return decode(payload, kind).ok().flatten();
        }
        versioning::describe::attribute(self.run?, name)
    }

    pub(super) fn is_in_division(&self) -> bool {
        self.attribute(NAMESPACE_DIVISION, Kind::Keyword).is_some()
    }
}
