//! A client of the protocol, beside worker and command line: one call after another.

use anyhow::Result;
use guest_sdk_types::{Failure, Payload};
use host_service::{ConnectOptions, RemoteService, WorkflowService as _};
use host_wire::payloads_to_proto;
use host_wire::temporal::api::workflowservice::v1::{
    RecordActivityTaskHeartbeatRequest, RecordActivityTaskHeartbeatResponse,
    RespondActivityTaskCanceledRequest, RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
};
use tokio::runtime::Runtime;
use tonic::Request;

const NAMESPACE: &str = "default";
const IDENTITY: &str = "a client";

/// A client over gRPC.
pub(crate) struct ProtocolClient {
    runtime: Runtime,
    service: RemoteService,
}

impl ProtocolClient {
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = ConnectOptions { address: address.to_owned(), ..ConnectOptions::default() };
        let service = runtime.block_on(RemoteService::connect(&options))?;
        Ok(Self { runtime, service })
    }

    /// `RespondActivityTaskCompleted`.
    pub(crate) fn complete(&self, task_token: &[u8], result: &str) -> Result<(), tonic::Status> {
        let message = RespondActivityTaskCompletedRequest {
            task_token: task_token.to_vec().into(),
            result: payloads_to_proto(vec![Payload::from_json(result)]),
            identity: IDENTITY.to_owned(),
            namespace: NAMESPACE.to_owned(),
            ..Default::default()
        };
        let call = self.service.respond_activity_task_completed(Request::new(message));
        self.runtime.block_on(call).map(drop)
    }

    /// `RespondActivityTaskFailed`.
    pub(crate) fn fail(&self, task_token: &[u8], failure: Failure) -> Result<(), tonic::Status> {
        let message = RespondActivityTaskFailedRequest {
            task_token: task_token.to_vec().into(),
            failure: Some(failure.into()),
            identity: IDENTITY.to_owned(),
            namespace: NAMESPACE.to_owned(),
            ..Default::default()
        };
        let call = self.service.respond_activity_task_failed(Request::new(message));
        self.runtime.block_on(call).map(drop)
    }

    /// `RespondActivityTaskCanceled`.
    pub(crate) fn cancel(&self, task_token: &[u8]) -> Result<(), tonic::Status> {
        let message = RespondActivityTaskCanceledRequest {
            task_token: task_token.to_vec().into(),
            identity: IDENTITY.to_owned(),
            namespace: NAMESPACE.to_owned(),
            ..Default::default()
        };
        let call = self.service.respond_activity_task_canceled(Request::new(message));
        self.runtime.block_on(call).map(drop)
    }

    /// `RecordActivityTaskHeartbeat`.
    pub(crate) fn heartbeat(
        &self,
        task_token: &[u8],
        details: &str,
    ) -> Result<RecordActivityTaskHeartbeatResponse, tonic::Status> {
        let message = RecordActivityTaskHeartbeatRequest {
            task_token: task_token.to_vec().into(),
            details: payloads_to_proto(vec![Payload::from_json(details)]),
            identity: IDENTITY.to_owned(),
            namespace: NAMESPACE.to_owned(),
            ..Default::default()
        };
        let call = self.service.record_activity_task_heartbeat(Request::new(message));
        self.runtime.block_on(call).map(tonic::Response::into_inner)
    }
}
