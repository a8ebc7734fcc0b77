//! A schedule as the filters of lists see it.

use host_wire::temporal::api::{
    common::v1::{SearchAttributes, WorkflowExecution, WorkflowType},
    enums::v1::{IndexedValueType as Kind, WorkflowExecutionStatus as Status},
    workflow::v1::WorkflowExecutionInfo,
};

use crate::{
    error::Error,
    schedule::state::Schedule,
    visibility::{
        filter::{Filter, SCHEDULE_WORKFLOW_ID},
        registry::{Custom, Registry},
        value::encode,
    },
};

/// The type of the workflow that a schedule is on Temporal's server.
const WORKFLOW_TYPE: &str = "temporal-sys-scheduler-workflow";

/// Parses a filter of schedules.
///
/// # Errors
///
/// Says what is wrong with it.
pub(crate) fn filter(query: &str, custom: &Custom) -> Result<Filter, Error> {
    let filter = Filter::parse(query, custom)?;
    if filter.grouped_by_status {
        return Err(Error::invalid("invalid query: operation is not supported: 'group by' clause"));
    }
    Ok(filter)
}

/// The workflow that a schedule is on Temporal's server: its filters are about that.
pub(crate) fn workflow(schedule: &Schedule, registry: &Registry) -> WorkflowExecutionInfo {
    let workflow_id = format!("{SCHEDULE_WORKFLOW_ID}{}", schedule.identity.schedule_id);
    let paused = encode(schedule.state().paused, Kind::Bool);
    let mut attributes: SearchAttributes = schedule.definition.search_attributes.clone().unwrap_or_default();
    attributes.indexed_fields.insert("TemporalSchedulePaused".to_owned(), paused);
    registry.name_types(&schedule.identity.namespace, Some(&mut attributes));
    WorkflowExecutionInfo {
        execution: Some(WorkflowExecution { workflow_id, run_id: schedule.identity.uid.clone() }),
        r#type: Some(WorkflowType { name: WORKFLOW_TYPE.to_owned() }),
        status: Status::Running.into(),
        start_time: schedule.info().create_time,
        execution_time: schedule.info().create_time,
        search_attributes: Some(attributes),
        ..WorkflowExecutionInfo::default()
    }
}
