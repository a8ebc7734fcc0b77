//! DeleteWorkflowExecution: answers when the run is gone.

use host_wire::temporal::api::workflowservice::v1::{
    DeleteWorkflowExecutionRequest, DeleteWorkflowExecutionResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    execution::{child, close::terminate},
    storage::Mend,
};

/// What the history of an open run says, as with Temporal's server.
const REASON: &str = "Delete workflow execution";
const IDENTITY: &str = "history-service";

/// Terminates the run if it is open, and deletes it with its history. A damaged run is deleted as it is.
pub(crate) async fn handle(
    context: &Context,
    r: DeleteWorkflowExecutionRequest,
) -> Result<DeleteWorkflowExecutionResponse, Status> {
    let execution = r.workflow_execution.as_ref();
    let number = match context.damage_of(&r.namespace, execution).await? {
        Some(damage) => {
            context.lock().executions.schedules.doubt(&damage.namespace, &damage.workflow_id);
            damage.run
        }
        None => {
            let closed = context.change(
                (),
                |executions, ()| {
                    let number = executions.find(&r.namespace, execution)?;
                    let open = executions.get(number).filter(|run| run.is_open());
                    if let Some(run) = open {
                        child::close::look_up(executions, run, true)?;
                    }
                    Ok((number, open.is_some()))
                },
                |transition, (), (number, is_open)| {
                    if is_open {
                        transition.change(number, |run| terminate::terminate(run, REASON, None, IDENTITY));
                    }
                    Ok(number)
                },
            );
            closed.await?
        }
    };
    context.mend(Mend::Delete(number)).await?;
    context.lock().forget(number);
    Ok(DeleteWorkflowExecutionResponse {})
}
