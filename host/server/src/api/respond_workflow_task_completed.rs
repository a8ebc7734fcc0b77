//! RespondWorkflowTaskCompleted.

use host_wire::temporal::api::workflowservice::v1::{
    RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskCompletedResponse,
};
use tonic::Status;

use crate::{
    api::{activity_task, context::Context, workflow_task},
    execution::{
        token::TaskToken,
        workflow_task::complete::{complete, prepare},
    },
};

pub(crate) async fn handle(
    context: &Context,
    mut request: RespondWorkflowTaskCompletedRequest,
) -> Result<RespondWorkflowTaskCompletedResponse, Status> {
    context.lock().executions.check_namespace(&request.namespace)?;
    let token = TaskToken::parse(&request.task_token)?;
    let answers = std::mem::take(&mut request.query_results);
    let mut next_task = None;
    let change = context.change_with(
        request,
        |executions, request| prepare(executions, &token, request),
        |transition, request, ()| {
            let completed = complete(transition, &token, request, context.in_process)?;
            let run = transition.run(token.run);
            let activities = completed.eager_activities.iter();
            let activity_tasks =
                activities.filter_map(|id| activity_task::response(token.run, run, *id)).collect::<Vec<_>>();
            Ok((completed.next_task, activity_tasks, completed.reset_history_event_id))
        },
        |shard, result| match result {
            Ok((has_next_task, ..)) => {
                shard.queries.answer_attached(token.run, answers);
                if *has_next_task {
                    shard.queries.attach(token.run);
                    next_task = workflow_task::response_of(shard, token.run, "");
                }
            }
            Err(_) => shard.queries.detach(token.run),
        },
    );
    let (_, activity_tasks, reset_history_event_id) = change.await?;
    Ok(RespondWorkflowTaskCompletedResponse {
        workflow_task: next_task,
        activity_tasks,
        reset_history_event_id: reset_history_event_id.unwrap_or_default(),
    })
}
