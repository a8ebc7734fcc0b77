//! GetClusterInfo.

use host_wire::temporal::api::{version::v1::VersionInfo, workflowservice::v1::GetClusterInfoResponse};

use crate::{api::get_system_info::SERVER_VERSION, namespace::namespace_id};

pub(crate) fn handle() -> GetClusterInfoResponse {
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
