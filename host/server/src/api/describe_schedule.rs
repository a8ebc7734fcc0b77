//! DescribeSchedule.

use host_wire::temporal::api::workflowservice::v1::{DescribeScheduleRequest, DescribeScheduleResponse};
use tonic::Status;

use crate::{api::context::Context, error::Error, schedule::describe::describe};

pub(crate) async fn handle(
    context: &Context,
    request: DescribeScheduleRequest,
) -> Result<DescribeScheduleResponse, Status> {
    let (description, position) = {
        let shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let found = shard.executions.schedules.find(&request.namespace, &request.schedule_id)?;
        let (_, schedule) = found.ok_or_else(Error::no_schedule)?;
        (describe(schedule), shard.position())
    };
    context.on_disk(position).await?;
    Ok(description)
}
