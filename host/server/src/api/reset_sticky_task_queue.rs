//! ResetStickyTaskQueue.

use host_wire::temporal::api::workflowservice::v1::{
    ResetStickyTaskQueueRequest, ResetStickyTaskQueueResponse,
};
use tonic::Status;

use crate::{api::context::Context, execution::workflow_task::end::clear_sticky};

pub(crate) async fn handle(
    context: &Context,
    r: ResetStickyTaskQueueRequest,
) -> Result<ResetStickyTaskQueueResponse, Status> {
    let change = context.change(
        (),
        |executions, ()| executions.find_open(&r.namespace, r.execution.as_ref(), ""),
        |transition, (), number| {
            transition.change(number, clear_sticky);
            Ok(())
        },
    );
    change.await?;
    Ok(ResetStickyTaskQueueResponse {})
}
