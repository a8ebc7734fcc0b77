//! A disk without room: what would have to be stored is refused, the rest is served, and all goes on
//! once there is room.

use std::{path::Path, sync::Mutex, time::Duration};

use host_wire::temporal::api::{
    common::v1::{Payload, Payloads, WorkflowExecution, WorkflowType},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{DescribeWorkflowExecutionRequest, StartWorkflowExecutionRequest},
};
use test_harness::Missing;
use tonic::Code;

use crate::child::{Client, Service, connect, in_small_file_system};

const SIZE: usize = 16 << 20;
const FREE: usize = 6 << 20;
const INPUT: usize = 200_000;
/// More than the room is for.
const MOST: usize = 200;
/// How long it may take until room is noticed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a file system in memory can be mounted here without being root.
pub(crate) fn small_file_systems() -> Result<(), Missing> {
    let folder = tempfile::tempdir().unwrap();
    let said = match in_small_file_system(folder.path(), SIZE, 0).arg("true").output() {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Missing::new(format!("no small file system can be made here, for `unshare -r -m` fails: {said}")))
}

pub(crate) async fn a_full_disk_refuses_and_then_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let address = Mutex::default();
    let service = Service::start_with_room(folder.path(), &address, SIZE, FREE);
    let mut client = connect(&address).await;
    let mut acknowledged = 0;
    let status = loop {
        assert!(acknowledged < MOST, "the disk did not get full");
        match start(&mut client, acknowledged).await {
            Ok(()) => acknowledged += 1,
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(acknowledged > 0);
    describe_all(&mut client, acknowledged).await;

    let seen_by_the_service = format!("/proc/{}/root{}", service.id(), folder.path().display());
    std::fs::remove_file(Path::new(&seen_by_the_service).join("ballast")).unwrap();
    let until = tokio::time::Instant::now() + PATIENCE;
    while let Err(status) = start(&mut client, MOST).await {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert!(tokio::time::Instant::now() < until, "there is room, and it is not noticed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    describe_all(&mut client, acknowledged).await;
}

async fn start(client: &mut Client, number: usize) -> Result<(), tonic::Status> {
    let data = vec![b'x'; INPUT].into();
    let request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: format!("w{number}"),
        request_id: format!("r{number}"),
        workflow_type: Some(WorkflowType { name: "Type".to_owned() }),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        input: Some(Payloads { payloads: vec![Payload { data, ..Payload::default() }] }),
        ..Default::default()
    };
    client.start_workflow_execution(request).await.map(|_| ())
}

async fn describe_all(client: &mut Client, acknowledged: usize) {
    for number in 0..acknowledged {
        let workflow_id = format!("w{number}");
        let request = DescribeWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            execution: Some(WorkflowExecution { workflow_id, run_id: String::new() }),
        };
        client.describe_workflow_execution(request).await.unwrap();
    }
}
