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
    let request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "w".to_owned(),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        ..Default::default()
    };
    let started = async { connect(&address).await.start_workflow_execution(request).await };
    tokio::time::timeout(PATIENCE, started).await.expect("a client gets in").unwrap();
    drop(idle);
}

/// Processor time of the service so far, from `/proc`.
fn ticks(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", service.id())).unwrap();
    let fields: Vec<_> = status.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}
