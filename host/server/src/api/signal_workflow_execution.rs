//! SignalWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::{
    SignalWorkflowExecutionRequest, SignalWorkflowExecutionResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    execution::signal::receive::{Signal, receive},
};

pub(crate) async fn handle(
    context: &Context,
    r: SignalWorkflowExecutionRequest,
) -> Result<SignalWorkflowExecutionResponse, Status> {
    let signal = Signal {
        name: r.signal_name,
        input: r.input,
        identity: r.identity,
        header: r.header,
        request_id: r.request_id,
        external: None,
        links: r.links,
    };
    signal.check()?;
    let change = context.change(
        signal,
        |executions, _| executions.find_open(&r.namespace, r.workflow_execution.as_ref(), ""),
        |transition, signal, number| transition.change(number, |run| receive(run, signal)),
    );
    change.await?;
    Ok(SignalWorkflowExecutionResponse { link: None })
}
