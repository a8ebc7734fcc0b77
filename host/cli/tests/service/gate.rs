//! `host modules check` on a service: open runs of a sample whose first task another worker answered.

use test_harness::{component, run};

use crate::{
    script,
    service::{Service, host, succeed},
};

pub(crate) fn open_runs_are_checked_on_a_candidate() {
    let module = component("greetings").unwrap().display().to_string();
    let data = tempfile::tempdir().unwrap();
    // Where it is, compiled code is kept.
    std::fs::create_dir(data.path().join("compiled")).unwrap();
    let check = |service: &[&str], more: &[&str]| {
        let arguments = [&["modules", "check", &module], service, more].concat();
        run(host(&arguments).env("HOST_DATA_DIR", data.path())).unwrap()
    };
    // Without a service there is nothing to replay.
    let output = check(&[], &[]);
    assert_eq!((output.code, output.stdout.contains("open runs")), (0, false), "{output:?}");

    let service = Service::start();
    let service = ["--address", service.address()];
    let start = |id: &str, queue: &str| {
        let start = ["workflow", "start", "--type", "Greetings", "--input", "\"Ada\"", "-w", id, "-t", queue];
        succeed(service[1], &start);
    };
    start("untouched", "without-a-worker");
    let output = check(&service, &[]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("1 agree, 0 differ, of 0 it cannot be told"), "{output:?}");

    // The sample's first command is another activity.
    let answers = script::answer(service[1], "approvals", vec![script::activity("7")]);
    start("approved", "approvals");
    answers.join().unwrap();
    let output = check(&service, &[]);
    assert_eq!(output.code, 1, "{output:?}");
    for expected in ["1 agree, 1 differ", "workflow approved, run ", "differs at event 5", "Approve"] {
        assert!(output.stdout.contains(expected), "{expected}: {output:?}");
    }
    let output = check(&service, &["--query", "WorkflowId = 'untouched'", "--output", "jsonl"]);
    let object: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        (output.code, &object["ok"], &object["runs"]["agree"]),
        (0, &true.into(), &1.into()),
        "{object}"
    );
    let output = check(&service, &["--output", "junit"]);
    assert!(output.stdout.contains("tests=\"3\" failures=\"1\""), "{output:?}");
    assert!(output.stdout.contains("<failure message=\"differs at event 5\">"), "{output:?}");
    let output = run(host(&["modules", "list", "--output", "junit"]).args(service)).unwrap();
    assert_eq!(output.code, 2, "{output:?}");
    let output = check(&service, &["--query", "not a filter"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("list open runs: "), "{output:?}");
}
