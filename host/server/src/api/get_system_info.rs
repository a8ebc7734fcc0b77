//! GetSystemInfo. It advertises only what the service does: workers rely on it.

use host_wire::temporal::api::workflowservice::v1::{GetSystemInfoResponse, get_system_info_response};

/// The version of Temporal's server whose behaviour this follows; clients compare it.
pub(crate) const SERVER_VERSION: &str = "1.29.1";

pub(crate) fn handle() -> GetSystemInfoResponse {
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
