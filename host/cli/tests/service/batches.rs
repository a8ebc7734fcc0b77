//! `--query` of commands that change workflows, and `host batch …`, on the embedded service.

use serde_json::Value;

use crate::service::{Service, answered, host_on, succeed};

fn json(service: &str, arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(service, &[arguments, &["-o", "json"]].concat())).unwrap()
}

/// Waits until a batch operation has ended.
fn ended(service: &str, job: &str) -> Value {
    loop {
        let described = json(service, &["batch", "describe", "--job-id", job]);
        if described["state"] != "BATCH_OPERATION_STATE_RUNNING" {
            return described;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

const QUERY: &[&str] = &["--query", "WorkflowType = 'Order'", "--yes"];

/// Every command that takes `--query`.
const COMMANDS: &[&[&str]] = &[
    &["workflow", "signal", "--name", "hello", "--input", "1", "--reason", "a test"],
    &["workflow", "cancel", "--rps", "40"],
    &["workflow", "update-options", "--versioning-override-behavior", "auto_upgrade"],
    &["activity", "unpause", "--activity-type", "charge", "--jitter", "1s"],
    &["activity", "reset", "--match-all", "--keep-paused"],
    &["activity", "update-options", "--match-all", "--start-to-close-timeout", "5m"],
    &["activity", "update-options", "--activity-type", "charge", "--restore-original-options"],
    &["workflow", "reset", "--type", "FirstWorkflowTask", "--reapply-exclude", "All"],
    &["workflow", "terminate", "--reason", "enough"],
    &["workflow", "delete"],
];

pub(crate) fn operations_on_many_workflows() {
    let service = Service::start();
    let service = service.address();
    for id in ["a", "b"] {
        let start = ["workflow", "start", "-w", id, "--type", "Order", "--task-queue", "orders"];
        succeed(service, &start);
    }
    for command in COMMANDS {
        let started = json(service, &[*command, QUERY].concat());
        let end = ended(service, started["batchJobId"].as_str().unwrap());
        assert_eq!(end["state"], "BATCH_OPERATION_STATE_COMPLETED", "{command:?}: {end}");
        // Those that were reset are there too.
        let count = if command[..2] == ["workflow", "delete"] { "4" } else { "2" };
        assert_eq!(end["completeOperationCount"], count, "{command:?}: {end}");
    }
    assert_eq!(succeed(service, &["workflow", "count"]), "Total: 0\n");
    let listed = succeed(service, &["batch", "list", "--limit", "3"]);
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert!(listed.contains("Completed"), "{listed}");

    // Nothing is left to do, so that it has ended before it is stopped.
    let job = json(service, &[&["workflow", "cancel"], QUERY].concat())["batchJobId"].clone();
    let job = job.as_str().unwrap();
    ended(service, job);
    let stopped = host_on(service, &["batch", "terminate", "--job-id", job]);
    assert!(stopped.code == 1 && stopped.stderr.contains("already completed"), "{}", stopped.stderr);
    let text = succeed(service, &["batch", "describe", "--job-id", job]);
    assert!(text.contains("CompletedCount  0/0"), "{text}");
}

pub(crate) fn questions_and_mistakes() {
    let service = Service::start();
    let service = service.address();
    let cancel = ["workflow", "cancel", "--query", "WorkflowType = 'Order'"];
    for (answer, is_yes) in [("y\n", true), ("n\n", false), ("", false)] {
        let output = answered(service, &cancel, answer);
        let stderr = output.stderr;
        assert!(stderr.contains("Start batch against approximately 0 workflow(s)? y/N "), "{stderr}");
        assert_eq!(output.code == 0, is_yes, "{answer:?}: {stderr}");
    }
    for (arguments, expected) in [
        (&["workflow", "cancel"][..], "--workflow-id"),
        (&["workflow", "cancel", "-w", "a", "--query", "b"], "cannot be used with"),
        (&["workflow", "cancel", "-w", "a", "--yes"], "cannot be used with"),
        (&["workflow", "delete", "-w", "a", "--rps", "1"], "cannot be used with"),
        (&["workflow", "signal", "-w", "a", "--name", "n", "--reason", "r"], "cannot be used with"),
        (&["workflow", "cancel", "--query", "a", "--run-id", "b"], "cannot be used with"),
        (&["workflow", "cancel", "--query", "a", "-o", "json"], "give --yes"),
        (&["workflow", "reset", "--query", "a", "--event-id", "3", "--yes"], "is for one workflow"),
        (&["activity", "reset", "--query", "a", "--activity-id", "3", "--yes"], "is for one workflow"),
    ] {
        let output = host_on(service, arguments);
        assert_eq!(output.code, 2, "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
    }
}
