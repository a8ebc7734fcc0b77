//! UpdateWorkerDeploymentVersionMetadata.

use host_wire::temporal::api::workflowservice::v1::{
    UpdateWorkerDeploymentVersionMetadataRequest, UpdateWorkerDeploymentVersionMetadataResponse,
};
use prost::Message;
use tonic::Status;

use crate::{
    api::{change_deployment::change_deployment, context::Context},
    deployment::{
        describe::metadata,
        version::{name, named},
    },
    error::Error,
    limits,
};

pub(crate) async fn handle(
    context: &Context,
    request: UpdateWorkerDeploymentVersionMetadataRequest,
) -> Result<UpdateWorkerDeploymentVersionMetadataResponse, Status> {
    if request.upsert_entries.is_empty() && request.remove_entries.is_empty() {
        return Err(
            Error::invalid("At least one of remove_entries or upsert_entries must be provided").into()
        );
    }
    context.lock().executions.check_namespace(&request.namespace)?;
    let version = named(request.deployment_version, &request.version)?;
    let missing =
        || Error::no_workflow(&format!("temporal-sys-worker-deployment-version:{}", name(&version)));
    let names = (&*request.namespace, &*version.deployment_name);
    let (entries, _) = change_deployment(context, names, missing, |deployment| {
        let of_version = deployment.versions.get_mut(&version.build_id).ok_or_else(missing)?;
        if of_version.metadata.is_some() || !request.upsert_entries.is_empty() {
            let metadata = of_version.metadata.get_or_insert_default();
            metadata.entries.extend(request.upsert_entries);
            request.remove_entries.iter().for_each(|key| drop(metadata.entries.remove(key)));
        }
        let changed = of_version.metadata.clone();
        // Every change of a deployment writes the whole of it.
        let all = deployment.versions.values().filter_map(|version| version.metadata.as_ref());
        if all.map(Message::encoded_len).sum::<usize>() > limits::BLOB_BYTES {
            return Err(Error::invalid(
                "the metadata of the versions of the deployment exceeds the size limit",
            ));
        }
        Ok(changed)
    })
    .await?;
    Ok(UpdateWorkerDeploymentVersionMetadataResponse { metadata: entries.map(metadata) })
}
