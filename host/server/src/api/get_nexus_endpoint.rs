//! `OperatorService.GetNexusEndpoint`.

use host_wire::temporal::api::operatorservice::v1::{GetNexusEndpointRequest, GetNexusEndpointResponse};
use tonic::Status;

use crate::{api::context::Context, error::Error, nexus::spec};

pub(crate) async fn handle(
    context: &Context,
    request: GetNexusEndpointRequest,
) -> Result<GetNexusEndpointResponse, Status> {
    spec::check_id(&request.id)?;
    let (endpoint, position) = {
        let shard = context.lock();
        let found = shard.executions.endpoints.by_id(&request.id);
        let missing = || Error::NotFound(format!("Nexus endpoint with ID `{}` not found", request.id));
        let (_, endpoint) = found.ok_or_else(missing)?;
        (endpoint.shown.clone(), shard.position())
    };
    context.on_disk(position).await?;
    Ok(GetNexusEndpointResponse { endpoint })
}
