//! A worker's connection to the service: the handle, the fields of every request, and the service's
//! capabilities.

use std::{fmt, sync::Arc, time::Duration};

use host_service::WorkflowService;
use host_wire::temporal::api::common::v1::WorkflowExecution;
use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentOptions,
    enums::v1::TaskQueueType,
    workflowservice::v1::{
        DescribeNamespaceRequest, GetSystemInfoRequest, GetWorkflowExecutionHistoryRequest,
        GetWorkflowExecutionHistoryResponse, GetWorkflowExecutionHistoryReverseRequest,
        GetWorkflowExecutionHistoryReverseResponse, ShutdownWorkerRequest,
    },
};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::{config::Config, deployment::version::WorkerVersion, rpc, task_queues::Queues};

/// How long a page of history is asked for: a workflow task's default timeout.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the service may take to hear that the worker stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The service, and the names under which this worker calls it.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) service: Arc<dyn WorkflowService>,
    pub(crate) namespace: String,
    pub(crate) identity: String,
    /// Names this worker among those of the same identity.
    pub(crate) instance_key: String,
    /// The version of a worker deployment that this worker is, if it is one.
    pub(crate) version: Option<WorkerVersion>,
    pub(crate) capabilities: Capabilities,
}

/// What the service advertises (`GetSystemInfo`, `DescribeNamespace`).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Capabilities {
    /// It records flags and names of the SDK in completed tasks.
    pub(crate) sdk_metadata: bool,
    /// It ends open polls of a worker that says it stops.
    pub(crate) ends_polls_on_shutdown: bool,
}

/// Why a worker cannot use the service.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The service does not answer.
    #[error("failed to reach the Temporal Service: {}", .0.message())]
    Unreachable(#[source] Status),
    /// The service refuses this client.
    #[error("the Temporal Service refused the connection: {}", .0.message())]
    Refused(#[source] Status),
    /// The namespace does not exist.
    #[error("namespace `{namespace}` does not exist; create it, or name another one")]
    NoNamespace {
        /// The namespace asked for.
        namespace: String,
    },
}

impl Connection {
    /// Asks the service for its capabilities, and whether the namespace exists.
    pub(crate) async fn open(
        service: Arc<dyn WorkflowService>,
        config: &Config,
    ) -> Result<Self, ConnectError> {
        let system = rpc::once(rpc::CALL_TIMEOUT, GetSystemInfoRequest::default(), |request| {
            service.get_system_info(request)
        });
        let system = match system.await {
            Ok(system) => system.capabilities.unwrap_or_default(),
            // Older than the call.
            Err(status) if status.code() == Code::Unimplemented => Default::default(),
            Err(status) => return Err(ConnectError::of(status)),
        };
        let message = DescribeNamespaceRequest { namespace: config.namespace.clone(), ..Default::default() };
        let namespace = rpc::once(rpc::CALL_TIMEOUT, message, |request| service.describe_namespace(request));
        let namespace = match namespace.await {
            Ok(namespace) => namespace.namespace_info.and_then(|info| info.capabilities),
            // Older than the capabilities of namespaces, or another product that has none.
            Err(status) if status.code() == Code::Unimplemented => None,
            Err(status) if status.code() == Code::NotFound => {
                return Err(ConnectError::NoNamespace { namespace: config.namespace.clone() });
            }
            Err(status) => return Err(ConnectError::of(status)),
        };
        let instance_key: u128 = rand::random();
        Ok(Self {
            service,
            namespace: config.namespace.clone(),
            identity: config.identity.clone(),
            instance_key: format!("{instance_key:032x}"),
            version: config.version.clone(),
            capabilities: Capabilities {
                sdk_metadata: system.sdk_metadata,
                ends_polls_on_shutdown: namespace
                    .is_some_and(|namespace| namespace.worker_poll_complete_on_shutdown),
            },
        })
    }

    /// `deployment_options` of requests: the version that this worker is. Nothing for a worker without one.
    pub(crate) fn deployment_options(&self) -> Option<WorkerDeploymentOptions> {
        self.version.as_ref().map(WorkerVersion::options)
    }

    /// The build id of the version that this worker is, for the log.
    pub(crate) fn build_id(&self) -> Option<String> {
        self.version.as_ref().map(|version| version.module().build_id())
    }

    /// A page of a run's history.
    pub(crate) async fn history_page(
        &self,
        execution: &WorkflowExecution,
        next_page_token: bytes::Bytes,
    ) -> Result<GetWorkflowExecutionHistoryResponse, Status> {
        history_page(&*self.service, &self.namespace, execution, next_page_token).await
    }

    /// A page of a run's history, newest events first.
    pub(crate) async fn history_page_reverse(
        &self,
        execution: &WorkflowExecution,
        next_page_token: bytes::Bytes,
    ) -> Result<GetWorkflowExecutionHistoryReverseResponse, Status> {
        let message = GetWorkflowExecutionHistoryReverseRequest {
            namespace: self.namespace.clone(),
            execution: Some(execution.clone()),
            next_page_token,
            ..Default::default()
        };
        rpc::retried(Instant::now() + HISTORY_TIMEOUT, message, |request| {
            self.service.get_workflow_execution_history_reverse(request)
        })
        .await
    }

    /// Tells the service that the worker stops: its sticky queue is void, and its polls end where the
    /// service ends polls.
    pub(crate) async fn shut_down(&self, queues: &Queues, types: Vec<TaskQueueType>) {
        let message = ShutdownWorkerRequest {
            namespace: self.namespace.clone(),
            sticky_task_queue: queues.sticky_name().to_owned(),
            identity: self.identity.clone(),
            reason: "shutdown".to_owned(),
            worker_instance_key: self.instance_key.clone(),
            task_queue: queues.normal_name().to_owned(),
            task_queue_types: types.into_iter().map(i32::from).collect(),
            ..Default::default()
        };
        let call = rpc::once(SHUTDOWN_TIMEOUT, message, |request| self.service.shutdown_worker(request));
        if let Err(status) = call.await {
            // A courtesy: without it the service finds out within seconds.
            tracing::debug!(error = status.message(), "failed to announce the shutdown");
        }
    }
}

/// A page of a run's history, for callers that are no worker.
pub(crate) async fn history_page(
    service: &dyn WorkflowService,
    namespace: &str,
    execution: &WorkflowExecution,
    next_page_token: bytes::Bytes,
) -> Result<GetWorkflowExecutionHistoryResponse, Status> {
    let message = GetWorkflowExecutionHistoryRequest {
        namespace: namespace.to_owned(),
        execution: Some(execution.clone()),
        next_page_token,
        ..Default::default()
    };
    rpc::retried(Instant::now() + HISTORY_TIMEOUT, message, |request| {
        service.get_workflow_execution_history(request)
    })
    .await
}

impl ConnectError {
    fn of(status: Status) -> Self {
        match status.code() {
            Code::InvalidArgument | Code::PermissionDenied | Code::Unauthenticated => Self::Refused(status),
            _ => Self::Unreachable(status),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("namespace", &self.namespace)
            .field("identity", &self.identity)
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}
