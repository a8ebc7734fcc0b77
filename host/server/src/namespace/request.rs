//! RegisterNamespace and UpdateNamespace: what requests ask for, as `namespaceHandler` of Temporal's server takes it.

use host_wire::temporal::api::{
    enums::v1::NamespaceState as State,
    namespace::v1::{NamespaceConfig, NamespaceInfo, UpdateNamespaceInfo},
    replication::v1::NamespaceReplicationConfig,
    workflowservice::v1::{RegisterNamespaceRequest, UpdateNamespaceRequest},
};
use prost::Message as _;
use prost_types::Duration as ProtoDuration;

use crate::{
    error::Error,
    limits,
    namespace::{describe::CLUSTER, namespaces::Namespace},
    time::{Time, check_and_cap, positive},
};

/// The namespace that a request registers.
///
/// # Errors
///
/// When it is for several clusters, or the retention is too short.
pub(crate) fn registered(request: RegisterNamespaceRequest) -> Result<Namespace, Error> {
    if request.is_global_namespace {
        return Err(Error::invalid("Cannot register global namespace when not enabled"));
    }
    let retention = checked_retention(request.workflow_execution_retention_period)?;
    check_clusters(&NamespaceReplicationConfig {
        active_cluster_name: request.active_cluster_name,
        clusters: request.clusters,
        ..NamespaceReplicationConfig::default()
    })?;
    let new = Namespace::new(&request.namespace);
    let namespace = Namespace {
        info: NamespaceInfo {
            description: request.description,
            owner_email: request.owner_email,
            data: request.data,
            ..new.info
        },
        config: NamespaceConfig { workflow_execution_retention_ttl: Some(retention), ..new.config },
    };
    check_size(namespace)
}

/// A namespace as a request changes it.
///
/// # Errors
///
/// When the change is not allowed.
pub(crate) fn updated(
    mut namespace: Namespace,
    request: UpdateNamespaceRequest,
    now: Time,
) -> Result<Namespace, Error> {
    if let Some(info) = request.update_info {
        update_info(&mut namespace.info, info)?;
    }
    if let Some(config) = request.config {
        update_config(&mut namespace.config, config, now)?;
    }
    if !request.delete_bad_binary.is_empty() {
        let binaries = namespace.config.bad_binaries.get_or_insert_default();
        if binaries.binaries.remove(&request.delete_bad_binary).is_none() {
            let checksum = request.delete_bad_binary;
            return Err(Error::invalid(format!("Bad binary checksum {checksum} doesn't exists.")));
        }
    }
    if let Some(replication) = request.replication_config {
        check_clusters(&replication)?;
    }
    if request.promote_namespace {
        return Err(Error::invalid(format!(
            "global namespace is not enabled on this cluster, cannot update global namespace or promote local \
             namespace: {}",
            request.namespace
        )));
    }
    check_size(namespace)
}

fn update_info(info: &mut NamespaceInfo, update: UpdateNamespaceInfo) -> Result<(), Error> {
    let state = update.state();
    if !update.description.is_empty() {
        info.description = update.description;
    }
    if !update.owner_email.is_empty() {
        info.owner_email = update.owner_email;
    }
    info.data.extend(update.data);
    if state != State::Unspecified && state != info.state() {
        // What is deleted goes by `DeleteNamespace`, which also removes what the namespace has.
        if (info.state(), state) != (State::Registered, State::Deprecated) {
            return Err(Error::invalid("Invalid namespace state update."));
        }
        info.set_state(state);
    }
    Ok(())
}

fn update_config(config: &mut NamespaceConfig, update: NamespaceConfig, now: Time) -> Result<(), Error> {
    if let Some(retention) = update.workflow_execution_retention_ttl {
        config.workflow_execution_retention_ttl = Some(checked_retention(Some(retention))?);
    }
    if let Some(bad) = update.bad_binaries {
        let binaries = &mut config.bad_binaries.get_or_insert_default().binaries;
        for (checksum, mut info) in bad.binaries {
            info.create_time = Some(now.into());
            binaries.insert(checksum, info);
        }
        if binaries.len() > limits::BAD_BINARIES {
            let most = limits::BAD_BINARIES;
            return Err(Error::invalid(format!("Total resetBinaries cannot exceed the max limit: {most}")));
        }
    }
    if !update.custom_search_attribute_aliases.is_empty() {
        return Err(Error::invalid(
            "search attributes have no fields with aliases here: register them by their names",
        ));
    }
    Ok(())
}

/// A retention that is long enough, or the refusal of one that is not.
fn checked_retention(retention: Option<ProtoDuration>) -> Result<ProtoDuration, Error> {
    let invalid = || Error::invalid("A valid retention period is not set on request.");
    let mut retention = retention.ok_or_else(invalid)?;
    check_and_cap(&mut retention).map_err(|_| invalid())?;
    let is_long = positive(Some(retention)).is_some_and(|it| it >= limits::NAMESPACE_RETENTION);
    if is_long { Ok(retention) } else { Err(invalid()) }
}

fn check_clusters(replication: &NamespaceReplicationConfig) -> Result<(), Error> {
    let active = Some(&replication.active_cluster_name).filter(|name| !name.is_empty());
    let clusters = replication.clusters.iter().map(|cluster| &cluster.cluster_name);
    match active.into_iter().chain(clusters).find(|name| *name != CLUSTER) {
        Some(name) => Err(Error::invalid(format!("Invalid cluster name: {name}"))),
        None => Ok(()),
    }
}

fn check_size(namespace: Namespace) -> Result<Namespace, Error> {
    if namespace.body().encoded_len() > limits::NAMESPACE_BYTES {
        let most = limits::NAMESPACE_BYTES;
        return Err(Error::invalid(format!("what is kept of a namespace exceeds {most} bytes")));
    }
    Ok(namespace)
}
