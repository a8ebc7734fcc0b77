//! What the service says about itself and its namespaces. It advertises only what it does: workers
//! rely on it.

use std::time::Duration;

use host_wire::{
    duration_to_proto,
    temporal::api::{
        enums::v1::{ArchivalState, NamespaceState},
        namespace::v1::{NamespaceConfig, NamespaceInfo, namespace_info},
        replication::v1::NamespaceReplicationConfig,
        version::v1::VersionInfo,
        workflowservice::v1::{
            DescribeNamespaceRequest, DescribeNamespaceResponse, GetClusterInfoResponse,
            GetSystemInfoResponse, ListNamespacesResponse, get_system_info_response,
        },
    },
};
use tonic::Status;

use crate::{api::Service, error::Error, limits, namespace::namespace_id};

/// The version of Temporal's server whose behaviour this follows; clients compare it.
const SERVER_VERSION: &str = "1.29.1";

impl Service {
    pub(crate) fn system_info() -> GetSystemInfoResponse {
        GetSystemInfoResponse {
            server_version: SERVER_VERSION.to_owned(),
            capabilities: Some(get_system_info_response::Capabilities {
                signal_and_query_header: true,
                internal_error_differentiation: true,
                activity_failure_include_heartbeat: true,
                encoded_failure_attributes: true,
                upsert_memo: true,
                eager_workflow_start: true,
                // Workers then send their build id, which histories and descriptions name.
                build_id_based_versioning: true,
                sdk_metadata: true,
                count_group_by_execution_status: true,
                ..Default::default()
            }),
        }
    }

    pub(crate) fn cluster_info() -> GetClusterInfoResponse {
        let supported = [("temporal-cli", "<2.0.0"), ("temporal-go", "<2.0.0"), ("temporal-java", "<2.0.0")];
        GetClusterInfoResponse {
            supported_clients: supported.map(|(name, range)| (name.to_owned(), range.to_owned())).into(),
            server_version: SERVER_VERSION.to_owned(),
            cluster_id: namespace_id("cluster"),
            version_info: Some(VersionInfo::default()),
            cluster_name: "active".to_owned(),
            history_shard_count: 1,
            persistence_store: "sqlite".to_owned(),
            visibility_store: "sqlite".to_owned(),
            ..Default::default()
        }
    }

    pub(crate) fn describe_namespace(
        &self,
        request: &DescribeNamespaceRequest,
    ) -> Result<DescribeNamespaceResponse, Status> {
        let shard = self.lock();
        if request.namespace.is_empty() && request.id.is_empty() {
            return Err(Error::invalid("Namespace not set on request.").into());
        }
        let found = shard.executions.namespaces().find(|name| {
            if request.namespace.is_empty() {
                namespace_id(name) == request.id
            } else {
                *name == request.namespace
            }
        });
        match found {
            Some(name) => Ok(namespace(name, self.inner.retention)),
            None if request.namespace.is_empty() => Err(Error::NamespaceNotFound(request.id.clone()).into()),
            None => Err(Error::NamespaceNotFound(request.namespace.clone()).into()),
        }
    }

    pub(crate) fn list_namespaces(&self) -> ListNamespacesResponse {
        let shard = self.lock();
        let namespaces =
            shard.executions.namespaces().map(|name| namespace(name, self.inner.retention)).collect();
        ListNamespacesResponse { namespaces, next_page_token: bytes::Bytes::new() }
    }
}

fn namespace(name: &str, retention: Duration) -> DescribeNamespaceResponse {
    let bytes = |limit: usize| i64::try_from(limit).unwrap_or(i64::MAX);
    DescribeNamespaceResponse {
        namespace_info: Some(NamespaceInfo {
            name: name.to_owned(),
            state: NamespaceState::Registered.into(),
            id: namespace_id(name),
            capabilities: Some(namespace_info::Capabilities {
                eager_workflow_start: true,
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
