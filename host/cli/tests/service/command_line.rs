//! What commands print and how they end, on the embedded service.

use expect_test::{Expect, expect};
use test_harness::{Output, run};

use crate::{
    script::{self, activity, completed, continued_as_new, failed},
    service::{Service, host, host_on, succeed},
};

pub(crate) fn execute_waits_to_the_end() {
    let service = Service::start();
    let service = service.address();
    let execute = |queue: &str, commands, more: &[&str]| {
        let answers = script::answer(service, queue, commands);
        let fixed = ["workflow", "execute", "--type", "T", "--task-queue", queue, "--workflow-id", queue];
        let output = host_on(service, &[&fixed, more].concat());
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

    check(&host_on(service, &["workflow", "result", "-w", "fails"]), 1, expect![""], "Refused");
    check(
        &host_on(service, &["workflow", "result", "-w", "completes", "-o", "text"]),
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

pub(crate) fn activities_end_from_outside() {
    let service = Service::start();
    let service = service.address();
    let end = |queue: &str, arguments: &[&str], expected: &str| {
        let answers = script::answer(service, queue, vec![activity("7"), completed("1")]);
        succeed(service, &["workflow", "start", "--type", "T", "--task-queue", queue, "-w", queue]);
        script::start_activity(service);
        assert!(succeed(service, &["workflow", "describe", "-w", queue]).contains("Activity Approve"));
        succeed(service, &[arguments, &["--workflow-id", queue, "--activity-id", "7"]].concat());
        answers.join().unwrap();
        let shown = succeed(service, &["workflow", "show", "-w", queue]);
        assert!(shown.contains(expected), "{shown}");
    };
    end("completed", &["activity", "complete", "--result", "[2]"], "result [2]");
    end("failed", &["activity", "fail", "--reason", "too late"], "too late");
}

pub(crate) fn ids_that_are_taken() {
    let service = Service::start();
    let service = service.address();
    let start = ["workflow", "start", "--type", "T", "--task-queue", "q", "-w", "same", "-o", "json"];
    let run_id = |more: &[&str]| {
        let stdout = succeed(service, &[&start[..], more].concat());
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap()["runId"].as_str().unwrap().to_owned()
    };
    let first = run_id(&[]);
    assert_eq!(run_id(&[]), first);
    let output = host_on(service, &[&start[..], &["--fail-existing"]].concat());
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains(&format!("already exists (run {first})")), "{}", output.stderr);
    assert_ne!(run_id(&["--id-conflict-policy", "TerminateExisting"]), first);
}

pub(crate) fn mistakes() {
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
    // A worker of another service than the one that was meant would be silent.
    let both = ["run", "-t", "q", "-m", "x", "--address", "127.0.0.1:1", "--retention", "1d"];
    check(
        &both,
        2,
        "--address names the service at 127.0.0.1:1, and --retention is for the service in this process",
    );
    let both =
        run(host(&["run", "-t", "q", "-m", "x", "--listen", "127.0.0.1:0"])
            .env("TEMPORAL_ADDRESS", "there:7233"));
    let both = both.unwrap();
    assert_eq!(both.code, 2);
    assert!(
        both.stderr.contains("TEMPORAL_ADDRESS names the service at there:7233, and --listen"),
        "{both:?}"
    );
}

pub(crate) fn what_the_service_does_not_know() {
    let service = Service::start();
    let service = service.address();
    let unknown = host_on(service, &["workflow", "result", "-w", "unknown"]);
    assert_eq!(
        (unknown.code, unknown.stderr.as_str()),
        (1, "error: workflow not found for ID: unknown (NotFound)\n")
    );
    let unknown = host_on(service, &["workflow", "list", "-n", "unknown"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("unknown"), "{}", unknown.stderr);
}

pub(crate) fn files_that_are_not_modules() {
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
    // Neither waited for nor read to the end.
    let (pipe, huge) = (path("pipe.wasm"), path("huge.wasm"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::File::create(&huge).unwrap().set_len(2 << 30).unwrap();
    for (file, expected) in [
        (&*pipe, "pipe.wasm is not a regular file"),
        ("/dev/zero", "/dev/zero is not a regular file"),
        (&*huge, "huge.wasm has 2147483648 bytes, and it may have 67108864"),
    ] {
        check(&["modules", "inspect", file], &[expected]);
        check(&["modules", "check", file], &[expected]);
        check(&["replay", "--module", file, "x.json"], &[expected]);
        check(&["run", "--task-queue", "q", "--modules", file], &[expected]);
    }
    let none = run(host(&["modules", "list"]).env("HOST_DATA_DIR", path("nothing"))).unwrap();
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert!(none.stderr.contains("No module was admitted"), "{}", none.stderr);
}
