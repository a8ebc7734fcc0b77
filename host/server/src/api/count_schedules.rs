//! CountSchedules.

use host_wire::temporal::api::workflowservice::v1::{CountSchedulesRequest, CountSchedulesResponse};
use tonic::Status;

use crate::{
    api::{context::Context, list_schedules::matches},
    schedule::{listed, record::ScheduleNumber},
};

pub(crate) async fn handle(
    context: &Context,
    request: CountSchedulesRequest,
) -> Result<CountSchedulesResponse, Status> {
    let filter = listed::filter(&request.query, &context.search_attributes(&request.namespace)?)?;
    let (count, position) = {
        let shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let all = shard.executions.schedules.before(&request.namespace, ScheduleNumber::MAX);
        let count = all.filter(|(_, schedule)| matches(&filter, schedule, &shard.executions)).count();
        (count, shard.position())
    };
    context.on_disk(position).await?;
    Ok(CountSchedulesResponse { count: i64::try_from(count).unwrap_or(i64::MAX), groups: Vec::new() })
}
