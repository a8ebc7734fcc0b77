//! CountSchedules.

use host_wire::temporal::api::workflowservice::v1::{CountSchedulesRequest, CountSchedulesResponse};
use tonic::Status;

use crate::{
    api::{context::Context, list_schedules::check_filter},
    schedule::record::ScheduleNumber,
};

pub(crate) async fn handle(
    context: &Context,
    request: CountSchedulesRequest,
) -> Result<CountSchedulesResponse, Status> {
    check_filter(&request.query)?;
    let (count, position) = {
        let shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let all = shard.executions.schedules.before(&request.namespace, ScheduleNumber::MAX);
        (all.count(), shard.position())
    };
    context.on_disk(position).await?;
    Ok(CountSchedulesResponse { count: i64::try_from(count).unwrap_or(i64::MAX), groups: Vec::new() })
}
