//! SignalWithStartWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::{
    SignalWithStartWorkflowExecutionRequest, SignalWithStartWorkflowExecutionResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    execution::start::request::{prepare_signal, signal_with_start, split},
};

pub(crate) async fn handle(
    context: &Context,
    request: SignalWithStartWorkflowExecutionRequest,
) -> Result<SignalWithStartWorkflowExecutionResponse, Status> {
    let change = context.change(
        split(request),
        |executions, (start, signal)| {
            executions.check_may_start(&start.namespace)?;
            prepare_signal(executions, start, signal)
        },
        |transition, (start, signal), prepared| {
            let started = signal_with_start(transition, start, signal, prepared)?;
            let run = transition.run(started.run);
            Ok(SignalWithStartWorkflowExecutionResponse {
                run_id: run.identity().run_id.clone(),
                first_execution_run_id: run.start().attributes().first_execution_run_id.clone(),
                started: started.by_this_request,
                signal_link: None,
            })
        },
    );
    change.await
}
