//! Lists and counts of runs, newest first.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use bytes::Bytes;
use host_wire::temporal::api::{
    common::v1::Payload,
    workflow::v1::WorkflowExecutionInfo,
    workflowservice::v1::{
        CountWorkflowExecutionsRequest, CountWorkflowExecutionsResponse, ListWorkflowExecutionsRequest,
        ListWorkflowExecutionsResponse, count_workflow_executions_response::AggregationGroup,
    },
};
use prost::Message;
use tonic::Status;

use crate::{
    api::Service,
    error::Error,
    execution::{describe, record::RunNumber},
    storage::Row,
    visibility::filter::{Filter, Listed, status_name},
};

/// Runs of a page, at most and where the request says nothing.
const PAGE_RUNS: usize = 1_000;

/// The last run of the page before.
#[derive(Clone, PartialEq, Message)]
struct After {
    #[prost(uint64, tag = "1")]
    run: RunNumber,
}

impl Service {
    pub(crate) async fn list(
        &self,
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
        let found = Vec::new();
        let add = |found: &mut Vec<_>, number, info| found.push((number, info));
        let mut found = self.scan(&request.namespace, before, filter, size + 1, found, add).await?;
        found.sort_unstable_by_key(|(number, _)| Reverse(*number));
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).map(|(run, _)| After { run: *run });
        let next_page_token = last.map_or(Bytes::new(), |last| last.encode_to_vec().into());
        let executions = found.into_iter().map(|(_, info)| info).collect();
        Ok(ListWorkflowExecutionsResponse { executions, next_page_token })
    }

    pub(crate) async fn count(
        &self,
        request: CountWorkflowExecutionsRequest,
    ) -> Result<CountWorkflowExecutionsResponse, Status> {
        let filter = Filter::parse(&request.query)?;
        let grouped = filter.grouped_by_status;
        let by_status = BTreeMap::<&str, i64>::new();
        let add = |by_status: &mut BTreeMap<_, _>, _, info: WorkflowExecutionInfo| {
            *by_status.entry(status_name(info.status())).or_default() += 1;
        };
        let before = RunNumber::MAX;
        let by_status = self.scan(&request.namespace, before, filter, usize::MAX, by_status, add).await?;
        let count = by_status.values().sum();
        let groups = if grouped { by_status.into_iter().map(group).collect() } else { Vec::new() };
        Ok(CountWorkflowExecutionsResponse { count, groups })
    }

    /// Adds up runs before a number that a filter lets through: all of those in memory, and then,
    /// without anybody waiting for that, at most so many of the others, the latest first.
    async fn scan<T: Send + 'static>(
        &self,
        namespace: &str,
        before: RunNumber,
        filter: Filter,
        most: usize,
        mut sum: T,
        add: fn(&mut T, RunNumber, WorkflowExecutionInfo),
    ) -> Result<T, Status> {
        let (in_memory, before, position) = {
            let mut shard = self.lock();
            shard.executions.check_namespace(namespace)?;
            // What starts from here on is not in the answer.
            let before = before.min(shard.executions.next_number());
            let mut in_memory = HashSet::new();
            for (number, run) in shard.executions.runs().filter(|(number, _)| *number < before) {
                in_memory.insert(number);
                if run.identity.namespace == namespace && filter.matches(&Listed::from(run)) {
                    add(&mut sum, number, describe::info(run));
                }
            }
            (in_memory, before, shard.position())
        };
        let (inner, namespace) = (self.inner.clone(), namespace.to_owned());
        let read = move || {
            let mut read = 0;
            let mut each = |(number, info): Row| {
                if !in_memory.contains(&number) {
                    // One without information came back into memory in between.
                    let info = info.or_else(|| inner.lock().executions.run(number).map(describe::info));
                    if let Some(info) = info.filter(|info| filter.matches(&Listed::from(info))) {
                        read += 1;
                        add(&mut sum, number, info);
                    }
                }
                read < most
            };
            inner.storage.list(&namespace, before, &mut each).map(|()| sum)
        };
        let read = self.inner.environment.blocking.run(read).await;
        let read = read.map_err(|_| Status::unavailable("the service is shutting down"))?;
        let sum = read.map_err(|error| {
            tracing::error!(%error, "failed to read the list of runs");
            Status::data_loss(error.to_string())
        })?;
        self.on_disk(position).await?;
        Ok(sum)
    }
}

fn group((status, count): (&str, i64)) -> AggregationGroup {
    let metadata = [("encoding", "json/plain"), ("type", "Keyword")];
    AggregationGroup {
        group_values: vec![Payload {
            metadata: metadata.map(|(name, value)| (name.to_owned(), value.into())).into(),
            data: format!("\"{status}\"").into(),
            ..Payload::default()
        }],
        count,
    }
}
