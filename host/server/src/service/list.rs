//! Lists and counts of runs, newest first.

use std::{cmp::Reverse, collections::BTreeMap};

use bytes::Bytes;
use host_wire::temporal::api::{
    common::v1::Payload,
    workflowservice::v1::{
        CountWorkflowExecutionsRequest, CountWorkflowExecutionsResponse, ListWorkflowExecutionsRequest,
        ListWorkflowExecutionsResponse, count_workflow_executions_response::AggregationGroup,
    },
};
use prost::Message;
use tonic::Status;

use super::Service;
use crate::state::{
    describe,
    error::Error,
    list::{Filter, status_name},
    run::Run,
    world::RunNumber,
};

/// Runs of a page, at most and where the request says nothing.
const PAGE_RUNS: usize = 1_000;

/// The last run of the page before.
#[derive(Clone, PartialEq, Message)]
struct After {
    #[prost(int64, tag = "1")]
    start_nanos: i64,
    #[prost(uint64, tag = "2")]
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
        let after = match &request.next_page_token {
            token if token.is_empty() => None,
            token => {
                Some(After::decode(token.clone()).map_err(|_| Error::invalid("Invalid NextPageToken."))?)
            }
        };
        let size = usize::try_from(request.page_size).ok().filter(|size| *size > 0);
        let size = size.unwrap_or(PAGE_RUNS).min(PAGE_RUNS);
        let (response, position) = {
            let kernel = self.lock();
            kernel.world.check_namespace(&request.namespace)?;
            let key = |number: RunNumber, run: &Run| Reverse((run.start_time.0, number));
            let mut found: Vec<_> = kernel
                .world
                .runs()
                .filter(|(_, run)| run.birth.namespace == request.namespace && filter.matches(run))
                .filter(|(number, run)| {
                    let before = after.as_ref().map(|after| Reverse((after.start_nanos, after.run)));
                    before.is_none_or(|before| key(*number, run) > before)
                })
                .collect();
            found.sort_unstable_by_key(|(number, run)| key(*number, run));
            let more = found.len() > size;
            found.truncate(size);
            let next = found.last().filter(|_| more).map_or(Bytes::new(), |(number, run)| {
                After { start_nanos: run.start_time.0, run: *number }.encode_to_vec().into()
            });
            let executions = found.iter().map(|(_, run)| describe::info(run)).collect();
            let response = ListWorkflowExecutionsResponse { executions, next_page_token: next };
            (response, kernel.position())
        };
        self.on_disk(position).await?;
        Ok(response)
    }

    pub(super) async fn count(
        &self,
        request: CountWorkflowExecutionsRequest,
    ) -> Result<CountWorkflowExecutionsResponse, Status> {
        let filter = Filter::parse(&request.query)?;
        let mut by_status: BTreeMap<&str, i64> = BTreeMap::new();
        let position = {
            let kernel = self.lock();
            kernel.world.check_namespace(&request.namespace)?;
            for (_, run) in kernel.world.runs() {
                if run.birth.namespace == request.namespace && filter.matches(run) {
                    *by_status.entry(status_name(run.status)).or_default() += 1;
                }
            }
            kernel.position()
        };
        self.on_disk(position).await?;
        let count = by_status.values().sum();
        let groups =
            if filter.grouped_by_status { by_status.into_iter().map(group).collect() } else { Vec::new() };
        Ok(CountWorkflowExecutionsResponse { count, groups })
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
