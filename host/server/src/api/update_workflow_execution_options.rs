//! UpdateWorkflowExecutionOptions.

use host_wire::temporal::api::workflowservice::v1::{
    UpdateWorkflowExecutionOptionsRequest, UpdateWorkflowExecutionOptionsResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::options::update::{check_override, update},
};

pub(crate) async fn handle(
    context: &Context,
    r: UpdateWorkflowExecutionOptionsRequest,
) -> Result<UpdateWorkflowExecutionOptionsResponse, Status> {
    let mask = r.update_mask.ok_or_else(|| Error::invalid("UpdateMask is required"))?;
    let options = r.workflow_execution_options;
    let options = options.ok_or_else(|| Error::invalid("WorkflowExecutionOptions is required"))?;
    check_override(options.versioning_override.as_ref())?;
    let change = context.change(
        options,
        |executions, _| executions.find_open(&r.namespace, r.workflow_execution.as_ref(), ""),
        |transition, options, number| {
            transition.change(number, |run| update(run, options, &mask, &r.identity))
        },
    );
    let workflow_execution_options = Some(change.await?);
    Ok(UpdateWorkflowExecutionOptionsResponse { workflow_execution_options, update_time: None })
}
