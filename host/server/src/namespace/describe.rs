//! What clients see of a namespace.

use host_wire::{
    duration_to_proto,
    temporal::api::{
        enums::v1::{ArchivalState, ReplicationState},
        namespace::v1::{NamespaceConfig, NamespaceInfo, namespace_info},
        replication::v1::{ClusterReplicationConfig, NamespaceReplicationConfig},
        workflowservice::v1::DescribeNamespaceResponse,
    },
};

use crate::{
    limits,
    namespace::namespaces::{Namespace, Namespaces},
};

/// The cluster that the service is.
pub(crate) const CLUSTER: &str = "active";
/// Characters of the id in the name of a namespace that is being deleted, as with Temporal's server.
const SUFFIX_CHARACTERS: usize = 5;

/// The whole of a namespace.
pub(crate) fn describe(namespaces: &Namespaces, namespace: &Namespace) -> DescribeNamespaceResponse {
    let bytes = |limit: usize| i64::try_from(limit).unwrap_or(i64::MAX);
    let retention = duration_to_proto(namespaces.retention(namespace));
    DescribeNamespaceResponse {
        namespace_info: Some(NamespaceInfo {
            name: if namespace.is_leaving() { leaving_name(namespace) } else { namespace.info.name.clone() },
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
            supports_schedules: true,
            ..namespace.info.clone()
        }),
        config: Some(NamespaceConfig {
            workflow_execution_retention_ttl: Some(retention),
            history_archival_state: ArchivalState::Disabled.into(),
            visibility_archival_state: ArchivalState::Disabled.into(),
            bad_binaries: Some(namespace.config.bad_binaries.clone().unwrap_or_default()),
            ..namespace.config.clone()
        }),
        replication_config: Some(NamespaceReplicationConfig {
            active_cluster_name: CLUSTER.to_owned(),
            clusters: vec![ClusterReplicationConfig {
                cluster_name: CLUSTER.to_owned(),
                ..ClusterReplicationConfig::default()
            }],
            state: ReplicationState::Normal.into(),
        }),
        ..Default::default()
    }
}

/// What a namespace is called while it is being deleted.
pub(crate) fn leaving_name(namespace: &Namespace) -> String {
    let id: String = namespace.info.id.chars().take(SUFFIX_CHARACTERS).collect();
    format!("{}-deleted-{id}", namespace.info.name)
}
