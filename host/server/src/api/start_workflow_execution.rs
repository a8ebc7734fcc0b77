//! StartWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::{
    StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
};
use tonic::Status;

use crate::{
    api::{context::Context, workflow_task},
    execution::{
        start::request::{prepare, start},
        workflow_task::start::start_first_task,
    },
};

pub(crate) async fn handle(
    context: &Context,
    request: StartWorkflowExecutionRequest,
) -> Result<StartWorkflowExecutionResponse, Status> {
    let worker = context.worker(&request.identity);
    let wants_task = request.request_eager_execution;
    let change = context.change(request, prepare, |transition, request, existing| {
        let started = start(transition, request, existing);
        let number = started.run;
        let eager = wants_task && started.just_now;
        if eager {
            transition.change(number, |run| start_first_task(run, &worker));
        }
        let run = transition.run(number);
        let task = eager.then(|| workflow_task::response(number, run, run.start().queue_name())).flatten();
        Ok(StartWorkflowExecutionResponse {
            run_id: run.identity().run_id.clone(),
            first_execution_run_id: run.start().attributes().first_execution_run_id.clone(),
            started: started.by_this_request,
            status: run.status().into(),
            eager_workflow_task: task,
            link: None,
        })
    });
    change.await
}
