//! The command line against a real Temporal server, and beside the `temporal` CLI.
//!
//! Workflow tasks are answered by a script, so that nothing but the command line is under test.

#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

mod client;
mod script;

use std::process::Command;

use expect_test::{Expect, expect};
use script::{activity, completed, continued_as_new, failed};
use test_harness::{Output, Temporal, run};

/// A server, or nothing where there is none to start.
fn service() -> Option<Temporal> {
    match Temporal::binary() {
        Ok(binary) => Some(Temporal::start(binary).unwrap()),
        Err(missing) => {
            eprintln!("skipped: {missing}");
            None
        }
    }
}

/// `host …` without the settings of whoever runs the tests.
fn host(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
    command.args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TEMPORAL_")) {
        command.env_remove(name);
    }
    command.env("TEMPORAL_CONFIG_FILE", "/dev/null");
    command
}

fn host_on(service: &Temporal, arguments: &[&str]) -> Output {
    run(host(arguments).args(["--address", service.address()])).unwrap()
}

/// Runs a command that must succeed.
fn succeed(service: &Temporal, arguments: &[&str]) -> String {
    let output = host_on(service, arguments);
    assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
    output.stdout
}

/// What `host` prints as JSON is what `temporal` prints.
fn check_same(service: &Temporal, arguments: &[&str]) {
    for format in ["json", "jsonl"] {
        let arguments = [&["workflow"], arguments, &["--output", format]].concat();
        let ours = host_on(service, &arguments);
        let theirs = run(&mut service.cli(&arguments)).unwrap();
        assert_eq!(ours.stdout, theirs.stdout, "{arguments:?}: {}", ours.stderr);
        assert_eq!(ours.code, theirs.code, "{arguments:?}: {}", ours.stderr);
        assert_ne!(ours.stdout, "", "{arguments:?}");
    }
}

#[test]
fn json_is_that_of_the_temporal_cli() {
    let Some(service) = service() else { return };
    let start = ["workflow", "start", "--type", "T", "--task-queue", "q", "--workflow-id"];
    let with = |id: &'static str, more: &[&'static str]| {
        succeed(&service, &[&start[..], &[id], more].concat());
    };
    with("open", &["-i", r#"{"a": "<&>\u2028"}"#, "-i", "[1.5, null]", "--memo", "m={\"x\":1}"]);
    with("attributes", &["--search-attribute", "CustomKeyword=\"k\"", "--static-summary", "s"]);
    with("terminated", &["--execution-timeout", "1h30m", "--run-timeout", "59m"]);
    with("canceled", &["--id-reuse-policy", "RejectDuplicate", "--priority-key", "2"]);
    succeed(&service, &["workflow", "signal", "--workflow-id", "open", "--name", "s", "-i", "\"x\""]);
    succeed(&service, &["workflow", "cancel", "--workflow-id", "canceled", "--reason", "r"]);
    succeed(&service, &["workflow", "terminate", "--workflow-id", "terminated", "--reason", "<r>"]);
    let binary = ["-i", "bytes", "--input-meta", "encoding=binary/plain"];
    let finished = script::answer(&service, "finished", vec![completed("{\"n\": [1, \"<\"]}")]);
    let start = ["workflow", "start", "--type", "T", "--task-queue", "finished", "--workflow-id"];
    succeed(&service, &[&start[..], &["finished"], &binary].concat());
    finished.join().unwrap();
    let broken = script::answer(&service, "broken", vec![failed()]);
    let start = ["workflow", "start", "--type", "T", "--task-queue", "broken", "--workflow-id"];
    succeed(&service, &[&start[..], &["broken"]].concat());
    broken.join().unwrap();

    for id in ["open", "attributes", "terminated", "canceled", "finished", "broken"] {
        check_same(&service, &["show", "--workflow-id", id]);
        check_same(&service, &["describe", "--workflow-id", id]);
    }
    for id in ["terminated", "finished", "broken"] {
        check_same(&service, &["result", "--workflow-id", id]);
    }
    wait_for_list(&service, 6);
    check_same(&service, &["list"]);
    check_same(&service, &["list", "--limit", "2"]);
    check_same(&service, &["list", "--page-size", "2", "--query", "ExecutionStatus = 'Running'"]);
}

/// The list is updated in the background.
fn wait_for_list(service: &Temporal, count: usize) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let listed = succeed(service, &["workflow", "list", "-o", "jsonl"]).lines().count();
        if listed == count {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{listed} of {count} workflows are listed");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn execute_waits_to_the_end() {
    let Some(service) = service() else { return };
    let execute = |queue: &str, commands, more: &[&str]| {
        let answers = script::answer(&service, queue, commands);
        let fixed = ["workflow", "execute", "--type", "T", "--task-queue", queue, "--workflow-id", queue];
        let output = host_on(&service, &[&fixed, more].concat());
        answers.join().unwrap();
        output
    };
    let check = |output: &Output, code: i32, stdout: Expect, stderr: &str| {
        assert_eq!(output.code, code, "{}", output.stderr);
        stdout.assert_eq(&output.stdout);
        assert!(output.stderr.contains(stderr), "{}", output.stderr);
    };

    let output = execute("completes", vec![completed("{\"n\":[1]}")], &[]);
    let result = expect![[r#"
        {
          "n": [
            1
          ]
        }
    "#]];
    check(&output, 0, result, "WorkflowTaskCompleted");

    let output = execute("continues", vec![continued_as_new(), completed("2")], &[]);
    check(&output, 0, expect!["2\n"], "WorkflowExecutionContinuedAsNew");

    let output = execute("fails", vec![failed()], &[]);
    let chain = "workflow failed\n  Refused (not retryable): no such customer\n    details: {\"id\":7}\n  \
                 caused by\n    Timeout: the bank is silent\n";
    check(&output, 1, expect![""], chain);

    let output = execute("times-out", vec![], &["--execution-timeout", "500ms"]);
    check(&output, 1, expect![""], "workflow timed out");

    let output = execute("as-json", vec![completed("\"x\"")], &["--output", "json"]);
    let value: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&value["status"], &value["result"]), (&"COMPLETED".into(), &"x".into()), "{value}");
    assert_eq!(output.stderr, "");

    check(&host_on(&service, &["workflow", "result", "-w", "fails"]), 1, expect![""], "Refused");
    check(
        &host_on(&service, &["workflow", "result", "-w", "completes", "-o", "text"]),
        0,
        expect![[r#"
        {
          "n": [
            1
          ]
        }
    "#]],
        "",
    );
}

#[test]
fn activities_end_from_outside() {
    let Some(service) = service() else { return };
    let end = |queue: &str, arguments: &[&str], expected: &str| {
        let answers = script::answer(&service, queue, vec![activity("7"), completed("1")]);
        succeed(&service, &["workflow", "start", "--type", "T", "--task-queue", queue, "-w", queue]);
        script::start_activity(&service);
        assert!(succeed(&service, &["workflow", "describe", "-w", queue]).contains("Activity Approve"));
        check_same(&service, &["describe", "--workflow-id", queue]);
        succeed(&service, &[arguments, &["--workflow-id", queue, "--activity-id", "7"]].concat());
        answers.join().unwrap();
        let shown = succeed(&service, &["workflow", "show", "-w", queue]);
        assert!(shown.contains(expected), "{shown}");
    };
    end("completed", &["activity", "complete", "--result", "[2]"], "result [2]");
    end("failed", &["activity", "fail", "--reason", "too late"], "too late");
}

#[test]
fn ids_that_are_taken() {
    let Some(service) = service() else { return };
    let start = ["workflow", "start", "--type", "T", "--task-queue", "q", "-w", "same", "-o", "json"];
    let run_id = |more: &[&str]| {
        let stdout = succeed(&service, &[&start[..], more].concat());
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap()["runId"].as_str().unwrap().to_owned()
    };
    let first = run_id(&[]);
    assert_eq!(run_id(&[]), first);
    let output = host_on(&service, &[&start[..], &["--fail-existing"]].concat());
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains(&format!("already exists (run {first})")), "{}", output.stderr);
    assert_ne!(run_id(&["--id-conflict-policy", "TerminateExisting"]), first);
}

#[test]
fn mistakes() {
    let check = |arguments: &[&str], code: i32, stderr: &str| {
        let output = run(&mut host(arguments)).unwrap();
        assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(stderr), "{arguments:?}: {}", output.stderr);
    };
    let start = ["workflow", "start", "--type", "T", "--task-queue", "q"];
    check(&["workflow", "start", "--type", "T"], 2, "--task-queue");
    check(&[&start[..], &["--input", "{\"a\""]].concat(), 2, "--input number 1 is not JSON: EOF");
    check(&[&start[..], &["--run-timeout", "5 parsecs"]].concat(), 2, "there is no unit");
    check(&[&start[..], &["--memo", "a"]].concat(), 2, "expected KEY=VALUE");
    check(&["workflow", "show", "-w", "x", "--address", "nowhere"], 1, "use `host:port`");
    check(&["workflow", "show", "-w", "x", "--address", "127.0.0.1:1"], 1, "--address");
    check(&["workflow", "list", "--profile", "none"], 2, "Profile 'none' not found");
    check(&["workflow", "list", "--log-level", "a=b=c"], 2, "--log-level");
    check(
        &["activity", "complete", "-w", "x", "--activity-id", "1", "--result", "x"],
        2,
        "--result is not JSON",
    );
    check(&["run", "--task-queue", "q"], 2, "cargo rustc --lib --crate-type cdylib");
    check(&["run", "--modules", "x"], 2, "--task-queue");
    check(&["replay", "history.json"], 2, "--module");
    let Some(service) = service() else { return };
    let unknown = host_on(&service, &["workflow", "result", "-w", "unknown"]);
    assert_eq!(
        (unknown.code, unknown.stderr.as_str()),
        (1, "error: workflow not found for ID: unknown (NotFound)\n")
    );
    let unknown = host_on(&service, &["workflow", "list", "-n", "unknown"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("unknown"), "{}", unknown.stderr);
}

#[test]
fn files_that_are_not_modules() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("text.wasm"), "text").unwrap();
    std::fs::write(path("core.wasm"), b"\0asm\x01\0\0\0").unwrap();
    std::fs::create_dir(path("empty")).unwrap();
    let data = path("data");
    let check = |arguments: &[&str], expected: &[&str]| {
        let output = run(host(arguments).env("HOST_DATA_DIR", &data)).unwrap();
        let text = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(output.code, 1, "{arguments:?}: {text}");
        for expected in expected {
            assert!(text.contains(expected), "{arguments:?}: {text}");
        }
    };
    let (text, core, empty) = (path("text.wasm"), path("core.wasm"), path("empty"));
    let missing = path("missing.wasm");
    check(
        &["modules", "check", &text, &core],
        &["text.wasm: not a WebAssembly", "core.wasm: a WebAssembly core"],
    );
    check(&["modules", "inspect", &core], &["core.wasm is not a workflow module"]);
    check(&["modules", "check", &empty], &["empty: build a workflow crate"]);
    check(&["modules", "check", &missing], &["missing.wasm", "No such file"]);
    check(&["replay", "--module", &text, "x.json"], &["text.wasm is not a workflow module"]);
    check(&["run", "--task-queue", "q", "--modules", &text], &["text.wasm", "not a WebAssembly"]);
    check(&["run", "--task-queue", "q", "--modules", &empty], &["empty: build a workflow crate"]);
    check(&["run", "--task-queue", "q", "--modules", &text, "--data-dir", &core], &["core.wasm"]);
    let none = run(host(&["modules", "list"]).env("HOST_DATA_DIR", path("nothing"))).unwrap();
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert!(none.stderr.contains("No module was admitted"), "{}", none.stderr);
}
