//! Parts of list filters that requests spell out in fields.

use bytes::Bytes;
use host_wire::temporal::api::{
    filter::v1::StartTimeFilter,
    workflowservice::v1::{ListWorkflowExecutionsRequest, ListWorkflowExecutionsResponse},
};
use tonic::Status;

use crate::{
    api::{context::Context, list_workflow_executions},
    error::Error,
};

/// A page of the runs that match all parts of a filter. `page` is the namespace, the size and the token.
pub(crate) async fn list(
    context: &Context,
    (namespace, page_size, next_page_token): (String, i32, Bytes),
    filter: Vec<String>,
) -> Result<ListWorkflowExecutionsResponse, Status> {
    let query = filter.join(" AND ");
    let request = ListWorkflowExecutionsRequest { namespace, page_size, next_page_token, query };
    list_workflow_executions::handle(context, request).await
}

/// `field = 'text'`.
pub(crate) fn equal(field: &str, text: &str) -> String {
    format!("{field} = '{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A time within the bounds that are set.
///
/// # Errors
///
/// When the earliest is later than the latest.
pub(crate) fn between(field: &str, filter: Option<StartTimeFilter>) -> Result<Vec<String>, Error> {
    let StartTimeFilter { earliest_time, latest_time } = filter.unwrap_or_default();
    if let (Some(earliest), Some(latest)) = (&earliest_time, &latest_time)
        && (earliest.seconds, earliest.nanos) > (latest.seconds, latest.nanos)
    {
        let message = "EarliestTime in StartTimeFilter should not be larger than LatestTime.";
        return Err(Error::invalid(message));
    }
    let earliest = earliest_time.map(|time| format!("{field} >= '{time}'"));
    let latest = latest_time.map(|time| format!("{field} <= '{time}'"));
    Ok(earliest.into_iter().chain(latest).collect())
}
