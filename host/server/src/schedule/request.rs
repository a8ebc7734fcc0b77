//! The start that an action is, and the checks of what clients send.

use host_wire::temporal::api::{
    common::v1::SearchAttributes,
    enums::v1::{IndexedValueType as Kind, ScheduleOverlapPolicy as Overlap, WorkflowIdReusePolicy as Reuse},
    schedule::v1::{Schedule as Message, SchedulePatch, schedule_action::Action},
    workflow::v1::NewWorkflowExecutionInfo,
    workflowservice::v1::StartWorkflowExecutionRequest,
};
use prost::Message as _;
use prost_types::Timestamp;

use crate::{
    error::Error,
    execution::start::request,
    limits,
    schedule::{
        record::{BufferedStart, Outcome},
        spec::Spec,
        state::Schedule,
    },
    time::Time,
    visibility::{registry::Registry, value::encode},
};

/// What the workflow id of an action ends with, at its longest.
const SUFFIX_BYTES: usize = "-2009-11-10T23:00:00Z".len();

/// The start of a workflow that an action is.
pub(super) fn start_request(
    schedule: &Schedule,
    start: &BufferedStart,
) -> Option<StartWorkflowExecutionRequest> {
    let workflow = schedule.workflow()?;
    let nominal = Timestamp { nanos: 0, ..start.nominal_time.unwrap_or_default() };
    let keeps_id = schedule.policies().keep_original_workflow_id;
    let workflow_id =
        if keeps_id { workflow.workflow_id.clone() } else { format!("{}-{nominal}", workflow.workflow_id) };
    // Actions that run beside others do not hand anything on.
    let is_alone = start.overlap_policy() != Overlap::AllowAll;
    let outcome = if is_alone { schedule.outcome.clone() } else { Outcome::default() };
    let identity = &schedule.identity;
    Some(StartWorkflowExecutionRequest {
        namespace: identity.namespace.clone(),
        workflow_id,
        // An action that the clock brings is taken once, whatever happens.
        workflow_id_reuse_policy: match start.is_manual || keeps_id {
            true => Reuse::AllowDuplicate.into(),
            false => Reuse::RejectDuplicate.into(),
        },
        identity: format!("temporal-scheduler-{}-{}", identity.namespace, identity.schedule_id),
        search_attributes: Some(attributes(workflow, nominal, &identity.schedule_id)),
        last_completion_result: outcome.result,
        continued_failure: outcome.failure,
        ..plain_start(workflow)
    })
}

/// A start with what the workflow of a schedule says.
fn plain_start(workflow: &NewWorkflowExecutionInfo) -> StartWorkflowExecutionRequest {
    let NewWorkflowExecutionInfo {
        workflow_id,
        workflow_type,
        task_queue,
        input,
        workflow_execution_timeout,
        workflow_run_timeout,
        workflow_task_timeout,
        workflow_id_reuse_policy: _,
        retry_policy,
        cron_schedule,
        memo,
        search_attributes,
        header,
        user_metadata,
        versioning_override,
        priority,
    } = workflow.clone();
    StartWorkflowExecutionRequest {
        workflow_id,
        workflow_type,
        task_queue,
        input,
        workflow_execution_timeout,
        workflow_run_timeout,
        workflow_task_timeout,
        retry_policy,
        cron_schedule,
        memo,
        search_attributes,
        header,
        user_metadata,
        versioning_override,
        priority,
        ..StartWorkflowExecutionRequest::default()
    }
}

fn attributes(
    workflow: &NewWorkflowExecutionInfo,
    nominal: Timestamp,
    schedule_id: &str,
) -> SearchAttributes {
    let mut all = workflow.search_attributes.clone().unwrap_or_default();
    let mut add = |name: &str, value| all.indexed_fields.insert(name.to_owned(), value);
    add("TemporalScheduledStartTime", encode(nominal.to_string(), Kind::Datetime));
    add("TemporalScheduledById", encode(schedule_id, Kind::Keyword));
    all
}

/// Checks the search attributes of a schedule, and those of the workflows that it starts.
///
/// # Errors
///
/// Says which one is not known, not allowed, of another type or too large.
pub(crate) fn check_attributes(
    registry: &Registry,
    namespace: &str,
    own: Option<&SearchAttributes>,
    schedule: &Message,
) -> Result<(), Error> {
    let started = match schedule.action.as_ref().and_then(|action| action.action.as_ref()) {
        Some(Action::StartWorkflow(workflow)) => workflow.search_attributes.as_ref(),
        None => None,
    };
    [own, started].into_iter().try_for_each(|attributes| {
        registry.check(namespace, attributes)?;
        Registry::check_first_size(attributes)
    })
}

/// Checks the parts of a schedule that a client sends, and answers its times.
///
/// # Errors
///
/// Says which part is invalid.
pub(crate) fn check(schedule: &Message, now: Time) -> Result<Spec, Error> {
    let invalid = |wrong| Error::invalid(format!("Invalid schedule spec: {wrong}"));
    let spec = Spec::new(&schedule.spec.clone().unwrap_or_default()).map_err(invalid)?;
    // What takes this long now would take it each time.
    spec.next_time("", now).map_err(|error| invalid(error.to_string()))?;
    if schedule.encoded_len() > limits::BLOB_BYTES {
        return Err(Error::invalid("Blob data size exceeds limit."));
    }
    let notes = schedule.state.as_ref().map_or("", |state| &state.notes);
    check_notes(notes)?;
    match schedule.action.as_ref().and_then(|action| action.action.as_ref()) {
        None => {}
        Some(Action::StartWorkflow(workflow)) => check_workflow(workflow)?,
    }
    Ok(spec)
}

/// Checks a patch.
///
/// # Errors
///
/// As [`check`].
pub(crate) fn check_patch(patch: &SchedulePatch) -> Result<(), Error> {
    if patch.encoded_len() > limits::BLOB_BYTES {
        return Err(Error::invalid("Blob data size exceeds limit."));
    }
    check_notes(&patch.pause)?;
    check_notes(&patch.unpause)
}

fn check_notes(notes: &str) -> Result<(), Error> {
    if notes.len() > limits::SCHEDULE_NOTES_BYTES {
        return Err(Error::invalid("Schedule notes exceeds limit."));
    }
    Ok(())
}

fn check_workflow(workflow: &NewWorkflowExecutionInfo) -> Result<(), Error> {
    if workflow.workflow_id.len() + SUFFIX_BYTES > limits::ID_BYTES {
        return Err(Error::invalid("WorkflowId length exceeds limit."));
    }
    if !workflow.cron_schedule.is_empty() {
        return Err(Error::invalid("Scheduled workflow must not contain CronSchedule"));
    }
    let reuse = workflow.workflow_id_reuse_policy();
    if !matches!(reuse, Reuse::Unspecified | Reuse::AllowDuplicate) {
        return Err(Error::invalid("Scheduled workflow must not contain WorkflowIDReusePolicy"));
    }
    request::check(&plain_start(workflow))
}
