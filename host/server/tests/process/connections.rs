//! More connections than the process may have files: they wait, nothing spins, and clients get in.

use std::{net::TcpStream, sync::Mutex, time::Duration};

use host_wire::temporal::api::{
    common::v1::WorkflowType, taskqueue::v1::TaskQueue, workflowservice::v1::StartWorkflowExecutionRequest,
};

use crate::child::{Service, connect};

/// Files of the service; three quarters are for connections.
const FILES: u32 = 256;
/// Connections that never say anything.
const IDLE: usize = 300;
/// When the first of them are closed, and clients get in.
const PATIENCE: Duration = Duration::from_secs(15);
/// While the processor time of the service is measured.
const MEASURED: Duration = Duration::from_secs(1);
/// Processor time in that time, in ticks of 10 ms. A loop that spins takes 100.
const TICKS: u64 = 50;

pub(crate) async fn idle_connections_stop_no_one() {
    let folder = tempfile::tempdir().unwrap();
    let address = Mutex::default();
    let service = Service::start_with_files(folder.path(), &address, FILES);
    let at = address.lock().unwrap().clone();
    let idle: Vec<TcpStream> = (0..IDLE).map(|_| TcpStream::connect(&at).unwrap()).collect();
    let before = ticks(&service);
    tokio::time::sleep(MEASURED).await;
    let used = ticks(&service) - before;
    assert!(used < TICKS, "{used} ticks of 10 ms in a second without work");
    let started = async { connect(&address).await.start_workflow_execution(start("w")).await };
    tokio::time::timeout(PATIENCE, started).await.expect("a client gets in").unwrap();
    drop(idle);
}

/// Processor time of the service so far, from `/proc`.
fn ticks(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", service.id())).unwrap();
    let fields: Vec<_> = status.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}

/// Files that the service may still open once its limit is lowered.
const FILES_LEFT: u64 = 10;
/// Connections, some of which there are no files for.
const TOO_MANY: usize = 60;

/// The limit of open files is reached itself, although connections are capped below it: others use files too.
pub(crate) async fn a_listener_without_files_waits() {
    let folder = tempfile::tempdir().unwrap();
    let address = Mutex::default();
    let service = Service::start_with_files(folder.path(), &address, FILES);
    let at = address.lock().unwrap().clone();
    let mut before = connect(&address).await;
    before.start_workflow_execution(start("before")).await.unwrap();
    let limit = open_files(&service) + FILES_LEFT;
    limit_files(&service, limit);
    let idle: Vec<TcpStream> = (0..TOO_MANY).map(|_| TcpStream::connect(&at).unwrap()).collect();
    while open_files(&service) < limit {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ticks_before = ticks(&service);
    tokio::time::sleep(MEASURED).await;
    let used = ticks(&service) - ticks_before;
    assert!(used < TICKS, "{used} ticks of 10 ms in a second without work");
    // Who is there already is served.
    before.start_workflow_execution(start("meanwhile")).await.unwrap();
    drop(idle);
    let started = async { connect(&address).await.start_workflow_execution(start("after")).await };
    tokio::time::timeout(PATIENCE, started).await.expect("a client gets in").unwrap();
}

fn open_files(service: &Service) -> u64 {
    let files = std::fs::read_dir(format!("/proc/{}/fd", service.id())).unwrap().count();
    u64::try_from(files).unwrap()
}

/// Lowers the limit of open files of a service that runs.
fn limit_files(service: &Service, files: u64) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let pid = Pid::from_raw(i32::try_from(service.id()).unwrap());
    let limit = Rlimit { current: Some(files), maximum: Some(u64::from(FILES)) };
    prlimit(pid, Resource::Nofile, limit).unwrap();
}

fn start(workflow_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        ..Default::default()
    }
}
