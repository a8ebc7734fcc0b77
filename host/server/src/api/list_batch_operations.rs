//! ListBatchOperations: newest first.

use bytes::Bytes;
use host_wire::temporal::api::workflowservice::v1::{
    ListBatchOperationsRequest, ListBatchOperationsResponse,
};
use prost::Message;
use tonic::Status;

use crate::{
    api::context::Context,
    batch::{describe::info, record::BatchNumber},
    error::Error,
};

/// Batch operations of a page, at most and where the request says nothing. `frontend.visibilityMaxPageSize`.
const PAGE_BATCHES: usize = 1_000;

/// The last batch operation of the page before, as `next_page_token`.
#[derive(Clone, PartialEq, Message)]
struct After {
    #[prost(uint64, tag = "1")]
    batch: BatchNumber,
}

pub(crate) async fn handle(
    context: &Context,
    request: ListBatchOperationsRequest,
) -> Result<ListBatchOperationsResponse, Status> {
    if request.namespace.is_empty() {
        return Err(Error::invalid("Namespace is empty.").into());
    }
    let before = match &request.next_page_token {
        token if token.is_empty() => BatchNumber::MAX,
        token => After::decode(token.clone()).map_err(|_| Error::invalid("Invalid NextPageToken."))?.batch,
    };
    let size = usize::try_from(request.page_size).ok().filter(|size| *size > 0);
    let size = size.unwrap_or(PAGE_BATCHES).min(PAGE_BATCHES);
    let (response, position) = {
        let shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let mut batches = shard.executions.batches.before(&request.namespace, before).peekable();
        let mut response = ListBatchOperationsResponse::default();
        while let Some((number, batch)) = batches.next() {
            response.operation_info.push(info(batch));
            if response.operation_info.len() == size && batches.peek().is_some() {
                response.next_page_token = Bytes::from(After { batch: number }.encode_to_vec());
                break;
            }
        }
        (response, shard.position())
    };
    context.on_disk(position).await?;
    Ok(response)
}
