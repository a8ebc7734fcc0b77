//! Lists and counts of runs, newest first.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
    sync::PoisonError,
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

use super::Service;
use crate::{
    state::{
        describe,
        error::Error,
        list::{Filter, Listed, status_name},
        world::RunNumber,
    },
    storage::Row,
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
    pub(super) async fn list(
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
        let mut found = self.find_all(&request.namespace, before, filter, size + 1).await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).map(|(run, _)| After { run: *run });
        let next_page_token = last.map_or(Bytes::new(), |last| last.encode_to_vec().into());
        let executions = found.into_iter().map(|(_, info)| info).collect();
        Ok(ListWorkflowExecutionsResponse { executions, next_page_token })
    }

    pub(super) async fn count(
        &self,
        request: CountWorkflowExecutionsRequest,
    ) -> Result<CountWorkflowExecutionsResponse, Status> {
        let filter = Filter::parse(&request.query)?;
        let grouped = filter.grouped_by_status;
        let mut by_status: BTreeMap<&str, i64> = BTreeMap::new();
        for (_, info) in self.find_all(&request.namespace, RunNumber::MAX, filter, usize::MAX).await? {
            *by_status.entry(status_name(info.status())).or_default() += 1;
        }
        let count = by_status.values().sum();
        let groups = if grouped { by_status.into_iter().map(group).collect() } else { Vec::new() };
        Ok(CountWorkflowExecutionsResponse { count, groups })
    }

    /// The latest runs before a number that a filter lets through, the latest first: those in memory
    /// and, while nobody waits for that, those that are not.
    async fn find_all(
        &self,
        namespace: &str,
        before: RunNumber,
        filter: Filter,
        most: usize,
    ) -> Result<Vec<(RunNumber, WorkflowExecutionInfo)>, Status> {
        let (mut found, in_memory, before, position) = {
            let mut kernel = self.lock();
            kernel.world.check_namespace(namespace)?;
            // What starts from here on is not in the answer.
            let before = before.min(kernel.world.next_number());
            let mut found = Vec::new();
            let mut in_memory = HashSet::new();
            for (number, run) in kernel.world.runs().filter(|(number, _)| *number < before) {
                in_memory.insert(number);
                if run.birth.namespace == namespace && filter.matches(&Listed::from(run)) {
                    found.push((number, describe::info(run)));
                }
            }
            (found, in_memory, before, kernel.position())
        };
        let (inner, namespace) = (self.inner.clone(), namespace.to_owned());
        let read = move || {
            let mut read = Vec::new();
            let each = |(number, info): Row| {
                if !in_memory.contains(&number) {
                    // One without information came back into memory in between.
                    let info = info.or_else(|| inner.lock().world.run(number).map(describe::info));
                    let info = info.filter(|info| filter.matches(&Listed::from(info)));
                    read.extend(info.map(|info| (number, info)));
                }
                read.len() < most
            };
            let reader = inner.storage.reader.lock().unwrap_or_else(PoisonError::into_inner);
            reader.list(&namespace, before, each).map(|()| read)
        };
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.map_err(|_| Status::unavailable("the service is shutting down"))?;
        found.extend(read.map_err(|error| {
            tracing::error!(%error, "failed to read the list of runs");
            Status::data_loss(error.to_string())
        })?);
        found.sort_unstable_by_key(|(number, _)| Reverse(*number));
        found.truncate(most);
        self.on_disk(position).await?;
        Ok(found)
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
