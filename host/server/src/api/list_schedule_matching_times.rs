//! ListScheduleMatchingTimes.

use host_wire::temporal::api::workflowservice::v1::{
    ListScheduleMatchingTimesRequest, ListScheduleMatchingTimesResponse,
};
use tonic::Status;

use crate::{api::context::Context, error::Error, time::Time};

pub(crate) async fn handle(
    context: &Context,
    request: ListScheduleMatchingTimesRequest,
) -> Result<ListScheduleMatchingTimesResponse, Status> {
    let (start, end) = match (request.start_time, request.end_time) {
        (Some(start), Some(end)) => (Time::from(start), Time::from(end)),
        _ => return Err(Error::invalid("missing or invalid query").into()),
    };
    let (schedule, position) = {
        let shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let found = shard.executions.schedules.find(&request.namespace, &request.schedule_id)?;
        let (_, schedule) = found.ok_or_else(Error::no_schedule)?;
        (schedule.clone(), shard.position())
    };
    context.on_disk(position).await?;
    // Outside the lock, and on a thread that may take its time.
    let times = context.blocking(move || schedule.matching_times(start, end)).await?;
    let start_time = times.map_err(Error::FailedPrecondition)?;
    Ok(ListScheduleMatchingTimesResponse { start_time })
}
