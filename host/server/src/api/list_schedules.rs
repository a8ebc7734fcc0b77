//! ListSchedules: newest first.

use bytes::Bytes;
use host_wire::temporal::api::workflowservice::v1::{ListSchedulesRequest, ListSchedulesResponse};
use prost::Message;
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    limits,
    schedule::{describe::entry, record::ScheduleNumber},
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
    check_filter(&request.query)?;
    let before = match &request.next_page_token {
        token if token.is_empty() => ScheduleNumber::MAX,
        token => After::decode(token.clone()).map_err(|_| Error::invalid("Invalid NextPageToken."))?.schedule,
    };
    let size = usize::try_from(request.maximum_page_size).ok().filter(|size| *size > 0);
    let size = size.unwrap_or(PAGE_SCHEDULES).min(PAGE_SCHEDULES);
    let (response, position) = {
        let shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let mut matching = shard.executions.schedules.before(&request.namespace, before).peekable();
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

/// Refuses a filter.
///
/// # Errors
///
/// When there is one.
pub(super) fn check_filter(query: &str) -> Result<(), Error> {
    if query.trim().is_empty() {
        return Ok(());
    }
    Err(Error::invalid("invalid query: schedules cannot be filtered by this service"))
}
