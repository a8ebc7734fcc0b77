//! PollActivityTaskQueue.

use host_wire::temporal::api::{
    enums::v1::TaskQueueType,
    workflowservice::v1::{PollActivityTaskQueueRequest, PollActivityTaskQueueResponse},
};
use tonic::{Request, Status};

use crate::{
    api::{
        activity_task,
        context::Context,
        deadline::{LONG_POLL, answer_by},
        long_poll::{Poller, queue_key, worker},
        polled_version,
    },
    execution::{activity::attempt, task::Task, worker::Worker},
    matching::{queries::Queries, queued::Queued, queues::Polled, routing},
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
    let key = queue_key(context, &namespace, task_queue.as_ref(), TaskQueueType::Activity)?;
    let version = polled_version::of(capabilities.as_ref(), deployment.as_ref())?;
    let key = polled_version::register(context, key, task_queue.as_ref(), version.as_ref()).await?;
    let worker = Worker { deployment: version, ..worker(context, &identity, capabilities.clone()) };
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
        let queued = taken.queued().cloned();
        let mut is_misplaced = false;
        let start = context.transition(
            (),
            |executions, ()| executions.is_readable(run),
            |transition, (), exists| {
                // The routing may have changed since the task was taken.
                let queries = &Queries::default();
                is_misplaced = queued.is_some_and(|queued| {
                    routing::is_misplaced(transition.executions(), queries, &poller.key, &queued)
                });
                let started = exists
                    && !is_misplaced
                    && attempt::may_start(transition, run, worker.deployment.as_ref())
                    && transition.change(run, |run| attempt::start(run, id, attempt, &worker));
                Ok(if started { activity_task::response(run, transition.run(run), id) } else { None })
            },
            |_, _| {},
        );
        let (response, position) = start.await?;
        if is_misplaced {
            // It goes back, and is sent on when it is taken again.
            continue;
        }
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
