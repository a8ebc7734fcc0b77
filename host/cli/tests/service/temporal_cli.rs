//! `host` beside the `temporal` CLI, on Temporal's development server.

use std::path::PathBuf;

use test_harness::{Temporal, run};

use crate::{
    script::{self, activity, completed, failed},
    service::{host_on, succeed},
};

/// What `host workflow` prints as JSON is what `temporal` prints.
fn check_same(temporal: &Temporal, arguments: &[&str]) {
    check_same_command(temporal, &[&["workflow"], arguments].concat());
}

fn check_same_command(temporal: &Temporal, arguments: &[&str]) {
    for format in ["json", "jsonl"] {
        let arguments = [arguments, &["--output", format]].concat();
        let ours = host_on(temporal.address(), &arguments);
        let theirs = run(&mut temporal.cli(&arguments)).unwrap();
        assert_eq!(ours.stdout, theirs.stdout, "{arguments:?}: {}", ours.stderr);
        assert_eq!(ours.code, theirs.code, "{arguments:?}: {}", ours.stderr);
        assert_ne!(ours.stdout, "", "{arguments:?}");
    }
}

pub(crate) fn json_is_the_same(binary: PathBuf) {
    let temporal = Temporal::start(binary).unwrap();
    let service = temporal.address();
    let start = ["workflow", "start", "--type", "T", "--task-queue", "q", "--workflow-id"];
    let with = |id: &'static str, more: &[&'static str]| {
        succeed(service, &[&start[..], &[id], more].concat());
    };
    with("open", &["-i", r#"{"a": "<&>\u2028"}"#, "-i", "[1.5, null]", "--memo", "m={\"x\":1}"]);
    with("attributes", &["--search-attribute", "CustomKeyword=\"k\"", "--static-summary", "s"]);
    with("terminated", &["--execution-timeout", "1h30m", "--run-timeout", "59m"]);
    with("canceled", &["--id-reuse-policy", "RejectDuplicate", "--priority-key", "2"]);
    succeed(service, &["workflow", "signal", "--workflow-id", "open", "--name", "s", "-i", "\"x\""]);
    succeed(service, &["workflow", "cancel", "--workflow-id", "canceled", "--reason", "r"]);
    succeed(service, &["workflow", "terminate", "--workflow-id", "terminated", "--reason", "<r>"]);
    let binary = ["-i", "bytes", "--input-meta", "encoding=binary/plain"];
    let finished = script::answer(service, "finished", vec![completed("{\"n\": [1, \"<\"]}")]);
    let start = ["workflow", "start", "--type", "T", "--task-queue", "finished", "--workflow-id"];
    succeed(service, &[&start[..], &["finished"], &binary].concat());
    finished.join().unwrap();
    let broken = script::answer(service, "broken", vec![failed()]);
    let start = ["workflow", "start", "--type", "T", "--task-queue", "broken", "--workflow-id"];
    succeed(service, &[&start[..], &["broken"]].concat());
    broken.join().unwrap();
    let outside = script::answer(service, "outside", vec![activity("7")]);
    let start = ["workflow", "start", "--type", "T", "--task-queue", "outside", "--workflow-id"];
    succeed(service, &[&start[..], &["outside"]].concat());
    outside.join().unwrap();
    script::start_activity(service);

    for id in ["open", "attributes", "terminated", "canceled", "finished", "broken", "outside"] {
        check_same(&temporal, &["show", "--workflow-id", id]);
        check_same(&temporal, &["describe", "--workflow-id", id]);
    }
    for id in ["terminated", "finished", "broken"] {
        check_same(&temporal, &["result", "--workflow-id", id]);
    }
    wait_for_list(service, 7);
    check_same(&temporal, &["list"]);
    check_same(&temporal, &["list", "--limit", "2"]);
    check_same(&temporal, &["list", "--page-size", "2", "--query", "ExecutionStatus = 'Running'"]);

    let create =
        ["schedule", "create", "--type", "T", "-t", "q", "--interval", "6h/1h", "-i", "[1]", "--paused"];
    let kept =
        ["-s", "one", "-w", "w", "--schedule-memo", "a=\"<b>\"", "--cron", "@daily", "--pause-on-failure"];
    succeed(service, &[&create[..], &kept].concat());
    check_same_command(&temporal, &["schedule", "describe", "-s", "one"]);
    wait_for("schedule", service, 1);
    check_same_command(&temporal, &["schedule", "list"]);
}

/// The list is updated in the background.
fn wait_for_list(service: &str, count: usize) {
    wait_for("workflow", service, count);
}

fn wait_for(what: &str, service: &str, count: usize) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let listed = succeed(service, &[what, "list", "-o", "jsonl"]).lines().count();
        if listed == count {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{listed} of {count} of {what} are listed");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
