//! Faults that users of other SDKs reported, told to this worker; `tests/field-reports.md` names the reports.
#![expect(clippy::unwrap_used, reason = "tests panic on failure")]

mod support;

use std::{
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use host_service::WorkflowService;
use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::command::Attributes,
        enums::v1::EventType,
        namespace::v1::{NamespaceInfo, namespace_info::Capabilities},
        workflowservice::v1::*,
    },
};
use host_worker::{
    CacheConfig, Config, Resources, ShutdownReport, Worker,
    modules::catalog::{Catalog, CatalogOptions},
    workflow::SandboxThreads,
};
use support::embedded::{self, Embedded, NAMESPACE, text};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, async_trait};

const TASK_QUEUE: &str = "queue";
/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Tasks that are under way at a shutdown may take so long.
const GRACE: Duration = Duration::from_millis(300);
/// A worker with nothing under way that took longer than this waited for something that does not come.
const PROMPT: Duration = Duration::from_secs(2);

type Running = (CancellationToken, JoinHandle<ShutdownReport>);

async fn worker(service: Arc<dyn WorkflowService>, folder: &Path, modules: bool) -> Running {
    let mut paths = Vec::new();
    if modules {
        let script = folder.join("script.wasm");
        std::fs::write(&script, support::guest("script")).unwrap();
        paths.push(script);
    }
    let options = CatalogOptions::new(support::engine(), folder.to_owned(), paths);
    let catalog = tokio::task::spawn_blocking(move || Catalog::open(options)).await.unwrap().unwrap();
    let threads = SandboxThreads::start_with(NonZeroUsize::MIN, catalog.background()).unwrap();
    let resources = Resources::new(Arc::new(catalog), Arc::new(threads), None, CacheConfig::default());
    let config = Config { shutdown_grace: GRACE, ..Config::new(NAMESPACE, TASK_QUEUE) };
    let worker = Worker::connect(service, resources, config).await.unwrap();
    let stop = CancellationToken::new();
    (stop.clone(), tokio::spawn(worker.run(stop)))
}

async fn stop((stop, ended): Running) -> ShutdownReport {
    stop.cancel();
    timeout(PATIENCE, ended).await.unwrap().unwrap()
}

/// A service of which polls never bring anything.
struct Unwilling {
    /// What a poll answers; without, it stays open.
    polls: Option<Status>,
    polled: AtomicU32,
    /// Whether it says that it ends polls when a worker stops. It does not.
    promises_to_end_polls: bool,
}

impl Unwilling {
    async fn poll<T>(&self) -> Result<Response<T>, Status> {
        self.polled.fetch_add(1, Ordering::Relaxed);
        match &self.polls {
            Some(status) => Err(status.clone()),
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl WorkflowService for Unwilling {
    async fn get_system_info(
        &self,
        _: Request<GetSystemInfoRequest>,
    ) -> Result<Response<GetSystemInfoResponse>, Status> {
        Ok(Response::new(GetSystemInfoResponse::default()))
    }

    async fn describe_namespace(
        &self,
        _: Request<DescribeNamespaceRequest>,
    ) -> Result<Response<DescribeNamespaceResponse>, Status> {
        let capabilities = Capabilities {
            worker_poll_complete_on_shutdown: self.promises_to_end_polls,
            ..Capabilities::default()
        };
        let namespace_info =
            Some(NamespaceInfo { capabilities: Some(capabilities), ..NamespaceInfo::default() });
        Ok(Response::new(DescribeNamespaceResponse { namespace_info, ..Default::default() }))
    }

    async fn poll_workflow_task_queue(
        &self,
        _: Request<PollWorkflowTaskQueueRequest>,
    ) -> Result<Response<PollWorkflowTaskQueueResponse>, Status> {
        self.poll().await
    }

    async fn shutdown_worker(
        &self,
        _: Request<ShutdownWorkerRequest>,
    ) -> Result<Response<ShutdownWorkerResponse>, Status> {
        Err(Status::unimplemented("unknown method ShutdownWorker"))
    }
}

#[tokio::test]
async fn a_worker_stops_whatever_its_polls_do() {
    for (polls, promises_to_end_polls) in [
        (None, false),
        (None, true),
        (Some(Status::permission_denied("no")), false),
        (Some(Status::permission_denied("no")), true),
        (Some(Status::unavailable("connection refused")), true),
        (Some(Status::resource_exhausted("namespace rate limit exceeded")), true),
    ] {
        let case = format!("{polls:?} {promises_to_end_polls}");
        let folder = tempfile::tempdir().unwrap();
        let service = Arc::new(Unwilling { polls, polled: AtomicU32::new(0), promises_to_end_polls });
        let running = worker(service.clone(), folder.path(), false).await;
        while service.polled.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let began = std::time::Instant::now();
        assert!(stop(running).await.is_clean(), "{case}");
        assert!(began.elapsed() < PROMPT, "{case}: {:?}", began.elapsed());
    }
}

/// The embedded service, with a signal that comes just before a run's first attempt to end arrives.
struct SignalsAtTheEnd {
    service: Arc<dyn WorkflowService>,
    ends: AtomicU32,
}

macro_rules! forward {
    ($($call:ident($request:ident) -> $response:ident;)*) => {
        #[async_trait]
        impl WorkflowService for SignalsAtTheEnd {
            async fn respond_workflow_task_completed(
                &self,
                request: Request<RespondWorkflowTaskCompletedRequest>,
            ) -> Result<Response<RespondWorkflowTaskCompletedResponse>, Status> {
                let ends = request.get_ref().commands.iter().any(|command| {
                    let attributes = command.attributes.as_ref();
                    matches!(attributes, Some(Attributes::CompleteWorkflowExecutionCommandAttributes(_)))
                });
                if ends && self.ends.fetch_add(1, Ordering::Relaxed) == 0 {
                    embedded::signal(&*self.service, "w", "late").await;
                }
                self.service.respond_workflow_task_completed(request).await
            }

            $(async fn $call(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                self.service.$call(request).await
            })*
        }
    };
}

forward! {
    get_system_info(GetSystemInfoRequest) -> GetSystemInfoResponse;
    describe_namespace(DescribeNamespaceRequest) -> DescribeNamespaceResponse;
    poll_workflow_task_queue(PollWorkflowTaskQueueRequest) -> PollWorkflowTaskQueueResponse;
    respond_workflow_task_failed(RespondWorkflowTaskFailedRequest) -> RespondWorkflowTaskFailedResponse;
    get_workflow_execution_history(GetWorkflowExecutionHistoryRequest) -> GetWorkflowExecutionHistoryResponse;
    get_workflow_execution_history_reverse(GetWorkflowExecutionHistoryReverseRequest)
        -> GetWorkflowExecutionHistoryReverseResponse;
    shutdown_worker(ShutdownWorkerRequest) -> ShutdownWorkerResponse;
}

/// A completion that the service refuses has not happened: the guest that made it is dropped, and the run goes
/// on with what it had not seen.
#[tokio::test]
async fn a_run_whose_end_is_refused_ends_with_what_it_missed() {
    let (embedded, folder) = (Embedded::open(), tempfile::tempdir().unwrap());
    let service = Arc::clone(&embedded.service);
    let between = Arc::new(SignalsAtTheEnd { service: Arc::clone(&service), ends: AtomicU32::new(0) });
    let running = worker(between.clone(), folder.path(), true).await;
    embedded::start(&*service, TASK_QUEUE, "Script", "w", text("timer 1\nwait\ncomplete-notes")).await;
    let end = timeout(PATIENCE, embedded::closing_event(&*service, "w")).await.unwrap();
    let Some(EventAttributes::WorkflowExecutionCompletedEventAttributes(completed)) = end.attributes else {
        panic!("it did not complete: {:?}", end.event_type())
    };
    let result = String::from_utf8(completed.result.unwrap().payloads[0].data.to_vec()).unwrap();
    assert!(result.contains("late") && result.contains("timer 1"), "{result}");
    assert_eq!(between.ends.load(Ordering::Relaxed), 2, "it ended once more");
    assert!(stop(running).await.is_clean());
}

#[tokio::test]
async fn nothing_of_an_activation_that_panics_is_sent() {
    let (embedded, folder) = (Embedded::open(), tempfile::tempdir().unwrap());
    let running = worker(Arc::clone(&embedded.service), folder.path(), true).await;
    let service = &*embedded.service;
    let script = text("activity before\ntimer 1000\npanic on purpose");
    embedded::start(service, TASK_QUEUE, "Script", "w", script).await;
    let failed = embedded::wait_for_event(service, "w", EventType::WorkflowTaskFailed);
    timeout(PATIENCE, failed).await.unwrap();
    let events = embedded::events(service, "w").await;
    let types: Vec<_> =
        events.iter().map(host_wire::temporal::api::history::v1::HistoryEvent::event_type).collect();
    assert!(
        !types.contains(&EventType::ActivityTaskScheduled) && !types.contains(&EventType::TimerStarted),
        "{types:?}"
    );
    stop(running).await;
}

/// The service refuses timers of zero, so a workflow that sleeps for no time would fail for ever.
#[tokio::test]
async fn a_timer_of_zero_fires() {
    let (embedded, folder) = (Embedded::open(), tempfile::tempdir().unwrap());
    let running = worker(Arc::clone(&embedded.service), folder.path(), true).await;
    let service = &*embedded.service;
    embedded::start(service, TASK_QUEUE, "Script", "w", text("timer 0\nwait\ncomplete done")).await;
    let end = timeout(PATIENCE, embedded::closing_event(service, "w")).await.unwrap();
    assert_eq!(end.event_type(), EventType::WorkflowExecutionCompleted);
    assert!(stop(running).await.is_clean());
}

/// The embedded service without the calls in which a worker looks at it.
struct Reserved(Arc<dyn WorkflowService>);

macro_rules! forward_reserved {
    ($($call:ident($request:ident) -> $response:ident;)*) => {
        #[async_trait]
        impl WorkflowService for Reserved {
            $(async fn $call(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                self.0.$call(request).await
            })*
        }
    };
}

forward_reserved! {
    poll_workflow_task_queue(PollWorkflowTaskQueueRequest) -> PollWorkflowTaskQueueResponse;
    respond_workflow_task_completed(RespondWorkflowTaskCompletedRequest) -> RespondWorkflowTaskCompletedResponse;
    get_workflow_execution_history(GetWorkflowExecutionHistoryRequest) -> GetWorkflowExecutionHistoryResponse;
}

#[tokio::test]
async fn a_service_need_not_describe_itself() {
    let (embedded, folder) = (Embedded::open(), tempfile::tempdir().unwrap());
    let service = Arc::clone(&embedded.service);
    let running = worker(Arc::new(Reserved(Arc::clone(&service))), folder.path(), true).await;
    embedded::start(&*service, TASK_QUEUE, "Script", "w", text("complete done")).await;
    let end = timeout(PATIENCE, embedded::closing_event(&*service, "w")).await.unwrap();
    assert_eq!(end.event_type(), EventType::WorkflowExecutionCompleted);
    assert!(stop(running).await.is_clean());
}
