//! ListSchedules: newest first.

use bytes::Bytes;
use host_wire::temporal::api::workflowservice::v1::{ListSchedulesRequest, ListSchedulesResponse};
use prost::Message;
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::executions::Executions,
    limits,
    schedule::{describe::entry, listed, record::ScheduleNumber, state::Schedule},
    visibility::filter::{Filter, Listed},
};

/// Schedules of a page, at most and where the request says nothing.
const PAGE_SCHEDULES: usize = 1_000;

/// The last schedule of the page before, as `next_page_token`.
#[derive(Clone, PartialEq, Message)]
struct After {
    #[prost(uint64, tag = "1")]
    schedule: ScheduleNumber,
}

pub(crate) async fn handle(
    context: &Context,
    request: ListSchedulesRequest,
) -> Result<ListSchedulesResponse, Status> {
    let filter = listed::filter(&request.query, &context.search_attributes(&request.namespace)?)?;
    let before = match &request.next_page_token {
        token if token.is_empty() => ScheduleNumber::MAX,
        token => After::decode(token.clone()).map_err(|_| Error::invalid("Invalid NextPageToken."))?.schedule,
    };
    let size = usize::try_from(request.maximum_page_size).ok().filter(|size| *size > 0);
    let size = size.unwrap_or(PAGE_SCHEDULES).min(PAGE_SCHEDULES);
    let (response, position) = {
        let shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let matching = shard.executions.schedules.before(&request.namespace, before);
        let mut matching =
            matching.filter(|(_, schedule)| matches(&filter, schedule, &shard.executions)).peekable();
        let mut response = ListSchedulesResponse::default();
        let mut bytes = 0;
        while let Some((number, schedule)) = matching.next() {
            let entry = entry(schedule);
            bytes += entry.encoded_len();
            response.schedules.push(entry);
            let is_full = response.schedules.len() == size || bytes > limits::PAGE_BYTES;
            if is_full && matching.peek().is_some() {
                response.next_page_token = Bytes::from(After { schedule: number }.encode_to_vec());
                break;
            }
        }
        (response, shard.position())
    };
    context.on_disk(position).await?;
    Ok(response)
}

/// Whether a list with this filter has a schedule.
pub(super) fn matches(filter: &Filter, schedule: &Schedule, executions: &Executions) -> bool {
    filter.matches(&Listed::from(&listed::workflow(schedule, &executions.search_attributes)))
}
