//! The HTTP API: which requests are which calls, how answers and refusals look as JSON.

use std::fmt::Write as _;

use serde_json::Value;
use test_harness::http::{Answer, send};

use crate::client::Client;

/// Fields that differ from one time or service to another, whatever is asked.
const INCIDENTAL: [&str; 13] = [
    "date",
    "eventTime",
    "executionTime",
    "firstExecutionRunId",
    "historySizeBytes",
    "identity",
    "link",
    "nextPageToken",
    "requestIdInfos",
    "startTime",
    "stateTransitionCount",
    "taskId",
    "workerMayIgnore",
];

/// Whether the message of a refusal is compared: it is not where JSON or a query cannot be read, of which each service speaks
/// in its own words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    Whole,
    Code,
}
use Compared::{Code, Whole};

/// Requests in the order in which they are made; `$` is the prefix of names. A body is that of a POST.
const REQUESTS: &[(&str, &str, Compared)] = &[
    // Starts, in both spellings of paths and of enumerations.
    (
        "POST /api/v1/namespaces/default/workflows/$-a",
        r#"{"workflowType": {"name": "T"}, "taskQueue": {"name": "$"}, "input": ["World", {"n": 7}],
            "memo": {"fields": {"note": "by HTTP"}}, "workflowId": "of the body"}"#,
        Whole,
    ),
    (
        "POST /namespaces/default/workflows/$-a",
        r#"{"workflow_type": {"name": "T"}, "taskQueue": {"name": "$"}}"#,
        Whole,
    ),
    (
        "POST /namespaces/default/workflows/$-a?workflowIdConflictPolicy=1",
        r#"{"workflowType": {"name": "T"}, "taskQueue": {"name": "$"}, "workflowIdConflictPolicy": "UseExisting"}"#,
        Whole,
    ),
    ("POST /api/v1/namespaces/default/workflows/$-b", r#"{"workflowType": {"name": "T"}}"#, Whole),
    ("POST /api/v1/namespaces/default/workflows/$-b", r#"{"flowType": {"name": "T"}}"#, Code),
    ("POST /api/v1/namespaces/default/workflows/$-b", r#"{"workflowType": "#, Code),
    ("POST /api/v1/namespaces/default/workflows/$-b", r#"{"workflowType": 7}"#, Code),
    ("POST /api/v1/namespaces/default/workflows/$-b", "[]", Code),
    ("POST /api/v1/namespaces/default/workflows/$-b", "", Whole),
    // What there is of it.
    ("GET /api/v1/namespaces/default/workflows/$-a/history", "", Whole),
    (
        "GET /api/v1/namespaces/default/workflows/$-a/history?maximum_page_size=50&noPayloadShorthand",
        "",
        Whole,
    ),
    ("GET /namespaces/default/workflows/$-a/history-reverse?maximumPageSize=50&pretty", "", Whole),
    (
        "GET /namespaces/default/workflows/$-a/history?historyEventFilterType=HISTORY_EVENT_FILTER_TYPE_ALL_EVENT",
        "",
        Code,
    ),
    ("GET /namespaces/default/workflows/$-a/history?historyEventFilterType=77", "", Code),
    ("GET /namespaces/default/workflows/$-a/history?waitNewEvent=maybe", "", Code),
    ("GET /namespaces/default/workflows/$-a/history?execution.runId=no-id", "", Whole),
    ("GET /namespaces/default/workflows/$-a/history?maximumPageSize=1&maximumPageSize=2", "", Code),
    ("GET /namespaces/default/workflows/$-a/history?namespace.x=1&nothing=2&maximumPageSize=1", "", Code),
    ("GET /api/v1/namespaces/default/workflows/$-none", "", Whole),
    ("GET /api/v1/namespaces/nowhere/workflows/$-a", "", Whole),
    ("GET /api/v1/namespaces/default/workflows/", "", Whole),
    // Lists and counts.
    ("GET /api/v1/namespaces/default/workflows?query=WorkflowId%3D%27$-none%27", "", Whole),
    ("GET /namespaces/default/workflows?query=this+is+wrong", "", Code),
    ("GET /namespaces/default/workflows?pageSize=many", "", Code),
    ("GET /api/v1/namespaces/default/workflow-count?query=WorkflowType='$-none'", "", Whole),
    // What happens to it.
    ("POST /api/v1/namespaces/default/workflows/$-a/signal/go", r#"{"input": ["x"]}"#, Whole),
    ("POST /namespaces/default/workflows/$-none/signal/go", "", Whole),
    ("POST /namespaces/default/workflows/$-a/cancel", r#"{"reason": "enough"}"#, Whole),
    ("POST /namespaces/default/workflows/$-a/update/u", r#"{"request": {"input": {"args": [1]}}}"#, Whole),
    ("POST /namespaces/default/workflows/$-a/terminate", r#"{"reason": "now"}"#, Whole),
    ("POST /namespaces/default/workflows/$-a/terminate", "{}", Whole),
    ("GET /namespaces/default/workflows/$-a/history?historyEventFilterType=2", "", Whole),
    (
        "POST /namespaces/default/workflows/$-s/signal-with-start/go",
        r#"{"workflowType": {"name": "T"}, "taskQueue": {"name": "$"}, "signalInput": ["x"]}"#,
        Whole,
    ),
    // Payloads that have no short form, and one that has.
    (
        "POST /namespaces/default/workflows/$-p",
        r#"{"workflowType": {"name": "T"}, "taskQueue": {"name": "$"}, "input": {"payloads": [
            {"metadata": {"encoding": "anNvbi9wbGFpbg==", "more": "AA=="}, "data": "Nw=="}]},
            "memo": {"fields": {"a": {"_protoMessageType": "orders.Order", "id": 7}, "b": {"metadata": "mine"}}}}"#,
        Whole,
    ),
    ("GET /namespaces/default/workflows/$-p/history?pretty&noPayloadShorthand=1", "", Whole),
    ("GET /namespaces/default/workflows/$-p/history", "", Whole),
    // Schedules.
    (
        "POST /api/v1/namespaces/default/schedules/$",
        r#"{"requestId": "1", "schedule": {"spec": {"interval": [{"interval": "3600s"}]}, "state": {"paused": true},
            "action": {"startWorkflow": {"workflowId": "$-of", "workflowType": {"name": "T"},
                                         "taskQueue": {"name": "$"}, "input": [1]}}}}"#,
        Code,
    ),
    ("POST /api/v1/namespaces/default/schedules/$", "{}", Whole),
    ("GET /api/v1/namespaces/default/schedules/$", "", Code),
    (
        "GET /api/v1/namespaces/default/schedules/$/matching-times?startTime=2026-01-01T00:00:00Z&endTime=2026-01-01T03:00:00Z",
        "",
        Whole,
    ),
    ("GET /api/v1/namespaces/default/schedules/$/matching-times?startTime=tomorrow", "", Code),
    ("DELETE /api/v1/namespaces/default/schedules/$?identity=me", "", Whole),
    ("DELETE /api/v1/namespaces/default/schedules/$", "", Code),
    // Namespaces and what operators do.
    ("GET /cluster/namespaces/nowhere", "", Whole),
    ("GET /api/v1/namespaces/default", "", Code),
    ("POST /cluster/namespaces", r#"{"namespace": "$"}"#, Whole),
    ("POST /cluster/namespaces", r#"{"namespace": "$", "workflowExecutionRetentionPeriod": "1d"}"#, Code),
    ("GET /api/v1/namespaces/default/search-attributes", "", Code),
    ("GET /cluster/namespaces/default/search-attributes", "", Code),
    ("GET /cluster/nexus/endpoints?name=none", "", Whole),
    ("POST /api/v1/nexus/endpoints", r#"{"spec": {"name": "no name"}}"#, Whole),
    ("GET /api/v1/cluster-info", "", Code),
    ("GET /system-info", "", Code),
    ("GET /api/v1/namespaces/default/task-queues/$?taskQueueType=TASK_QUEUE_TYPE_WORKFLOW", "", Code),
    ("GET /api/v1/namespaces/default/worker-deployments/none", "", Code),
    ("GET /api/v1/namespaces/default/batch-operations/none", "", Code),
    // What is no call.
    ("GET /", "", Whole),
    ("GET /api/v1/nothing", "", Whole),
    ("GET /api/v1/namespaces/default/workflows/$-a/history/", "", Whole),
    ("DELETE /api/v1/namespaces/default/workflows/$-a", "", Whole),
    ("PUT /api/v1/namespaces", "{}", Whole),
];

/// Most bytes of a body.
const BODY_BYTES: usize = 4 << 20;

pub(crate) async fn answers(client: Client) -> String {
    let mut lines = String::new();
    for (request, body, compared) in REQUESTS {
        let [request, body] = [request, body].map(|text| text.replace('$', &client.id("it")));
        let answer = ask(&client, &request, &[], body).await;
        writeln!(lines, "{request}\n  {}", said(&answer, *compared)).unwrap();
    }
    let path = format!("POST /api/v1/namespaces/default/workflows/{}", client.id("large"));
    let large = format!("{{\"identity\": \"{}\"}}", "x".repeat(BODY_BYTES));
    let answer = ask(&client, &path, &[], large).await;
    writeln!(lines, "{path}, a large body\n  {}", said(&answer, Whole)).unwrap();
    for timeout in ["soon", "123456789S"] {
        let answer = ask(&client, "GET /system-info", &[("grpc-timeout", timeout)], String::new()).await;
        writeln!(lines, "GET /system-info, within {timeout}\n  {}", said(&answer, Code)).unwrap();
    }
    lines
}

async fn ask(client: &Client, request: &str, more: &[(&'static str, &'static str)], body: String) -> Answer {
    let (address, request) = (client.http_address.clone(), request.to_owned());
    let headers: Vec<(&str, &str)> = more.to_vec();
    let asked = move || {
        let headers = [&[("host", address.as_str())], &headers[..]].concat();
        send(&address, &request, &headers, &body).unwrap()
    };
    tokio::task::spawn_blocking(asked).await.unwrap()
}

/// The status, whether the body has several lines, and the body without what is incidental.
fn said(answer: &Answer, compared: Compared) -> String {
    let status = answer.status().split(' ').nth(1).unwrap();
    let mut body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"));
    let lines = if answer.body.contains('\n') { " in lines" } else { "" };
    match (status, compared) {
        ("200", Code) => return format!("{status}{lines}"),
        (_, Code) => return format!("{status}{lines} code {}", body["code"]),
        (_, Whole) => {}
    }
    scrub(&mut body);
    format!("{status}{lines} {body}")
}

fn scrub(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !INCIDENTAL.contains(&name.as_str()));
            fields.values_mut().for_each(scrub);
        }
        Value::Array(values) => values.iter_mut().for_each(scrub),
        Value::String(text) => {
            let words = text.split_inclusive([' ', '.']).map(|word| {
                let bare = word.trim_end_matches([' ', '.']);
                if is_id(bare) { word.replace(bare, "an id") } else { word.to_owned() }
            });
            *text = words.collect();
        }
        _ => {}
    }
}

/// Whether a text is a UUID.
fn is_id(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.chars().all(|each| each.is_ascii_hexdigit() || each == '-')
}
