//! `host replay` on recorded histories, and `host workflow download`.

use std::path::Path;

use test_harness::{Output, component, run, workspace_root};

use crate::{
    script,
    service::{Service, host, succeed},
};

fn replay(module: &str, histories: &Path, more: &[&str]) -> Output {
    let histories = histories.display().to_string();
    run(&mut host(&[&["replay", "--module", module, &histories], more].concat())).unwrap()
}

/// A query is answered as it was at an event: the sample has reserved two items in its second workflow task and charged
/// the card in its third.
pub(crate) fn a_query_is_asked_at_an_event() {
    let module = component("orders").unwrap().display().to_string();
    let histories = workspace_root().join("sample-workflows/orders/histories");
    let history = histories.join("completed.json");
    for (until, steps) in [("4", "0"), ("13", "2"), ("14", "2"), ("19", "3"), ("31", "3")] {
        let output = replay(&module, &history, &["--until", until, "--call-query", "steps_done"]);
        assert_eq!(output.code, 0, "{output:?}");
        assert_eq!(output.stdout.lines().last(), Some(steps), "until {until}: {output:?}");
    }
    let asked = ["--call-query", "steps_done", "--output", "jsonl"];
    let output = replay(&module, &histories, &asked);
    let answers: Vec<serde_json::Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 3, "{output:?}");
    assert_eq!(answers[1]["queryResult"], 0, "what was done is undone: {output:?}");

    let output = replay(&module, &history, &["--call-query", "no_such_query"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stdout.contains("the query failed: ") && output.stdout.contains("no_such_query"),
        "{output:?}"
    );
    let output = replay(&module, &history, &["--until", "1", "--call-query", "steps_done"]);
    assert!(output.stdout.contains("the query failed: the run has not started yet"), "{output:?}");
    let output = replay(&module, &history, &["--until", "0"]);
    assert_eq!(output.code, 2, "{output:?}");
}

pub(crate) fn verdicts_are_reported_as_test_cases() {
    let module = component("greetings").unwrap().display().to_string();
    let samples = workspace_root().join("sample-workflows");
    let output = replay(&module, &samples.join("greetings/histories"), &["--output", "junit"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("<testsuite name=\"replay\" tests=\"1\" failures=\"0\">"), "{output:?}");
    let output = replay(&module, &samples.join("orders/histories"), &["--output", "junit"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stdout.contains("tests=\"3\" failures=\"3\""), "{output:?}");
    assert!(output.stdout.contains("<failure message=\"unknown type: "), "{output:?}");
}

pub(crate) fn histories_are_downloaded_and_replay() {
    let module = component("greetings").unwrap().display().to_string();
    let service = Service::start();
    let address = service.address();
    let answers = script::answer(address, "approvals", vec![script::activity("7")]);
    for (id, queue) in [("waits/for ever", "without-a-worker"), ("approved", "approvals")] {
        let start = ["workflow", "start", "--type", "Greetings", "--input", "\"Ada\"", "-w", id, "-t", queue];
        succeed(address, &start);
    }
    answers.join().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let histories = folder.path().join("histories");
    let into = histories.display().to_string();
    let output = succeed(address, &["workflow", "download", "WorkflowType = 'Greetings'", &into]);
    assert_eq!(output.lines().count(), 2, "{output}");
    assert!(output.contains("/waits%2ffor%20ever."), "{output}");
    let output = replay(&module, &histories, &[]);
    assert_eq!(output.code, 1, "{output:?}");
    for expected in [
        "workflow: a schedule of activity 1 of type compose_greeting",
        "at /workspace/sample-workflows/greetings/src/lib.rs:",
        "cause:    a step was added",
    ] {
        assert!(output.stdout.contains(expected), "{expected}: {output:?}");
    }
    assert!(output.stderr.contains("1 of 2 agree"), "{output:?}");
    let one = ["workflow", "download", "WorkflowId = 'approved'", &into, "--output", "jsonl"];
    let saved: serde_json::Value = serde_json::from_str(&succeed(address, &one)).unwrap();
    assert!(Path::new(saved["path"].as_str().unwrap()).is_file(), "{saved}");
}
