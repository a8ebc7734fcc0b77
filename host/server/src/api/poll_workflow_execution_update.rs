//! PollWorkflowExecutionUpdate.

use host_wire::temporal::api::{
    update::v1::UpdateRef,
    workflowservice::v1::{PollWorkflowExecutionUpdateRequest, PollWorkflowExecutionUpdateResponse},
};
use tonic::{Request, Status};

use crate::{
    api::{context::Context, deadline::Deadline, update_stage::AwaitedUpdate},
    error::Error,
};

pub(crate) async fn handle(
    context: &Context,
    request: Request<PollWorkflowExecutionUpdateRequest>,
) -> Result<PollWorkflowExecutionUpdateResponse, Status> {
    let deadline = Deadline::of(&request);
    let request = request.into_inner();
    let Some(UpdateRef { workflow_execution, update_id }) = request.update_ref else {
        return Err(Error::invalid("UpdateRef is not set on request.").into());
    };
    let find = context.with_shard(|shard| {
        let run = shard.executions.find(&request.namespace, workflow_execution.as_ref())?;
        let found = shard.executions.get(run).ok_or_else(Error::completed)?;
        let pending = found.updates().pending_with(&update_id).map(|pending| pending.number);
        if pending.is_none() && found.updates().recorded(&update_id).is_none() {
            return Err(Error::NotFound(format!("update \"{update_id}\" not found")).into());
        }
        let execution = Some(found.execution());
        if let Some(number) = pending {
            shard.updates.enter(number);
        }
        Ok((run, execution, pending))
    });
    let (run, workflow_execution, number) = find.await?;
    let reference = UpdateRef { workflow_execution, update_id };
    let awaited = AwaitedUpdate::new(context, run, reference, number);
    let stage = request.wait_policy.unwrap_or_default().lifecycle_stage();
    let reached = awaited.reach(stage, deadline).await?;
    Ok(PollWorkflowExecutionUpdateResponse {
        outcome: reached.outcome,
        stage: reached.stage.into(),
        update_ref: Some(awaited.reference().clone()),
    })
}
