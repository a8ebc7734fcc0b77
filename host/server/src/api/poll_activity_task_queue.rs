//! PollActivityTaskQueue.

use host_wire::temporal::api::workflowservice::v1::{
    PollActivityTaskQueueRequest, PollActivityTaskQueueResponse,
};
use tonic::{Request, Status};

use crate::{
    api::{
        activity_task,
        context::Context,
        deadline::{LONG_POLL, answer_by},
        long_poll::{Poller, queue_key, worker},
    },
    execution::{activity::attempt, task::Task},
    matching::{queued::Queued, queues::Polled},
};

pub(crate) async fn handle(
    context: &Context,
    request: Request<PollActivityTaskQueueRequest>,
) -> Result<PollActivityTaskQueueResponse, Status> {
    let until = answer_by(&request, LONG_POLL);
    // The rest of the request is dropped: polls wait long.
    let PollActivityTaskQueueRequest {
        namespace,
        task_queue,
        identity,
        task_queue_metadata,
        worker_version_capabilities: capabilities,
        deployment_options: deployment,
        ..
    } = request.into_inner();
    let key = queue_key(context, &namespace, task_queue.as_ref(), true)?;
    let worker = worker(context, &identity, capabilities.clone());
    let rate = task_queue_metadata.and_then(|metadata| metadata.max_tasks_per_second);
    let poller = Poller::enter(context, key, Polled { identity, rate, capabilities, deployment })?;
    while let Some(mut taken) = poller.next(until).await {
        let Some(Queued::Task(Task::Activity { run, scheduled_event_id, attempt, stamp, .. })) =
            taken.queued()
        else {
            taken.keep(false);
            continue;
        };
        let (run, id, attempt) = (*run, *scheduled_event_id, (*attempt, *stamp));
        let start = context.transition(
            (),
            |executions, ()| executions.is_readable(run),
            |transition, (), exists| {
                let started =
                    exists && transition.change(run, |run| attempt::start(run, id, attempt, &worker));
                Ok(if started { activity_task::response(run, transition.run(run), id) } else { None })
            },
            |_, _| {},
        );
        let (response, position) = start.await?;
        let (response, advice) = (response?, taken.advice);
        taken.keep(response.is_some());
        if let Some(mut response) = response {
            response.poller_scaling_decision = advice;
            if is_last_attempt(&response) {
                context.on_disk(position).await?;
            }
            return Ok(response);
        }
    }
    Ok(PollActivityTaskQueueResponse::default())
}

/// An attempt after which there is none must be known to have started, or a crash would give another.
fn is_last_attempt(response: &PollActivityTaskQueueResponse) -> bool {
    let attempts = response.retry_policy.as_ref().map_or(0, |policy| policy.maximum_attempts);
    attempts > 0 && response.attempt >= attempts
}
