//! CountWorkflowExecutions: all together, or by status.

use std::collections::BTreeMap;

use host_wire::temporal::api::{
    enums::v1::IndexedValueType as Kind,
    workflowservice::v1::{
        CountWorkflowExecutionsRequest, CountWorkflowExecutionsResponse,
        count_workflow_executions_response::AggregationGroup,
    },
};
use tonic::Status;

use crate::{
    api::context::Context,
    execution::record::RunNumber,
    visibility::{
        filter::{Filter, status_name},
        scan::{Scan, scan},
        value::encode,
    },
};

pub(crate) async fn handle(
    context: &Context,
    request: CountWorkflowExecutionsRequest,
) -> Result<CountWorkflowExecutionsResponse, Status> {
    let filter = Filter::parse(&request.query, &context.search_attributes(&request.namespace)?)?;
    let grouped = filter.grouped_by_status;
    let all = Scan {
        namespace: request.namespace,
        before: RunNumber::MAX,
        filter,
        most: usize::MAX,
        most_bytes: usize::MAX,
        sum: BTreeMap::<&str, i64>::new(),
        add: |by_status, _, info| *by_status.entry(status_name(info.status())).or_default() += 1,
    };
    let by_status = scan(&context.shard, all).await?;
    let count = by_status.values().sum();
    let groups = if grouped { by_status.into_iter().map(group).collect() } else { Vec::new() };
    Ok(CountWorkflowExecutionsResponse { count, groups })
}

fn group((status, count): (&str, i64)) -> AggregationGroup {
    AggregationGroup { group_values: vec![encode(status, Kind::Keyword)], count }
}
