//! `host worker …` and `host task-queue …` on the embedded service.

use host_client::Client;
use host_service::ConnectOptions;
use host_wire::temporal::api::{
    enums::v1::WorkerStatus,
    worker::v1::{WorkerHeartbeat, WorkerHostInfo},
    workflowservice::v1::RecordWorkerHeartbeatRequest,
};
use serde_json::Value;
use tonic::Request;

use crate::service::{Service, host_on, succeed};

pub(crate) fn workers_are_listed() {
    let service = Service::start();
    let service = service.address();
    let heartbeat = |key: &str, queue: &str| WorkerHeartbeat {
        worker_instance_key: key.to_owned(),
        task_queue: queue.to_owned(),
        host_info: Some(WorkerHostInfo { host_name: "box".to_owned(), ..WorkerHostInfo::default() }),
        status: WorkerStatus::Running.into(),
        ..WorkerHeartbeat::default()
    };
    record(service, vec![heartbeat("one", "orders"), heartbeat("two", "refunds")]);

    let table = succeed(service, &["worker", "list"]);
    assert!(table.contains("one") && table.contains("refunds") && table.contains("Running"), "{table}");
    let query = ["worker", "list", "--query", "TaskQueue = 'refunds'", "-o", "jsonl"];
    let found: Value = serde_json::from_str(&succeed(service, &query)).unwrap();
    assert_eq!(found["workerHeartbeat"]["workerInstanceKey"], "two");
    assert_eq!(succeed(service, &["worker", "list", "--limit", "1", "-o", "jsonl"]).lines().count(), 1);
    let card = succeed(service, &["worker", "describe", "--worker-instance-key", "one"]);
    assert!(card.contains("orders") && card.contains("box"), "{card}");
    let unknown = host_on(service, &["worker", "describe", "--worker-instance-key", "three"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("Worker three not found"), "{}", unknown.stderr);
    let wrong = host_on(service, &["worker", "list", "--query", "Nothing = 'x'"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("search field: Nothing"), "{}", wrong.stderr);
}

fn record(address: &str, worker_heartbeat: Vec<WorkerHeartbeat>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::connect(&ConnectOptions::to(address)).await.unwrap();
        let request = RecordWorkerHeartbeatRequest {
            namespace: client.namespace().to_owned(),
            worker_heartbeat,
            ..RecordWorkerHeartbeatRequest::default()
        };
        client.service().record_worker_heartbeat(Request::new(request)).await.unwrap();
    });
}

pub(crate) fn task_queues_are_described_and_limited() {
    let service = Service::start();
    let service = service.address();
    let described: Value =
        serde_json::from_str(&succeed(service, &["task-queue", "describe", "-t", "q", "-o", "json"]))
            .unwrap();
    assert_eq!(
        (&described["pollers"], &described["stats"][0]["taskQueueType"]),
        (&Value::Null, &"workflow".into())
    );
    let one = ["task-queue", "describe", "-t", "q", "--task-queue-type", "activity"];
    let text = succeed(service, &one);
    assert!(text.contains("Pollers:") && text.contains("activity") && !text.contains("workflow"), "{text}");

    let config = |verb: &'static str, more: &[&'static str]| {
        let of = ["task-queue", "config", verb, "-t", "q", "--task-queue-type", "activity", "-o", "json"];
        [&of[..], more].concat()
    };
    assert_eq!(succeed(service, &config("get", &[])), "");
    let limit = ["--queue-rps-limit", "2.5", "--queue-rps-limit-reason", "slow"];
    succeed(service, &config("set", &limit));
    let shown: Value = serde_json::from_str(&succeed(service, &config("get", &[]))).unwrap();
    assert_eq!(shown["queueRateLimit"]["rateLimit"]["requestsPerSecond"], 2.5);
    assert_eq!(shown["queueRateLimit"]["metadata"]["reason"], "slow");
    succeed(service, &config("set", &["--queue-rps-limit", "default"]));
    let shown: Value = serde_json::from_str(&succeed(service, &config("get", &[]))).unwrap();
    assert_eq!(shown["queueRateLimit"]["rateLimit"], Value::Null);
    for (more, expected) in [
        (&[][..], "--queue-rps-limit"),
        (&["--queue-rps-limit", "-1"][..], "not negative"),
        (&["--queue-rps-limit", "many"][..], "expected a number"),
    ] {
        let output = host_on(service, &config("set", more));
        assert!(output.code == 2 && output.stderr.contains(expected), "{more:?}: {}", output.stderr);
    }
}
