//! DescribeNamespace.

use std::time::Duration;

use host_wire::{
    duration_to_proto,
    temporal::api::{
        enums::v1::{ArchivalState, NamespaceState},
        namespace::v1::{NamespaceConfig, NamespaceInfo, namespace_info},
        replication::v1::NamespaceReplicationConfig,
        workflowservice::v1::{DescribeNamespaceRequest, DescribeNamespaceResponse},
    },
};
use tonic::Status;

use crate::{api::context::Context, error::Error, limits, namespace::namespace_id};

pub(crate) fn handle(
    context: &Context,
    request: &DescribeNamespaceRequest,
) -> Result<DescribeNamespaceResponse, Status> {
    let (name, id) = (&request.namespace, &request.id);
    if name.is_empty() && id.is_empty() {
        return Err(Error::invalid("Namespace not set on request.").into());
    }
    let shard = context.lock();
    let found = shard
        .executions
        .namespaces()
        .find(|known| if name.is_empty() { namespace_id(known) == *id } else { known == name });
    match found {
        Some(name) => Ok(description(name, context.retention())),
        None if name.is_empty() => Err(Error::NamespaceNotFound(id.clone()).into()),
        None => Err(Error::NamespaceNotFound(name.clone()).into()),
    }
}

/// What is said of a namespace; `retention` is how long closed runs are kept.
pub(crate) fn description(name: &str, retention: Duration) -> DescribeNamespaceResponse {
    let bytes = |limit: usize| i64::try_from(limit).unwrap_or(i64::MAX);
    DescribeNamespaceResponse {
        namespace_info: Some(NamespaceInfo {
            name: name.to_owned(),
            state: NamespaceState::Registered.into(),
            id: namespace_id(name),
            capabilities: Some(namespace_info::Capabilities {
                eager_workflow_start: true,
                sync_update: true,
                async_update: true,
                worker_heartbeats: true,
                ..Default::default()
            }),
            limits: Some(namespace_info::Limits {
                blob_size_limit_error: bytes(limits::BLOB_BYTES),
                memo_size_limit_error: bytes(limits::MEMO_BYTES),
                ..Default::default()
            }),
            ..Default::default()
        }),
        config: Some(NamespaceConfig {
            workflow_execution_retention_ttl: Some(duration_to_proto(retention)),
            history_archival_state: ArchivalState::Disabled.into(),
            visibility_archival_state: ArchivalState::Disabled.into(),
            ..Default::default()
        }),
        replication_config: Some(NamespaceReplicationConfig {
            active_cluster_name: "active".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    }
}
