//! DescribeWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::{
    DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse,
};
use tonic::Status;

use crate::{api::context::Context, error::Error, execution::describe::describe};

pub(crate) async fn handle(
    context: &Context,
    request: DescribeWorkflowExecutionRequest,
) -> Result<DescribeWorkflowExecutionResponse, Status> {
    let read = context.read_run(|shard| {
        let number = shard.executions.find(&request.namespace, request.execution.as_ref())?;
        let run = shard.executions.get(number).ok_or_else(Error::completed)?;
        Ok((number, describe(run)))
    });
    read.await
}
