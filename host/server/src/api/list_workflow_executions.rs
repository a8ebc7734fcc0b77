//! ListWorkflowExecutions: newest first.

use std::cmp::Reverse;

use bytes::Bytes;
use host_wire::temporal::api::workflowservice::v1::{
    ListWorkflowExecutionsRequest, ListWorkflowExecutionsResponse,
};
use prost::Message;
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::record::RunNumber,
    visibility::{
        filter::Filter,
        scan::{Scan, scan},
    },
};

/// Runs of a page, at most and where the request says nothing.
const PAGE_RUNS: usize = 1_000;

/// The last run of the page before, as `next_page_token`.
#[derive(Clone, PartialEq, Message)]
struct After {
    #[prost(uint64, tag = "1")]
    run: RunNumber,
}

pub(crate) async fn handle(
    context: &Context,
    request: ListWorkflowExecutionsRequest,
) -> Result<ListWorkflowExecutionsResponse, Status> {
    let filter = Filter::parse(&request.query)?;
    if filter.grouped_by_status {
        return Err(Error::invalid("invalid query: 'GROUP BY' clause is only supported by count").into());
    }
    let before = match &request.next_page_token {
        token if token.is_empty() => RunNumber::MAX,
        token => After::decode(token.clone()).map_err(|_| Error::invalid("Invalid NextPageToken."))?.run,
    };
    let size = usize::try_from(request.page_size).ok().filter(|size| *size > 0);
    let size = size.unwrap_or(PAGE_RUNS).min(PAGE_RUNS);
    let all = Scan {
        namespace: request.namespace,
        before,
        filter,
        // One more says whether there is another page.
        most: size + 1,
        sum: Vec::new(),
        add: |found, number, info| found.push((number, info)),
    };
    let mut found = scan(&context.shard, all).await?;
    found.sort_unstable_by_key(|(number, _)| Reverse(*number));
    let more = found.len() > size;
    found.truncate(size);
    let last = found.last().filter(|_| more).map(|(run, _)| After { run: *run });
    let next_page_token = last.map_or(Bytes::new(), |last| last.encode_to_vec().into());
    let executions = found.into_iter().map(|(_, info)| info).collect();
    Ok(ListWorkflowExecutionsResponse { executions, next_page_token })
}
