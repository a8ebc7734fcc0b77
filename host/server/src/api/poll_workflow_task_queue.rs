//! PollWorkflowTaskQueue: workflow tasks, and queries that are tasks of their own.

use host_wire::temporal::api::{
    enums::v1::TaskQueueType,
    workflowservice::v1::{PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse},
};
use tonic::{Request, Status};

use crate::{
    api::{
        context::Context,
        deadline::{LONG_POLL, answer_by},
        long_poll::{Poller, Taken, queue_key, worker},
        polled_version, query_task, workflow_task,
    },
    error::Error,
    execution::{
        record::RunNumber,
        run_transition::RunTransition,
        task::Task,
        worker::Worker,
        workflow_task::start::{Start, start_task},
    },
    matching::{queries::Queries, queue_key::QueueKey, queued::Queued, queues::Polled, routing},
};

pub(crate) async fn handle(
    context: &Context,
    request: Request<PollWorkflowTaskQueueRequest>,
) -> Result<PollWorkflowTaskQueueResponse, Status> {
    let until = answer_by(&request, LONG_POLL);
    // The rest of the request is dropped: polls wait long.
    let PollWorkflowTaskQueueRequest {
        namespace,
        task_queue,
        identity,
        worker_version_capabilities: capabilities,
        deployment_options: deployment,
        binary_checksum,
        ..
    } = request.into_inner();
    let key = queue_key(context, &namespace, task_queue.as_ref(), TaskQueueType::Workflow)?;
    if context.lock().executions.namespaces.has_bad_binary(&namespace, &binary_checksum) {
        let message = format!("Binary {binary_checksum} already marked as bad deployment.");
        return Err(Error::InvalidArgument(message).into());
    }
    let version = polled_version::of(capabilities.as_ref(), deployment.as_ref())?;
    let key = polled_version::register(context, key, task_queue.as_ref(), version.as_ref()).await?;
    let worker = Worker { deployment: version, ..worker(context, &identity, capabilities.clone()) };
    let poller = Poller::enter(context, key, Polled { identity, rate: None, capabilities, deployment })?;
    while let Some(taken) = poller.next(until).await {
        let advice = taken.advice;
        if let Some(mut response) = start_taken(context, &poller.key, taken, &worker).await? {
            response.poller_scaling_decision = advice;
            return Ok(response);
        }
    }
    Ok(PollWorkflowTaskQueueResponse::default())
}

/// What the worker gets for a task out of its queue; nothing when the task is not wanted any more.
async fn start_taken(
    context: &Context,
    key: &QueueKey,
    mut taken: Taken<'_>,
    worker: &Worker,
) -> Result<Option<PollWorkflowTaskQueueResponse>, Status> {
    match taken.queued() {
        Some(Queued::Task(Task::Workflow { run, scheduled_event_id, attempt, .. })) => {
            let (run, task) = (*run, (*scheduled_event_id, *attempt));
            start(context, key, taken, run, task, worker).await
        }
        Some(Queued::Query(number)) => {
            let number = *number;
            let read = context.read(|shard| query_task::response(shard, number, &key.name)).await?;
            if let Some((_, position)) = &read {
                context.on_disk(*position).await?;
            }
            taken.keep(read.is_some());
            Ok(read.map(|(response, _)| response))
        }
        Some(Queued::Task(Task::Activity { .. } | Task::Nexus { .. })) | None => {
            taken.keep(false);
            Ok(None)
        }
    }
}

async fn start(
    context: &Context,
    key: &QueueKey,
    mut taken: Taken<'_>,
    run: RunNumber,
    (scheduled_event_id, attempt): (i64, i32),
    worker: &Worker,
) -> Result<Option<PollWorkflowTaskQueueResponse>, Status> {
    if !context.in_process {
        let position = context.lock().position_of(run);
        context.on_disk(position).await?;
    }
    let queued = taken.queued().cloned();
    let (mut response, mut response_position) = (None, 0);
    let mut is_misplaced = false;
    let started = context.transition(
        (),
        |executions, ()| executions.is_readable(run),
        |transition, (), exists| {
            // The routing may have changed since the task was taken.
            let queries = &Queries::default();
            is_misplaced = queued
                .is_some_and(|queued| routing::is_misplaced(transition.executions(), queries, key, &queued));
            let start = |run: &mut RunTransition<'_>| {
                start_task(run, scheduled_event_id, attempt, worker, Start::Polled)
            };
            Ok(exists && !is_misplaced && transition.change(run, start))
        },
        |shard, started| {
            if matches!(started, Ok(true)) {
                shard.queries.attach(run);
                response = workflow_task::response_of(shard, run, &key.name);
                // What came before, which the response shows. Usually it is on disk.
                response_position = shard.position_of(run);
            }
        },
    );
    started.await?.0?;
    if is_misplaced {
        // It goes back, and is sent on when it is taken again.
        return Ok(None);
    }
    taken.keep(response.is_some());
    if response.is_some() && !context.in_process {
        context.on_disk(response_position).await?;
    }
    Ok(response)
}
