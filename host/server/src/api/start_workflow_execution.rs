//! StartWorkflowExecution.

use host_wire::temporal::api::workflowservice::v1::{
    StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
};
use tonic::Status;

use crate::{
    api::{context::Context, workflow_task},
    deployment::version::version_of,
    execution::{
        executions::Executions,
        nexus::link,
        start::request::{prepare, start},
        worker::Worker,
        workflow_task::start::start_first_task,
    },
    matching::routing::version_of_start,
};

pub(crate) async fn handle(
    context: &Context,
    mut request: StartWorkflowExecutionRequest,
) -> Result<StartWorkflowExecutionResponse, Status> {
    let version = version_of(request.eager_worker_deployment_options.take().as_ref());
    let worker = Worker { deployment: version, ..context.worker(&request.identity) };
    let prepare = |executions: &Executions, request: &StartWorkflowExecutionRequest| {
        executions.check_may_start(&request.namespace)?;
        prepare(executions, request)
    };
    let change = context.change(request, prepare, |transition, mut request, existing| {
        // Not to a worker of another version than that which would get the task by a poll.
        let version = version_of_start(transition.executions(), &request);
        request.request_eager_execution &= version == worker.deployment;
        let wants_task = request.request_eager_execution;
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
            link: Some(link::of_started(run)),
        })
    });
    change.await
}
