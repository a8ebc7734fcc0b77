//! Heartbeats of workers, as clients meet them over gRPC.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::{sync::Arc, time::Duration};

use host_server::{Listener, Options, Server};
use host_service::workflow_service_client::WorkflowServiceClient;
use host_wire::temporal::api::{
    enums::v1::WorkerStatus,
    taskqueue::v1::TaskQueue,
    worker::v1::{WorkerHeartbeat, WorkerHostInfo},
    workflowservice::v1::*,
};
use tonic::{Code, Request, transport::Channel};

async fn connect(folder: &tempfile::TempDir) -> WorkflowServiceClient<Channel> {
    let options =
        Options { namespaces: vec!["default".to_owned(), "other".to_owned()], ..Options::default() };
    let server = Arc::new(Server::open(folder.path(), options).unwrap());
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.address());
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    WorkflowServiceClient::connect(url).await.unwrap()
}

fn heartbeat(key: &str, queue: &str, status: WorkerStatus) -> WorkerHeartbeat {
    WorkerHeartbeat {
        worker_instance_key: key.to_owned(),
        worker_identity: "me".to_owned(),
        task_queue: queue.to_owned(),
        host_info: Some(WorkerHostInfo {
            host_name: "box".to_owned(),
            process_id: "7".to_owned(),
            ..WorkerHostInfo::default()
        }),
        status: status.into(),
        ..WorkerHeartbeat::default()
    }
}

fn list(namespace: &str, query: &str) -> ListWorkersRequest {
    ListWorkersRequest {
        namespace: namespace.to_owned(),
        query: query.to_owned(),
        ..ListWorkersRequest::default()
    }
}

async fn keys(client: &mut WorkflowServiceClient<Channel>, request: ListWorkersRequest) -> Vec<String> {
    let answer = client.list_workers(request).await.unwrap().into_inner();
    // What clients of servers up to 1.29 read.
    let older: Vec<_> =
        answer.workers_info.iter().map(|info| info.worker_heartbeat.clone().unwrap()).collect();
    let keys: Vec<_> = answer.workers.iter().map(|worker| worker.worker_instance_key.clone()).collect();
    assert_eq!(older.iter().map(|it| it.worker_instance_key.clone()).collect::<Vec<_>>(), keys);
    assert!(answer.workers.iter().zip(&older).all(|(listed, heartbeat)| {
        listed.status == heartbeat.status && listed.host_name == "box" && listed.process_id == "7"
    }));
    keys
}

#[tokio::test]
async fn workers_are_listed_by_their_heartbeats() {
    let folder = tempfile::tempdir().unwrap();
    let mut client = connect(&folder).await;
    let namespace = "default".to_owned();
    let described = DescribeNamespaceRequest { namespace, ..Default::default() };
    let described = client.describe_namespace(described).await.unwrap().into_inner();
    assert!(described.namespace_info.unwrap().capabilities.unwrap().worker_heartbeats);

    let record = |namespace: &str, worker_heartbeat| RecordWorkerHeartbeatRequest {
        namespace: namespace.to_owned(),
        worker_heartbeat,
        ..RecordWorkerHeartbeatRequest::default()
    };
    let both =
        vec![heartbeat("b", "queue", WorkerStatus::Running), heartbeat("a", "queue", WorkerStatus::Running)];
    client.record_worker_heartbeat(record("default", both)).await.unwrap();
    let other = vec![heartbeat("o", "queue", WorkerStatus::Running)];
    client.record_worker_heartbeat(record("other", other)).await.unwrap();
    let unknown = client.record_worker_heartbeat(record("nowhere", Vec::new())).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    // Heartbeats also come with polls of Nexus tasks, and when a worker ends.
    let mut poll = Request::new(PollNexusTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
        worker_heartbeat: vec![heartbeat("c", "other queue", WorkerStatus::Running)],
        ..PollNexusTaskQueueRequest::default()
    });
    poll.set_timeout(Duration::from_secs(2));
    client.poll_nexus_task_queue(poll).await.unwrap();
    let shutdown = ShutdownWorkerRequest {
        namespace: "default".to_owned(),
        worker_heartbeat: Some(heartbeat("b", "queue", WorkerStatus::Shutdown)),
        ..ShutdownWorkerRequest::default()
    };
    client.shutdown_worker(shutdown).await.unwrap();

    assert_eq!(keys(&mut client, list("default", "")).await, ["a", "b", "c"]);
    assert_eq!(keys(&mut client, list("other", "")).await, ["o"]);
    assert_eq!(keys(&mut client, list("default", "TaskQueue = 'queue'")).await, ["a", "b"]);
    assert_eq!(keys(&mut client, list("default", "WorkerStatus = 'Shutdown'")).await, ["b"]);
    let refused = client.list_workers(list("default", "Nothing = 'x'")).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);

    let first = ListWorkersRequest { page_size: 2, ..list("default", "") };
    let page = client.list_workers(first.clone()).await.unwrap().into_inner();
    assert_eq!(page.workers.len(), 2);
    let next = ListWorkersRequest { next_page_token: page.next_page_token, ..first };
    let page = client.list_workers(next).await.unwrap().into_inner();
    assert_eq!((page.workers.len(), page.next_page_token.is_empty()), (1, true));
    assert_eq!(page.workers[0].worker_instance_key, "c");

    let describe = |key: &str| DescribeWorkerRequest {
        namespace: "default".to_owned(),
        worker_instance_key: key.to_owned(),
    };
    let worker = client.describe_worker(describe("b")).await.unwrap().into_inner().worker_info.unwrap();
    assert_eq!(worker.worker_heartbeat.unwrap().status(), WorkerStatus::Shutdown);
    let unknown = client.describe_worker(describe("z")).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "Worker z not found"));
}
