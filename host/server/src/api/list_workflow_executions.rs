//! ListWorkflowExecutions: newest first.

use std::cmp::Reverse;

use bytes::Bytes;
use host_wire::temporal::api::{
    workflow::v1::WorkflowExecutionInfo,
    workflowservice::v1::{ListWorkflowExecutionsRequest, ListWorkflowExecutionsResponse},
};
use prost::Message;
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    execution::record::RunNumber,
    limits,
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
    let filter = Filter::parse(&request.query, &context.search_attributes(&request.namespace)?)?;
    if filter.grouped_by_status {
        return Err(Error::invalid("invalid query: operation is not supported: 'group by' clause").into());
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
        most_bytes: limits::PAGE_BYTES,
        sum: Vec::new(),
        add: |found, number, info| found.push((number, info)),
    };
    let mut found = scan(&context.shard, all).await?;
    found.sort_unstable_by_key(|(number, _)| Reverse(*number));
    let fitting = fitting(&found).min(size);
    let more = found.len() > fitting;
    found.truncate(fitting);
    let last = found.last().filter(|_| more).map(|(run, _)| After { run: *run });
    let next_page_token = last.map_or(Bytes::new(), |last| last.encode_to_vec().into());
    let executions = found.into_iter().map(|(_, info)| info).collect();
    Ok(ListWorkflowExecutionsResponse { executions, next_page_token })
}

/// How many of these have at most [`limits::PAGE_BYTES`]; at least one, which may have more.
fn fitting(found: &[(RunNumber, WorkflowExecutionInfo)]) -> usize {
    let mut bytes = 0;
    let fitting = found.iter().take_while(|(_, info)| {
        bytes += info.encoded_len();
        bytes <= limits::PAGE_BYTES
    });
    fitting.count().max(1)
}
