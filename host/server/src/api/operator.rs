//! `OperatorService`: the search attributes of namespaces, their deletion, and Nexus endpoints. Calls that are not here
//! answer UNIMPLEMENTED.

use std::collections::BTreeMap;

use host_service::operator_service_server::OperatorService;
use host_wire::temporal::api::{enums::v1::IndexedValueType as Kind, operatorservice::v1::*};
use tonic::{Request, Response, Status};

use crate::{
    api::{
        admission::{admit, answer},
        context::Context,
        create_nexus_endpoint, delete_namespace, delete_nexus_endpoint, get_nexus_endpoint,
        list_nexus_endpoints, update_nexus_endpoint,
    },
    error::Error,
    limits,
    visibility::{
        kinds::{self, INTERNAL, PREDEFINED, SYSTEM},
        registry::Custom,
    },
};

/// The calls of people who run the service.
#[derive(Clone, Debug)]
pub(crate) struct Operator(pub(crate) Context);

#[tonic::async_trait]
impl OperatorService for Operator {
    async fn add_search_attributes(
        &self,
        request: Request<AddSearchAttributesRequest>,
    ) -> Result<Response<AddSearchAttributesResponse>, Status> {
        let request = admit(request)?.into_inner();
        let added = add(&self.0, request).await;
        answer(added.map(|()| AddSearchAttributesResponse::default()))
    }

    async fn remove_search_attributes(
        &self,
        request: Request<RemoveSearchAttributesRequest>,
    ) -> Result<Response<RemoveSearchAttributesResponse>, Status> {
        let request = admit(request)?.into_inner();
        let removed = remove(&self.0, request).await;
        answer(removed.map(|()| RemoveSearchAttributesResponse::default()))
    }

    async fn list_search_attributes(
        &self,
        request: Request<ListSearchAttributesRequest>,
    ) -> Result<Response<ListSearchAttributesResponse>, Status> {
        let request = admit(request)?.into_inner();
        answer(list(&self.0, &request.namespace))
    }

    async fn delete_namespace(
        &self,
        request: Request<DeleteNamespaceRequest>,
    ) -> Result<Response<DeleteNamespaceResponse>, Status> {
        let request = admit(request)?.into_inner();
        answer(delete_namespace::handle(&self.0, request).await)
    }

    async fn create_nexus_endpoint(
        &self,
        request: Request<CreateNexusEndpointRequest>,
    ) -> Result<Response<CreateNexusEndpointResponse>, Status> {
        let request = admit(request)?.into_inner();
        answer(create_nexus_endpoint::handle(&self.0, request).await)
    }

    async fn get_nexus_endpoint(
        &self,
        request: Request<GetNexusEndpointRequest>,
    ) -> Result<Response<GetNexusEndpointResponse>, Status> {
        let request = admit(request)?.into_inner();
        answer(get_nexus_endpoint::handle(&self.0, request).await)
    }

    async fn update_nexus_endpoint(
        &self,
        request: Request<UpdateNexusEndpointRequest>,
    ) -> Result<Response<UpdateNexusEndpointResponse>, Status> {
        let request = admit(request)?.into_inner();
        answer(update_nexus_endpoint::handle(&self.0, request).await)
    }

    async fn delete_nexus_endpoint(
        &self,
        request: Request<DeleteNexusEndpointRequest>,
    ) -> Result<Response<DeleteNexusEndpointResponse>, Status> {
        let request = admit(request)?.into_inner();
        answer(delete_nexus_endpoint::handle(&self.0, request).await)
    }

    async fn list_nexus_endpoints(
        &self,
        request: Request<ListNexusEndpointsRequest>,
    ) -> Result<Response<ListNexusEndpointsResponse>, Status> {
        let request = admit(request)?.into_inner();
        answer(list_nexus_endpoints::handle(&self.0, request).await)
    }
}

async fn add(context: &Context, request: AddSearchAttributesRequest) -> Result<(), Status> {
    if request.search_attributes.is_empty() {
        return Err(Error::invalid("SearchAttributes are not set on request.").into());
    }
    let mut added = Custom::new();
    for (name, kind) in request.search_attributes {
        if kinds::is_reserved(&name) {
            return Err(Error::invalid(format!("Search attribute {name} is reserved by system.")).into());
        }
        let Ok(kind) = Kind::try_from(kind) else {
            return Err(Error::invalid(format!("Unknown search attribute type: {kind}.")).into());
        };
        added.insert(name, kind);
    }
    check_namespace(&request.namespace)?;
    context
        .change_search_attributes(&request.namespace, |custom| {
            for (name, kind) in added {
                // One that is there stays as it is, like on Temporal's server.
                if custom.contains_key(&name) {
                    continue;
                }
                let of_kind = custom.values().filter(|own| **own == kind).count();
                if kind == Kind::Unspecified || of_kind >= limits::CUSTOM_SEARCH_ATTRIBUTES {
                    let most = if kind == Kind::Unspecified { 0 } else { of_kind };
                    return Err(Error::invalid(format!(
                        "Unable to create search attributes: cannot have more than {most} search attribute of type {}.",
                        kinds::name(kind)
                    )));
                }
                custom.insert(name, kind);
            }
            Ok(())
        })
        .await
}

async fn remove(context: &Context, request: RemoveSearchAttributesRequest) -> Result<(), Status> {
    if request.search_attributes.is_empty() {
        return Err(Error::invalid("SearchAttributes are not set on request.").into());
    }
    check_namespace(&request.namespace)?;
    context
        .change_search_attributes(&request.namespace, |custom| {
            for name in &request.search_attributes {
                let is_of_all =
                    [SYSTEM, PREDEFINED, INTERNAL].iter().any(|list| kinds::of(list, name).is_some());
                if custom.remove(name).is_none() && is_of_all {
                    return Err(Error::invalid(format!(
                        "Unable to remove non-custom search attributes: {name}."
                    )));
                }
            }
            Ok(())
        })
        .await
}

fn list(context: &Context, namespace: &str) -> Result<ListSearchAttributesResponse, Status> {
    check_namespace(namespace)?;
    let custom = context.search_attributes(namespace)?;
    Ok(ListSearchAttributesResponse {
        custom_attributes: custom.into_iter().map(|(name, kind)| (name, kind.into())).collect(),
        system_attributes: of_all(),
        storage_schema: BTreeMap::new(),
    })
}

/// The attributes that every namespace has.
pub(crate) fn of_all() -> BTreeMap<String, i32> {
    let all = [SYSTEM, PREDEFINED, INTERNAL].into_iter().flatten();
    all.map(|(name, kind)| ((*name).to_owned(), (*kind).into())).collect()
}

fn check_namespace(namespace: &str) -> Result<(), Error> {
    if namespace.is_empty() {
        return Err(Error::invalid("Namespace is not set on request."));
    }
    Ok(())
}
