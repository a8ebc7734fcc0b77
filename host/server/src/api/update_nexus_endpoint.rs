//! `OperatorService.UpdateNexusEndpoint`: the whole spec is replaced.

use host_wire::temporal::api::operatorservice::v1::{
    UpdateNexusEndpointRequest, UpdateNexusEndpointResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    nexus::{
        endpoint::{Endpoint, EndpointNumber},
        endpoints::Endpoints,
        spec,
    },
};

pub(crate) async fn handle(
    context: &Context,
    request: UpdateNexusEndpointRequest,
) -> Result<UpdateNexusEndpointResponse, Status> {
    let change = context.change(
        request,
        |executions, r| {
            spec::check(&executions.namespaces, r.spec.as_ref())?;
            Ok(find(&executions.endpoints, r)?)
        },
        |transition, r, (number, endpoint)| {
            let endpoint = endpoint.updated(r.spec.unwrap_or_default(), transition.now());
            transition.put_endpoint(number, endpoint.clone());
            Ok(UpdateNexusEndpointResponse { endpoint: endpoint.shown })
        },
    );
    change.await
}

fn find(
    endpoints: &Endpoints,
    request: &UpdateNexusEndpointRequest,
) -> Result<(EndpointNumber, Endpoint), Error> {
    let id = &request.id;
    let Some((number, endpoint)) = endpoints.by_id(id) else {
        return Err(Error::NotFound(format!("error updating Nexus endpoint. endpoint ID {id} not found")));
    };
    if request.version != endpoint.version() {
        return Err(Error::FailedPrecondition(format!(
            "nexus endpoint version mismatch. received: {} expected {}",
            request.version,
            endpoint.version()
        )));
    }
    // Temporal's server gives two endpoints one name here, and loses one of them.
    let name = request.spec.as_ref().map_or("", |spec| &spec.name);
    if endpoints.by_name(name).is_some_and(|other| other.id() != id) {
        return Err(Error::AlreadyExists(format!(
            "error updating Nexus endpoint. Endpoint with name {name} already registered"
        )));
    }
    Ok((number, endpoint.clone()))
}
