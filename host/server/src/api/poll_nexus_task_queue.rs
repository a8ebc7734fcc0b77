//! PollNexusTaskQueue. No Nexus tasks are ever made: the poll waits, as it would where there are none.

use host_wire::temporal::api::workflowservice::v1::{PollNexusTaskQueueRequest, PollNexusTaskQueueResponse};
use tokio::time::sleep_until;
use tonic::{Request, Status};

use crate::api::{
    context::Context,
    deadline::{LONG_POLL, answer_by},
    long_poll::queue_key,
    record_worker_heartbeat::record,
};

pub(crate) async fn handle(
    context: &Context,
    request: Request<PollNexusTaskQueueRequest>,
) -> Result<PollNexusTaskQueueResponse, Status> {
    let until = answer_by(&request, LONG_POLL);
    let request = request.into_inner();
    queue_key(context, &request.namespace, request.task_queue.as_ref(), false)?;
    record(context, &request.namespace, request.worker_heartbeat)?;
    tokio::select! {
        biased;
        () = sleep_until(until) => {}
        () = context.closed() => {}
    }
    Ok(PollNexusTaskQueueResponse::default())
}
