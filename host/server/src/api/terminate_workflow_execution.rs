//! TerminateWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::{
    TerminateWorkflowExecutionRequest, TerminateWorkflowExecutionResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::{archive::Archived, child, close::terminate, damage::Damage, request::check_payloads},
    storage::Mend,
};

/// What the history says where the request gives no reason.
const DEFAULT_REASON: &str = "terminated by user via frontend";

pub(crate) async fn handle(
    context: &Context,
    r: TerminateWorkflowExecutionRequest,
) -> Result<TerminateWorkflowExecutionResponse, Status> {
    check_payloads(r.details.as_ref())?;
    let execution = r.workflow_execution.as_ref();
    // What is stored of a run that panics is sound, and says more when it says that it was terminated.
    if let Some(damage) = context.damage_of(&r.namespace, execution).await?
        && !context.lock().executions.try_again(damage.run)
    {
        terminate_damaged(context, &damage).await?;
        return Ok(TerminateWorkflowExecutionResponse {});
    }
    let reason = if r.reason.is_empty() { DEFAULT_REASON } else { &r.reason };
    let change = context.change(
        (),
        |executions, ()| {
            let number = executions.find_open(&r.namespace, execution, &r.first_execution_run_id)?;
            if let Some(run) = executions.get(number) {
                child::close::look_up(executions, run, true)?;
            }
            Ok(number)
        },
        |transition, (), number| {
            transition.change(number, |run| terminate::terminate(run, reason, r.details, &r.identity));
            Ok(())
        },
    );
    change.await?;
    Ok(TerminateWorkflowExecutionResponse {})
}

/// Closes a run that cannot be read: lists show it as terminated. Its history stays unreadable, and says nothing of it;
/// its parent and its children do not hear of it.
async fn terminate_damaged(context: &Context, damage: &Damage) -> Result<(), Status> {
    if !damage.is_open() {
        return Err(Error::completed().into());
    }
    let now = context.now();
    let row = Archived {
        run: damage.run,
        info: Box::new(damage.terminated(now)),
        close_time: Some(now),
        deadline: None,
    };
    context.mend(Mend::Close(row)).await?;
    context.lock().executions.schedules.doubt(&damage.namespace, &damage.workflow_id);
    Ok(())
}
