//! What Prometheus sees of a host.

use test_harness::http::{self, sample};

use crate::{
    machine::{Machine, Running},
    service::{host, host_on},
};

/// Runs, calls and what workflows count are there under the names of Temporal's SDKs and server.
pub(crate) fn metrics_are_scraped() {
    let machine = Machine::new();
    let mut process = machine.begin(&["--metrics-listen", "127.0.0.1:0"]);
    let scraped = process.address_after("serving metrics address=");
    let get = |path: &str| http::get(&scraped, path).unwrap();
    assert_eq!(get("/healthz"), ("HTTP/1.1 200 OK".to_owned(), "alive\n".to_owned()));
    let running = Running::wait(process);
    let script = |line: &str| format!("measure scripts\nmeasure temporal_request\nwait\n{line}");
    for (id, end) in [("completes", "complete done"), ("fails", "fail on purpose")] {
        running.begin(id, &script(end));
        running.signal(id);
        host_on(&running.address, &["workflow", "result", "-w", id]);
    }
    assert_eq!(host_on(&running.address, &["workflow", "describe", "-w", "unknown"]).code, 1);
    assert_eq!(get("/readyz").0, "HTTP/1.1 200 OK");
    let (status, metrics) = get("/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    let of_queue = r#"namespace="default",task_queue="q""#;
    let of_type = format!(r#"{of_queue},workflow_type="Script""#);
    for (series, expected) in [
        (format!("temporal_workflow_completed{{{of_type}}}"), 1.0),
        (format!("temporal_workflow_failed{{{of_type}}}"), 1.0),
        (format!("scripts{{{of_type},kind=\"script\"}}"), 2.0),
        (format!("temporal_worker_start{{{of_queue}}}"), 1.0),
        (r#"temporal_sticky_cache_size{namespace="default"}"#.to_owned(), 0.0),
        (r#"workflow_success{namespace="default",operation="CompletionStats"}"#.to_owned(), 1.0),
        (r#"workflow_failed{namespace="default",operation="CompletionStats"}"#.to_owned(), 1.0),
        (r#"service_requests{service_name="frontend",operation="StartWorkflowExecution"}"#.to_owned(), 2.0),
        (
            r#"service_error_with_type{service_name="frontend",operation="DescribeWorkflowExecution",error_type="NotFound"}"#
                .to_owned(),
            1.0,
        ),
    ] {
        assert_eq!(sample(&metrics, &series), Some(expected), "{series}: {metrics}");
    }
    for series in [
        format!("temporal_workflow_task_execution_latency_count{{{of_type}}}"),
        format!("temporal_workflow_task_schedule_to_start_latency_count{{{of_type}}}"),
        format!("temporal_workflow_task_queue_poll_succeed{{{of_queue}}}"),
        format!("temporal_num_pollers{{{of_queue},poller_type=\"workflow_task\"}}"),
        format!("temporal_worker_task_slots_available{{{of_queue},worker_type=\"WorkflowWorker\"}}"),
        r#"temporal_request{namespace="default",operation="RespondWorkflowTaskCompleted"}"#.to_owned(),
        r#"temporal_long_request_latency_count{namespace="default",operation="PollWorkflowTaskQueue"}"#
            .to_owned(),
        r#"persistence_requests{operation="AppendLog"}"#.to_owned(),
        "process_open_fds".to_owned(),
        "process_resident_memory_bytes".to_owned(),
    ] {
        assert!(sample(&metrics, &series).is_some_and(|value| value > 0.0), "{series}: {metrics}");
    }
    let described = "# HELP temporal_workflow_completed Runs that completed.\n";
    assert!(metrics.contains(described), "{metrics}");
    // The name is the host's own: the measurement is dropped, and the log says so once.
    assert!(!metrics.contains("temporal_request{namespace=\"default\",task_queue"), "{metrics}");
    let log = running.process.log();
    assert_eq!(log.matches("a measurement of a workflow is dropped").count(), 1, "{log}");
    assert_eq!(get("/elsewhere").0, "HTTP/1.1 404 Not Found");
}

/// An address that cannot be used is an error, and nothing is served.
pub(crate) fn an_address_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let arguments = ["server", "--listen", "127.0.0.1:0", "--data-dir", &data, "--metrics-listen", &address];
    let output = test_harness::run(&mut host(&arguments)).unwrap();
    assert_eq!(output.code, 1, "{output:?}");
    let said = format!("failed to serve metrics on {address} (--metrics-listen)");
    assert!(output.stderr.contains(&said), "{output:?}");
}
