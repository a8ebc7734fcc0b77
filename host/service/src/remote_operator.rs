//! The calls of people who run a service, over the network.

use host_wire::temporal::api::operatorservice::v1::*;
use tonic::{Request, Response, Status};

use crate::{
    connect::{ConnectError, ConnectOptions, Transport, connect},
    operator_service_client::OperatorServiceClient,
    operator_service_server::OperatorService,
    remote::{CALL_TIMEOUT, with_deadline},
};

/// A connected Temporal Service, as those who run it call it. Clones share the connection, which reconnects by itself.
#[derive(Clone, Debug)]
pub struct RemoteOperator {
    client: OperatorServiceClient<Transport>,
}

impl RemoteOperator {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When the options cannot be used, or the address cannot be reached.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let url = options.url()?;
        Ok(Self { client: OperatorServiceClient::new(connect(options, &url).await?) })
    }
}

/// The calls of the command line; the others answer `UNIMPLEMENTED`. None is tried again: a person sees the failure.
macro_rules! forward {
    ($($call:ident($request:ident) -> $response:ident;)*) => {
        #[tonic::async_trait]
        impl OperatorService for RemoteOperator {
            $(async fn $call(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                self.client.clone().$call(with_deadline(request, CALL_TIMEOUT)).await
            })*
        }
    };
}

forward! {
    delete_namespace(DeleteNamespaceRequest) -> DeleteNamespaceResponse;
    add_search_attributes(AddSearchAttributesRequest) -> AddSearchAttributesResponse;
    remove_search_attributes(RemoveSearchAttributesRequest) -> RemoveSearchAttributesResponse;
    list_search_attributes(ListSearchAttributesRequest) -> ListSearchAttributesResponse;
    create_nexus_endpoint(CreateNexusEndpointRequest) -> CreateNexusEndpointResponse;
    get_nexus_endpoint(GetNexusEndpointRequest) -> GetNexusEndpointResponse;
    update_nexus_endpoint(UpdateNexusEndpointRequest) -> UpdateNexusEndpointResponse;
    delete_nexus_endpoint(DeleteNexusEndpointRequest) -> DeleteNexusEndpointResponse;
    list_nexus_endpoints(ListNexusEndpointsRequest) -> ListNexusEndpointsResponse;
}
