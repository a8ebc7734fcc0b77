//! Operations on the new run, in the transition that makes it. As on Temporal's server, options of the run are all that
//! there is.

use host_wire::temporal::api::{
    workflow::v1::{PostResetOperation, post_reset_operation::Variant},
    workflowservice::v1::ResetWorkflowExecutionRequest,
};

use crate::{
    error::Error,
    execution::{
        options::update::{check_mask, check_override, update},
        run_transition::RunTransition,
    },
};

/// Checks the operations of a request.
pub(crate) fn check(operations: &[PostResetOperation]) -> Result<(), Error> {
    for operation in operations {
        let Some(Variant::UpdateWorkflowOptions(changed)) = &operation.variant else {
            return Err(Error::invalid("unsupported post reset operation"));
        };
        let options = changed.workflow_execution_options.clone().unwrap_or_default();
        check_override(options.versioning_override.as_ref())?;
        check_mask(&changed.update_mask.clone().unwrap_or_default())?;
    }
    Ok(())
}

/// Does the operations, which were checked.
pub(super) fn apply(
    run: &mut RunTransition<'_>,
    request: &ResetWorkflowExecutionRequest,
) -> Result<(), Error> {
    for operation in &request.post_reset_operations {
        if let Some(Variant::UpdateWorkflowOptions(changed)) = &operation.variant {
            let options = changed.workflow_execution_options.clone().unwrap_or_default();
            update(run, options, &changed.update_mask.clone().unwrap_or_default(), &request.identity)?;
        }
    }
    Ok(())
}
