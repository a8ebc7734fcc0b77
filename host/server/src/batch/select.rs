//! The runs that a batch operation is about.

use std::{collections::BTreeMap, sync::Arc};

use host_wire::temporal::api::{
    common::v1::WorkflowExecution,
    workflowservice::v1::{StartBatchOperationRequest, start_batch_operation_request::Operation},
};
use tonic::Status;

use crate::{
    batch::request::is_of_open_runs,
    error::Error,
    execution::record::RunNumber,
    limits,
    shard::context::ShardContext,
    visibility::{
        filter::Filter,
        registry::Custom,
        scan::{Scan, scan},
    },
};

/// The filter of a batch operation.
///
/// # Errors
///
/// When it is none.
pub(crate) fn filter(query: &str, operation: Option<&Operation>, custom: &Custom) -> Result<Filter, Error> {
    let filter = Filter::parse(query, custom)?;
    if filter.grouped_by_status {
        return Err(Error::invalid("invalid query: operation is not supported: 'group by' clause"));
    }
    if !is_of_open_runs(operation) {
        return Ok(filter);
    }
    Filter::parse(&format!("({query}) AND (ExecutionStatus = 'Running')"), custom)
}

fn of_request(context: &ShardContext, request: &StartBatchOperationRequest) -> Result<Filter, Error> {
    let custom = context.search_attributes(&request.namespace)?;
    filter(&request.visibility_query, request.operation.as_ref(), &custom)
}

/// How many runs with numbers below `before` a request is about.
///
/// # Errors
///
/// When the filter does not hold any more, or the service ends.
pub(super) async fn count(
    context: &Arc<ShardContext>,
    request: &StartBatchOperationRequest,
    before: RunNumber,
) -> Result<i64, Status> {
    if request.visibility_query.is_empty() {
        return Ok(i64::try_from(request.executions.len()).unwrap_or(i64::MAX));
    }
    let all = Scan {
        namespace: request.namespace.clone(),
        before,
        filter: of_request(context, request)?,
        most: usize::MAX,
        most_bytes: usize::MAX,
        sum: 0_i64,
        add: |count, _, _| *count += 1,
    };
    scan(context, all).await
}

/// The next runs with numbers below `before`, the latest first; none when there are no more.
///
/// # Errors
///
/// As [`count`].
pub(super) async fn page(
    context: &Arc<ShardContext>,
    request: &StartBatchOperationRequest,
    before: RunNumber,
) -> Result<Vec<(RunNumber, WorkflowExecution)>, Status> {
    let all = Scan {
        namespace: request.namespace.clone(),
        before,
        filter: of_request(context, request)?,
        most: limits::BATCH_PAGE,
        most_bytes: usize::MAX,
        sum: BTreeMap::new(),
        add: |found, number, info| {
            found.insert(number, info.execution.unwrap_or_default());
            if found.len() > limits::BATCH_PAGE {
                found.pop_first();
            }
        },
    };
    Ok(scan(context, all).await?.into_iter().rev().collect())
}
