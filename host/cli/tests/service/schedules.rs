//! `host schedule …` on the embedded service.

use serde_json::{Value, json};
use test_harness::run;

use crate::service::{Service, host, host_on, succeed};

fn described(service: &str, id: &str) -> Value {
    serde_json::from_str(&succeed(service, &["schedule", "describe", "-s", id, "-o", "json"])).unwrap()
}

pub(crate) fn schedules_live_and_end() {
    let service = Service::start();
    let service = service.address();
    let create = [
        "schedule",
        "create",
        "--schedule-id",
        "report",
        "--type",
        "Report",
        "--task-queue",
        "reports",
        "--workflow-id",
        "r",
        "--input",
        "{\"a\": 1}",
        "--cron",
        "30 12 * * Fri",
        "--interval",
        "6h/5h",
        "--calendar",
        "{\"hour\":\"3\",\"dayOfMonth\":\"1-7\"}",
        "--time-zone",
        "Europe/Berlin",
        "--overlap-policy",
        "BufferAll",
        "--paused",
        "--notes",
        "at first",
        "--remaining-actions",
        "7",
        "--catchup-window",
        "1h",
        "--schedule-memo",
        "by=\"Ada\"",
        "--start-time",
        "2024-01-01T00:00:00Z",
        "--jitter",
        "0",
    ];
    assert_eq!(succeed(service, &create), "Schedule created\n");
    let taken = host_on(service, &create);
    assert!(taken.code == 1 && taken.stderr.contains("already registered"), "{}", taken.stderr);

    let shown = described(service, "report");
    let schedule = &shown["schedule"];
    assert_eq!(schedule["spec"]["interval"], json!([{ "interval": "21600s", "phase": "18000s" }]));
    assert_eq!(schedule["spec"]["timezoneName"], "Europe/Berlin");
    assert_eq!(schedule["spec"]["structuredCalendar"].as_array().unwrap().len(), 2);
    // {"a": 1}, as `temporal schedule describe` shows it.
    assert_eq!(schedule["action"]["startWorkflow"]["input"]["payloads"][0]["data"], "eyJhIjogMX0=");
    assert_eq!(schedule["policies"]["overlapPolicy"], "SCHEDULE_OVERLAP_POLICY_BUFFER_ALL");
    assert_eq!(schedule["policies"]["catchupWindow"], "3600s");
    assert_eq!(schedule["state"]["remainingActions"], "7");
    assert_eq!(shown["info"]["futureActionTimes"].as_array().unwrap().len(), 7);
    assert_eq!(shown["memo"]["fields"]["by"]["data"], "IkFkYSI=");

    succeed(service, &["schedule", "toggle", "-s", "report", "--unpause", "--reason", "go on"]);
    let state = described(service, "report")["schedule"]["state"].clone();
    assert_eq!((&state["paused"], &state["notes"]), (&Value::Null, &json!("go on")));
    succeed(service, &["schedule", "toggle", "-s", "report", "--pause"]);
    succeed(service, &["schedule", "trigger", "-s", "report"]);
    let backfill = ["schedule", "backfill", "-s", "report", "--overlap-policy", "AllowAll", "--start-time"];
    let range = ["2024-03-15T11:00:00Z", "--end-time", "2024-03-15T11:30:00Z"];
    succeed(service, &[&backfill[..], &range].concat());
    let info = described(service, "report")["info"].clone();
    assert_eq!(info["actionCount"], "3", "{info}");
    let actions = info["recentActions"].as_array().unwrap();
    let ids: Vec<_> =
        actions.iter().map(|it| it["startWorkflowResult"]["workflowId"].as_str().unwrap()).collect();
    assert_eq!(ids[1..], ["r-2024-03-15T11:00:00Z", "r-2024-03-15T11:30:00Z"]);
    let card = succeed(service, &["schedule", "describe", "-s", "report"]);
    assert!(
        card.contains("Notes                (no reason provided)") && card.contains("BufferAll"),
        "{card}"
    );

    let update =
        ["schedule", "update", "-s", "report", "--type", "Other", "--task-queue", "q", "--interval", "1h"];
    succeed(service, &update);
    let shown = described(service, "report");
    assert_eq!(shown["schedule"]["action"]["startWorkflow"]["workflowType"]["name"], "Other");
    assert_eq!(shown["memo"]["fields"]["by"]["data"], "IkFkYSI=");
    succeed(
        service,
        &["schedule", "create", "-s", "other", "--type", "T", "-t", "q", "--interval", "1h", "--paused"],
    );
    let list = |more: &[&str]| succeed(service, &[&["schedule", "list"], more].concat());
    let ids = |text: String| -> Vec<String> {
        let id = |line: &str| {
            serde_json::from_str::<Value>(line).unwrap()["scheduleId"].as_str().unwrap().to_owned()
        };
        text.lines().map(id).collect()
    };
    assert_eq!(ids(list(&["-o", "jsonl"])), ["other", "report"]);
    assert_eq!(ids(list(&["-o", "jsonl", "--limit", "1"])), ["other"]);
    assert!(list(&[]).trim_start().starts_with("ScheduleId"));
    succeed(service, &["schedule", "delete", "-s", "report"]);
    let gone = host_on(service, &["schedule", "describe", "-s", "report"]);
    assert!(gone.code == 1 && gone.stderr.contains("schedule not found"), "{}", gone.stderr);
}

pub(crate) fn mistakes() {
    let check = |arguments: &[&str], stderr: &str| {
        let output = run(&mut host(&[&["schedule"], arguments].concat())).unwrap();
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(stderr), "{arguments:?}: {}", output.stderr);
    };
    let create = ["create", "-s", "x", "--type", "T", "-t", "q"];
    check(&[&create[..], &["--calendar", "{\"day\":\"1\"}"]].concat(), "unknown field `day`");
    check(&[&create[..], &["--interval", "1h/often"]].concat(), "--interval");
    check(&[&create[..], &["--start-time", "tomorrow"]].concat(), "expected a time");
    check(&[&create[..], &["--overlap-policy", "Maybe"]].concat(), "BufferAll");
    check(&["toggle", "-s", "x"], "--pause");
    check(&["toggle", "-s", "x", "--pause", "--unpause"], "cannot be used with");
    let range = ["--start-time", "2024-01-02T00:00:00Z", "--end-time", "2024-01-01T00:00:00Z"];
    check(&[&["backfill", "-s", "x"][..], &range].concat(), "--end-time is before --start-time");
}
