//! `OperatorService.CreateNexusEndpoint`.

use host_wire::temporal::api::operatorservice::v1::{
    CreateNexusEndpointRequest, CreateNexusEndpointResponse,
};
use tonic::Status;

use crate::{
    api::context::Context,
    error::Error,
    limits,
    nexus::{endpoint::Endpoint, endpoints::Endpoints, spec},
};

pub(crate) async fn handle(
    context: &Context,
    request: CreateNexusEndpointRequest,
) -> Result<CreateNexusEndpointResponse, Status> {
    let change = context.change(
        request,
        |executions, r| {
            spec::check(&executions.namespaces, r.spec.as_ref())?;
            Ok(check_is_new(&executions.endpoints, r)?)
        },
        |transition, r, ()| {
            let (id, now) = (transition.new_id(), transition.now());
            let endpoint = Endpoint::new(id, r.spec.unwrap_or_default(), now);
            let number = transition.executions().endpoints.next_number();
            transition.put_endpoint(number, endpoint.clone());
            Ok(CreateNexusEndpointResponse { endpoint: endpoint.shown })
        },
    );
    change.await
}

fn check_is_new(endpoints: &Endpoints, request: &CreateNexusEndpointRequest) -> Result<(), Error> {
    let name = request.spec.as_ref().map_or("", |spec| &spec.name);
    if endpoints.by_name(name).is_some() {
        return Err(Error::AlreadyExists(format!(
            "error creating Nexus endpoint. Endpoint with name {name} already registered"
        )));
    }
    if endpoints.count() >= limits::ENDPOINTS {
        return Err(Error::too_many("Nexus endpoints"));
    }
    Ok(())
}
