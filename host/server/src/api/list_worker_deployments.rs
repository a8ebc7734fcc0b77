//! ListWorkerDeployments: newest first.

use bytes::Bytes;
use host_wire::temporal::api::workflowservice::v1::{
    ListWorkerDeploymentsRequest, ListWorkerDeploymentsResponse,
};
use prost::Message;
use tonic::Status;

use crate::{api::context::Context, deployment::state::DeploymentNumber, error::Error};

/// Deployments of a page, at most and where the request says nothing. `frontend.visibilityMaxPageSize`.
const PAGE_DEPLOYMENTS: usize = 1_000;

/// The last deployment of the page before, as `next_page_token`.
#[derive(Clone, PartialEq, Message)]
struct After {
    #[prost(uint64, tag = "1")]
    deployment: DeploymentNumber,
}

pub(crate) async fn handle(
    context: &Context,
    request: ListWorkerDeploymentsRequest,
) -> Result<ListWorkerDeploymentsResponse, Status> {
    let before = match &request.next_page_token {
        token if token.is_empty() => DeploymentNumber::MAX,
        token => {
            After::decode(token.clone()).map_err(|_| Error::invalid("Invalid NextPageToken."))?.deployment
        }
    };
    let size = usize::try_from(request.page_size).ok().filter(|size| *size > 0);
    let size = size.unwrap_or(PAGE_DEPLOYMENTS).min(PAGE_DEPLOYMENTS);
    let (response, position) = {
        let shard = context.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let mut deployments = shard.executions.deployments.before(&request.namespace, before).peekable();
        let mut response = ListWorkerDeploymentsResponse::default();
        while let Some((number, deployment)) = deployments.next() {
            response.worker_deployments.push(deployment.listed());
            if response.worker_deployments.len() == size && deployments.peek().is_some() {
                response.next_page_token = Bytes::from(After { deployment: number }.encode_to_vec());
                break;
            }
        }
        (response, shard.position())
    };
    context.on_disk(position).await?;
    Ok(response)
}
