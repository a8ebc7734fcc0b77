//! StartBatchOperation: what a request asks for, and whether it can be.

use host_wire::temporal::api::{
    batch::v1::{
        batch_operation_reset_activities as reset_activities, batch_operation_unpause_activities as unpause,
        batch_operation_update_activity_options as update_activities,
    },
    enums::v1::{BatchOperationType as Type, ResetType},
    workflowservice::v1::{StartBatchOperationRequest, start_batch_operation_request::Operation},
};
use prost::Message as _;

use crate::{
    error::Error,
    execution::{options::update::check_override, request::check_name, reset::after},
    limits,
};

const NO_ACTIVITY: &str = "Either activity type must be set, or match all should be set to true";

/// Checks a request, as `ValidateBatchOperation` of Temporal's server does, with the texts of server 1.29. Where that
/// answers UNKNOWN, which clients try again, this answers INVALID_ARGUMENT, as later servers do.
///
/// # Errors
///
/// INVALID_ARGUMENT.
pub(crate) fn check(request: &StartBatchOperationRequest) -> Result<(), Error> {
    let has_runs = !request.visibility_query.is_empty() || !request.executions.is_empty();
    let Some(operation) = request.operation.as_ref().filter(|_| !request.reason.is_empty() && has_runs)
    else {
        let text = "must provide required parameters: BatchType/Reason/Namespace/Query/Executions";
        return Err(Error::invalid(text));
    };
    if request.job_id.is_empty() {
        return Err(Error::invalid("JobId is not set on request."));
    }
    check_name("JobId", &request.job_id)?;
    if !request.visibility_query.is_empty() && !request.executions.is_empty() {
        return Err(Error::invalid("batch query and executions are mutually exclusive"));
    }
    if !request.target_executions.is_empty() {
        return Err(Error::invalid("TargetExecutions is not supported: name them as Executions"));
    }
    if request.executions.len() > limits::BATCH_EXECUTIONS {
        return Err(Error::invalid("Workflow executions count exceeded."));
    }
    if request.encoded_len() > limits::BLOB_BYTES {
        return Err(Error::invalid("Blob data size exceeds limit."));
    }
    check_operation(operation)
}

fn check_operation(operation: &Operation) -> Result<(), Error> {
    let require = |holds: bool, text: &str| if holds { Ok(()) } else { Err(Error::invalid(text)) };
    match operation {
        Operation::TerminationOperation(_)
        | Operation::CancellationOperation(_)
        | Operation::DeletionOperation(_) => Ok(()),
        Operation::SignalOperation(signal) => require(!signal.signal.is_empty(), "must provide signal name"),
        Operation::ResetOperation(reset) => {
            after::check(&reset.post_reset_operations)?;
            match &reset.options {
                Some(options) => require(options.target.is_some(), "batch reset missing target"),
                None => {
                    let known = ResetType::try_from(reset.reset_type).ok();
                    let is_known = known.is_some_and(|kind| kind != ResetType::Unspecified);
                    let name =
                        known.map_or_else(|| reset.reset_type.to_string(), |_| "Unspecified".to_owned());
                    require(is_known, &format!("unknown batch reset type {name}"))
                }
            }
        }
        Operation::UpdateWorkflowOptionsOperation(update) => {
            let options = update.workflow_execution_options.as_ref();
            let options = options.ok_or_else(|| Error::invalid("must provide UpdateOptions"))?;
            require(update.update_mask.is_some(), "must provide UpdateMask")?;
            check_override(options.versioning_override.as_ref())
        }
        Operation::UnpauseActivitiesOperation(asked) => {
            require(asked.activity.is_some(), "activity filter must be set")?;
            let selects = match &asked.activity {
                Some(unpause::Activity::Type(name)) => !name.is_empty(),
                Some(unpause::Activity::MatchAll(all)) => *all,
                None => false,
            };
            require(selects, NO_ACTIVITY)
        }
        Operation::ResetActivitiesOperation(asked) => {
            require(asked.activity.is_some(), "must provide ActivityType or MatchAll")?;
            let selects = match &asked.activity {
                Some(reset_activities::Activity::Type(name)) => !name.is_empty(),
                Some(reset_activities::Activity::MatchAll(all)) => *all,
                None => false,
            };
            require(selects, NO_ACTIVITY)
        }
        Operation::UpdateActivityOptionsOperation(asked) => {
            let has_options = asked.activity_options.is_some();
            let both = has_options && asked.restore_original;
            require(!both, "cannot set both activity options and restore original")?;
            let text = "Either activity type must be set, or restore original should be set to true";
            require(has_options || asked.restore_original, text)?;
            let selects = match &asked.activity {
                Some(update_activities::Activity::Type(name)) => !name.is_empty(),
                Some(update_activities::Activity::MatchAll(all)) => *all,
                // Temporal's server takes it, and then fails every run.
                None => false,
            };
            require(selects, NO_ACTIVITY)?;
            require(asked.restore_original || asked.update_mask.is_some(), "UpdateMask is not provided")
        }
        Operation::CancelActivitiesOperation(_)
        | Operation::TerminateActivitiesOperation(_)
        | Operation::DeleteActivitiesOperation(_) => Err(Error::invalid(
            "The operation type is not supported: there are no activities without a workflow",
        )),
    }
}

/// The kind of an operation, as descriptions of server 1.29 name it.
pub(crate) fn kind(operation: Option<&Operation>) -> Type {
    match operation {
        Some(Operation::TerminationOperation(_)) => Type::Terminate,
        Some(Operation::SignalOperation(_)) => Type::Signal,
        Some(Operation::CancellationOperation(_)) => Type::Cancel,
        Some(Operation::DeletionOperation(_)) => Type::Delete,
        Some(Operation::ResetOperation(_)) => Type::Reset,
        Some(Operation::UpdateWorkflowOptionsOperation(_)) => Type::UpdateExecutionOptions,
        Some(Operation::UnpauseActivitiesOperation(_)) => Type::UnpauseActivity,
        Some(Operation::ResetActivitiesOperation(_)) => Type::ResetActivity,
        Some(Operation::UpdateActivityOptionsOperation(_)) => Type::UpdateActivityOptions,
        Some(Operation::CancelActivitiesOperation(_)) => Type::CancelActivity,
        Some(Operation::TerminateActivitiesOperation(_)) => Type::TerminateActivity,
        Some(Operation::DeleteActivitiesOperation(_)) => Type::DeleteActivity,
        None => Type::Unspecified,
    }
}

/// Who asked for an operation.
pub(crate) fn identity(operation: Option<&Operation>) -> &str {
    match operation {
        Some(Operation::TerminationOperation(o)) => &o.identity,
        Some(Operation::SignalOperation(o)) => &o.identity,
        Some(Operation::CancellationOperation(o)) => &o.identity,
        Some(Operation::DeletionOperation(o)) => &o.identity,
        Some(Operation::ResetOperation(o)) => &o.identity,
        Some(Operation::UpdateWorkflowOptionsOperation(o)) => &o.identity,
        Some(Operation::UnpauseActivitiesOperation(o)) => &o.identity,
        Some(Operation::ResetActivitiesOperation(o)) => &o.identity,
        Some(Operation::UpdateActivityOptionsOperation(o)) => &o.identity,
        Some(Operation::CancelActivitiesOperation(o)) => &o.identity,
        Some(Operation::TerminateActivitiesOperation(o)) => &o.identity,
        Some(Operation::DeleteActivitiesOperation(_)) | None => "",
    }
}

/// Whether an operation is about open runs only: closed ones are not counted then.
pub(crate) fn is_of_open_runs(operation: Option<&Operation>) -> bool {
    matches!(
        kind(operation),
        Type::Terminate | Type::Signal | Type::Cancel | Type::UpdateExecutionOptions | Type::UnpauseActivity
    )
}
