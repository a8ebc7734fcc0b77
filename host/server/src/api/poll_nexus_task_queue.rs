//! PollNexusTaskQueue.

use host_wire::temporal::api::{
    enums::v1::TaskQueueType,
    workflowservice::v1::{PollNexusTaskQueueRequest, PollNexusTaskQueueResponse},
};
use prost::Message;
use tonic::{Request, Status};

use crate::{
    api::{
        context::Context,
        deadline::{LONG_POLL, answer_by},
        long_poll::{Poller, queue_key},
        polled_version,
        record_worker_heartbeat::record,
    },
    execution::{
        loading::NotReady,
        nexus::{callback_token, state::CallKind, task},
        record::RunNumber,
        task::Task,
        token::TaskToken,
    },
    matching::{queued::Queued, queues::Polled},
    shard::Shard,
    time::Time,
};

pub(crate) async fn handle(
    context: &Context,
    request: Request<PollNexusTaskQueueRequest>,
) -> Result<PollNexusTaskQueueResponse, Status> {
    let until = answer_by(&request, LONG_POLL);
    let PollNexusTaskQueueRequest {
        namespace,
        task_queue,
        identity,
        worker_version_capabilities: capabilities,
        deployment_options: deployment,
        worker_heartbeat,
        ..
    } = request.into_inner();
    let key = queue_key(context, &namespace, task_queue.as_ref(), TaskQueueType::Nexus)?;
    record(context, &namespace, worker_heartbeat)?;
    let version = polled_version::of(capabilities.as_ref(), deployment.as_ref())?;
    let key = polled_version::register(context, key, task_queue.as_ref(), version.as_ref()).await?;
    let poller = Poller::enter(context, key, Polled { identity, rate: None, capabilities, deployment })?;
    while let Some(mut taken) = poller.next(until).await {
        let Some(Queued::Task(Task::Nexus { run, scheduled_event_id, kind, attempt, .. })) = taken.queued()
        else {
            taken.keep(false);
            continue;
        };
        let (run, id, kind, attempt) = (*run, *scheduled_event_id, *kind, *attempt);
        let now = context.now();
        // Nothing is kept of this: a call that is not answered in time is tried again, and so is one after a restart.
        let response = context.read(|shard| response(shard, run, id, (kind, attempt), now)).await?;
        let advice = taken.advice;
        taken.keep(response.is_some());
        if let Some(mut response) = response {
            response.poller_scaling_decision = advice;
            return Ok(response);
        }
    }
    Ok(PollNexusTaskQueueResponse::default())
}

/// What the worker gets; nothing when the call is not wanted any more.
fn response(
    shard: &Shard,
    number: RunNumber,
    id: i64,
    (kind, attempt): (CallKind, i32),
    now: Time,
) -> Result<Option<PollNexusTaskQueueResponse>, NotReady> {
    if !shard.executions.is_readable(number)? {
        return Ok(None);
    }
    let run = shard.executions.get(number).filter(|run| task::is_current(run, id, kind, attempt));
    let Some(run) = run else { return Ok(None) };
    let token = TaskToken::of_nexus(number, run, id, kind, attempt);
    Ok(task::request(number, run, id, callback_token::URL, now).map(|request| PollNexusTaskQueueResponse {
        task_token: token.encode_to_vec().into(),
        request: Some(request),
        ..PollNexusTaskQueueResponse::default()
    }))
}
