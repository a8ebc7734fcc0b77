//! Workflow tasks as workers get them.

use host_wire::{
    History,
    temporal::api::{common::v1::WorkflowType, workflowservice::v1::PollWorkflowTaskQueueResponse},
};
use prost::Message;

use crate::{
    api::history_page::Page,
    execution::{record::RunNumber, run::Run, token::TaskToken, update::send},
    shard::Shard,
};

/// The workflow task that was just started, with the queries that go along.
pub(crate) fn response_of(
    shard: &Shard,
    number: RunNumber,
    queue: &str,
) -> Option<PollWorkflowTaskQueueResponse> {
    let mut response = response(number, shard.executions.get(number)?, queue)?;
    response.queries = shard.queries.attached(number);
    Some(response)
}

/// A started workflow task for a worker that polled the queue of this name. Workers that polled the run's sticky
/// queue have the beginning of the history; so has the worker that gets the next task with the answer to the last,
/// whose queue is empty here.
pub(crate) fn response(number: RunNumber, run: &Run, queue: &str) -> Option<PollWorkflowTaskQueueResponse> {
    let token = TaskToken::of_task(number, run)?;
    let (task, started) = run.workflow_tasks().started_task()?;
    let previous_started_event_id = run.workflow_tasks().previous_started_event_id();
    let partial = queue.is_empty() || task.is_sticky() && queue == task.queue.name;
    let first = if partial { previous_started_event_id + 1 } else { 1 };
    let (history, next_page_token) = Page::of_task(number, run, first).read(run);
    Some(PollWorkflowTaskQueueResponse {
        task_token: token.encode_to_vec().into(),
        workflow_execution: Some(run.execution()),
        workflow_type: Some(WorkflowType { name: run.start().workflow_type().to_owned() }),
        previous_started_event_id,
        started_event_id: started.event_id,
        attempt: task.attempt,
        history: Some(History::from_encoded(history)),
        next_page_token,
        workflow_execution_task_queue: run.start().queue().cloned(),
        scheduled_time: Some(task.scheduled_time.into()),
        started_time: Some(started.time.into()),
        messages: send::messages(run),
        ..PollWorkflowTaskQueueResponse::default()
    })
}
