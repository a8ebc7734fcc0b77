//! Where a batch operation resets a run to.

use host_wire::temporal::api::{
    batch::v1::BatchOperationReset,
    common::v1::{ResetOptions, WorkflowExecution, reset_options::Target},
    enums::v1::{EventType, ResetType},
    workflowservice::v1::{ResetWorkflowExecutionRequest, StartBatchOperationRequest},
};

use crate::{error::Error, execution::run::Run};

/// The reset of one run. `id` is the id of the request.
///
/// # Errors
///
/// When the run has no such point.
pub(super) fn request(
    batch: &StartBatchOperationRequest,
    asked: &BatchOperationReset,
    execution: &WorkflowExecution,
    run: &Run,
    id: &str,
) -> Result<ResetWorkflowExecutionRequest, Error> {
    let options = asked.options.clone().unwrap_or_else(|| ResetOptions {
        target: match asked.reset_type() {
            ResetType::FirstWorkflowTask => Some(Target::FirstWorkflowTask(())),
            ResetType::LastWorkflowTask => Some(Target::LastWorkflowTask(())),
            ResetType::Unspecified => None,
        },
        reset_reapply_type: asked.reset_reapply_type,
        ..ResetOptions::default()
    });
    let (run_id, point) = point(run, &options)?;
    Ok(ResetWorkflowExecutionRequest {
        namespace: batch.namespace.clone(),
        workflow_execution: Some(WorkflowExecution { run_id, ..execution.clone() }),
        reason: batch.reason.clone(),
        request_id: id.to_owned(),
        workflow_task_finish_event_id: point,
        reset_reapply_type: options.reset_reapply_type,
        reset_reapply_exclude_types: options.reset_reapply_exclude_types,
        post_reset_operations: asked.post_reset_operations.clone(),
        identity: asked.identity.clone(),
    })
}

/// The run id and the event, as `getResetEventIDByOptions` of Temporal's server finds them.
fn point(run: &Run, options: &ResetOptions) -> Result<(String, i64), Error> {
    let own = run.identity().run_id.clone();
    let ids = 1..run.history().next_event_id();
    let none = || Error::invalid("unable to find any scheduled or completed task");
    match &options.target {
        Some(Target::WorkflowTaskId(id)) => Ok((own, *id)),
        Some(Target::FirstWorkflowTask(())) => Ok((own, workflow_task(run, ids).ok_or_else(none)?)),
        Some(Target::LastWorkflowTask(())) => Ok((own, workflow_task(run, ids.rev()).ok_or_else(none)?)),
        Some(Target::BuildId(build_id)) => of_build(run, build_id, options.current_run_only),
        None => Err(Error::invalid("batch reset missing target")),
    }
}

/// The first completed workflow task in this order; without one, the event after a scheduled one.
fn workflow_task(run: &Run, ids: impl Iterator<Item = i64>) -> Option<i64> {
    let mut scheduled = None;
    for event in ids.filter_map(|id| run.history().event(id)) {
        match event.event_type() {
            EventType::WorkflowTaskCompleted => return Some(event.event_id),
            EventType::WorkflowTaskScheduled => {
                scheduled.get_or_insert(event.event_id + 1);
            }
            _ => {}
        }
    }
    scheduled
}

fn of_build(run: &Run, build_id: &str, current_run_only: bool) -> Result<(String, i64), Error> {
    let points = run.reset_points().all().unwrap_or_default().points;
    let point = points.into_iter().find(|point| point.build_id == build_id);
    let point = point.ok_or_else(|| Error::invalid(format!("Can't find reset point for {build_id}")))?;
    if !point.resettable {
        return Err(Error::invalid(format!("Reset point for {build_id} is not resettable")));
    }
    if current_run_only && point.run_id != run.identity().run_id {
        return Err(Error::invalid(format!(
            "Reset point for {build_id} points to previous run and CurrentRunOnly is set"
        )));
    }
    Ok((point.run_id, point.first_workflow_task_completed_id))
}
