//! ListTaskQueuePartitions: a queue has one of each type.

use host_wire::temporal::api::{
    taskqueue::v1::TaskQueuePartitionMetadata,
    workflowservice::v1::{ListTaskQueuePartitionsRequest, ListTaskQueuePartitionsResponse},
};
use tonic::Status;

use crate::{api::context::Context, error::Error};

/// Where every partition is.
const OWNER: &str = "localhost";

pub(crate) fn handle(
    context: &Context,
    request: ListTaskQueuePartitionsRequest,
) -> Result<ListTaskQueuePartitionsResponse, Status> {
    let queue = request.task_queue.ok_or_else(|| Error::invalid("taskQueue is not set"))?;
    if queue.name.is_empty() {
        return Err(Error::invalid("missing task queue name").into());
    }
    context.lock().executions.check_namespace(&request.namespace)?;
    let only = TaskQueuePartitionMetadata { key: queue.name, owner_host_name: OWNER.to_owned() };
    Ok(ListTaskQueuePartitionsResponse {
        activity_task_queue_partitions: vec![only.clone()],
        workflow_task_queue_partitions: vec![only],
    })
}
