//! Queries as workers get them when they are tasks of their own.

use host_wire::{
    History,
    temporal::api::{common::v1::WorkflowType, workflowservice::v1::PollWorkflowTaskQueueResponse},
};
use prost::Message;

use crate::{
    api::history_page::Page,
    execution::{loading::NotReady, token::TaskToken},
    matching::queries::QueryNumber,
    shard::Shard,
    storage::Position,
};

/// What the worker gets that polled the queue of this name, and the position to wait for; nothing when the query is
/// not wanted any more.
pub(crate) fn response(
    shard: &Shard,
    number: QueryNumber,
    queue: &str,
) -> Result<Option<(PollWorkflowTaskQueueResponse, Position)>, NotReady> {
    let Some((run_number, query)) = shard.queries.waiting(number) else { return Ok(None) };
    if !shard.executions.is_readable(run_number)? {
        return Ok(None);
    }
    let Some(run) = shard.executions.get(run_number) else { return Ok(None) };
    let sticky = run.is_open() && run.workflow_tasks().sticky().is_some_and(|sticky| sticky.queue == queue);
    // A worker at the sticky queue of an open run has the history.
    let (history, next_page_token) =
        if sticky { (Vec::new(), bytes::Bytes::new()) } else { Page::of_task(run_number, run, 1).read(run) };
    let token = TaskToken {
        run_id: run.identity().run_id.clone(),
        run: run_number,
        query: number,
        ..TaskToken::default()
    };
    let response = PollWorkflowTaskQueueResponse {
        task_token: token.encode_to_vec().into(),
        workflow_execution: Some(run.execution()),
        workflow_type: Some(WorkflowType { name: run.start().workflow_type().to_owned() }),
        previous_started_event_id: run.workflow_tasks().previous_started_event_id(),
        attempt: 1,
        history: Some(History::from_encoded(history)),
        next_page_token,
        query: Some(query.clone()),
        workflow_execution_task_queue: run.start().queue().cloned(),
        ..PollWorkflowTaskQueueResponse::default()
    };
    Ok(Some((response, shard.position_of(run_number))))
}
