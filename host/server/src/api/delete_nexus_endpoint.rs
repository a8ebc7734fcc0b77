//! `OperatorService.DeleteNexusEndpoint`. Operations that are scheduled under it fail at their next attempt.

use host_wire::temporal::api::operatorservice::v1::{
    DeleteNexusEndpointRequest, DeleteNexusEndpointResponse,
};
use tonic::Status;

use crate::{api::context::Context, error::Error, nexus::spec};

pub(crate) async fn handle(
    context: &Context,
    request: DeleteNexusEndpointRequest,
) -> Result<DeleteNexusEndpointResponse, Status> {
    let change = context.change(
        request,
        |executions, r| {
            // That it is positive is all that Temporal's server wants of the version.
            spec::check_deletion(&r.id, r.version)?;
            let found = executions.endpoints.by_id(&r.id).map(|(number, _)| number);
            let missing = || Error::NotFound(format!("error deleting nexus endpoint with ID: {}", r.id));
            Ok(found.ok_or_else(missing)?)
        },
        |transition, _, number| {
            transition.delete_endpoint(number);
            Ok(DeleteNexusEndpointResponse {})
        },
    );
    change.await
}
