//! The HTTP API of the embedded service: `host server` and `host run` on a port of their own, asked by plain HTTP.

use std::{fs, sync::Arc};

use serde_json::{Value, json};
use test_harness::{
    Trial, component,
    http::{Answer, send},
    run, test,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use crate::{
    machine::{Machine, Running},
    process::Process,
    script,
    service::host,
    tls::certificates,
};

const THERE: &str = "the HTTP API is there address=";
/// Most bytes of a body.
const BODY_BYTES: usize = 4 << 20;

/// The tests of the HTTP API.
pub(crate) fn tests() -> [Trial; 8] {
    [
        test("http::a_workflow_from_start_to_result", a_workflow_from_start_to_result),
        test("http::queries_signals_and_updates", queries_signals_and_updates),
        test("http::lists_and_schedules", lists_and_schedules),
        test("http::operators", operators),
        test("http::refusals", refusals),
        test("http::forms", forms),
        test("http::who_may_ask", who_may_ask),
        test("http::addresses", addresses),
    ]
}

/// A process with an HTTP API.
pub(crate) struct Api {
    pub(crate) process: Process,
    /// `127.0.0.1` and its port.
    pub(crate) http: String,
    /// Where it answers gRPC.
    pub(crate) address: String,
    _folder: tempfile::TempDir,
}

impl Api {
    pub(crate) fn start() -> Self {
        let (mut process, folder) = server(&["--http-listen", "127.0.0.1:0"]);
        let http = process.address_after(THERE);
        let address = process.address();
        Self { process, http, address, _folder: folder }
    }

    fn answer(&self, request: &str, body: &Value) -> Answer {
        ask(&self.http, request, &[], &text(body))
    }

    /// The JSON of an answer that must be good.
    #[track_caller]
    fn good(&self, request: &str, body: &Value) -> Value {
        good(&self.http, request, body)
    }

    /// The refusal of a request: the number of its status, and its body.
    #[track_caller]
    fn refused(&self, request: &str, body: &Value) -> (u16, Value) {
        let answer = self.answer(request, body);
        let status = answer.status().split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}")))
    }

    /// Starts a workflow of type `T` on a queue that nothing polls.
    fn start_workflow(&self, id: &str) -> String {
        let request = format!("POST /api/v1/namespaces/default/workflows/{id}");
        let started = self.good(&request, &start("T", "nothing-polls"));
        started["runId"].as_str().unwrap().to_owned()
    }
}

/// A host server with a service on any port.
fn server(more: &[&str]) -> (Process, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let fixed = ["server", "--no-ui", "--listen", "127.0.0.1:0", "--data-dir", &data];
    (Process::start(host(&[&fixed, more].concat())), folder)
}

fn ask(http: &str, request: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let fixed = if headers.iter().any(|(name, _)| *name == "host") { vec![] } else { vec![("host", http)] };
    send(http, request, &[&fixed, headers].concat(), body).unwrap()
}

#[track_caller]
pub(crate) fn good(http: &str, request: &str, body: &Value) -> Value {
    let answer = ask(http, request, &[], &text(body));
    assert_eq!(answer.status(), "HTTP/1.1 200 OK", "{request}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

fn text(body: &Value) -> String {
    if body.is_null() { String::new() } else { body.to_string() }
}

pub(crate) fn start(workflow_type: &str, queue: &str) -> Value {
    json!({ "workflowType": { "name": workflow_type }, "taskQueue": { "name": queue } })
}

fn a_workflow_from_start_to_result() {
    let api = Api::start();
    let worker = script::answer(&api.address, "q", vec![script::completed(r#"{"hello": "World"}"#)]);
    let mut body = start("T", "q");
    body["input"] = json!(["World", { "n": 7 }, null]);
    body["memo"] = json!({ "fields": { "note": "by HTTP" } });
    // Both spellings of paths, and an id with a slash.
    let started = api.good("POST /api/v1/namespaces/default/workflows/hello%2F1", &body);
    let workflow = "/namespaces/default/workflows/hello%2F1";
    // It waits for the end.
    let close = "waitNewEvent=true&historyEventFilterType=HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT";
    let history = api.good(&format!("GET {workflow}/history?{close}"), &Value::Null);
    worker.join().unwrap();
    let event = &history["history"]["events"][0];
    assert_eq!(event["eventType"], "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED", "{history}");
    let result = &event["workflowExecutionCompletedEventAttributes"]["result"];
    assert_eq!(result, &json!([{ "hello": "World" }]), "{history}");

    let history = api.good(&format!("GET /api/v1{workflow}/history?maximumPageSize=1"), &Value::Null);
    let events = history["history"]["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{history}");
    let input = &events[0]["workflowExecutionStartedEventAttributes"]["input"];
    assert_eq!(input, &json!(["World", { "n": 7 }, null]), "{history}");
    let page = history["nextPageToken"].as_str().unwrap().replace('+', "%2B");
    let next = api.good(&format!("GET {workflow}/history?nextPageToken={page}"), &Value::Null);
    assert_eq!(next["history"]["events"][0]["eventId"], "2", "{next}");

    let run = started["runId"].as_str().unwrap();
    let described = api.good(&format!("GET {workflow}?execution.runId={run}"), &Value::Null);
    let info = &described["workflowExecutionInfo"];
    assert_eq!(info["execution"], json!({ "workflowId": "hello/1", "runId": run }), "{described}");
    assert_eq!(info["status"], "WORKFLOW_EXECUTION_STATUS_COMPLETED", "{described}");
    assert_eq!(info["memo"]["fields"], json!({ "note": "by HTTP" }), "{described}");
    assert!(!api.process.log().contains("WARN"), "{}", api.process.log());
    api.process.stop();
}

fn queries_signals_and_updates() {
    let machine = Machine::new();
    let sample = component("message-passing").unwrap();
    fs::copy(sample, machine.folder.path().join("modules/greeting.wasm")).unwrap();
    // Compiling it takes seconds.
    fs::remove_file(machine.module()).unwrap();
    let mut process = machine.begin(&["--no-ui", "--http-listen", "127.0.0.1:0"]);
    let http = process.address_after(THERE);
    let running = Running::wait(process);
    let workflow = "/api/v1/namespaces/default/workflows/g";
    let with_start = format!("POST {workflow}/signal-with-start/approve");
    let mut body = start("Greeting", "q");
    body["signalInput"] = json!(["Ada"]);
    let started = good(&http, &with_start, &body);
    assert_eq!(started["started"], true, "{started}");
    let asked = format!("POST {workflow}/query/language");
    let closed = good(
        &http,
        &format!("GET {workflow}/history?waitNewEvent=true&historyEventFilterType=2"),
        &Value::Null,
    );
    assert_eq!(closed["history"]["events"].as_array().unwrap().len(), 1, "{closed}");
    assert_eq!(good(&http, &asked, &Value::Null)["queryResult"], json!(["english"]));

    // Another one, which waits for its approval.
    let workflow = "/api/v1/namespaces/default/workflows/h";
    let started = good(&http, &format!("POST {workflow}"), &start("Greeting", "q"));
    let mut body = start("Greeting", "q");
    body["workflowIdConflictPolicy"] = json!("UseExisting");
    let existing = good(&http, &format!("POST {workflow}"), &body);
    assert_eq!(existing["runId"], started["runId"], "{existing}");
    let update = json!({
        "waitPolicy": { "lifecycleStage": "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED" },
        "request": { "meta": { "updateId": "one" }, "input": { "args": ["french"] } },
    });
    let updated = good(&http, &format!("POST {workflow}/update/set_language"), &update);
    assert_eq!(updated["outcome"], json!({ "success": ["english"] }), "{updated}");
    let query = json!({ "query": { "queryArgs": [] } });
    assert_eq!(
        good(&http, &format!("POST {workflow}/query/language"), &query)["queryResult"],
        json!(["french"])
    );
    let unknown = ask(&http, &format!("POST {workflow}/query/age"), &[], "");
    assert_eq!(unknown.status(), "HTTP/1.1 400 Bad Request", "{unknown:?}");
    let unknown: Value = serde_json::from_str(&unknown.body).unwrap();
    let failure = &unknown["details"][0]["@type"];
    assert_eq!(failure, "type.googleapis.com/temporal.api.errordetails.v1.QueryFailedFailure", "{unknown}");
    good(&http, &format!("POST {workflow}/signal/approve"), &json!({ "input": ["Ada"] }));
    let closed = good(
        &http,
        &format!("GET {workflow}/history?waitNewEvent=true&historyEventFilterType=2"),
        &Value::Null,
    );
    let result = &closed["history"]["events"][0]["workflowExecutionCompletedEventAttributes"]["result"][0];
    assert_eq!(result, "Bonjour, monde", "{closed}");
    running.process.stop();
}

fn lists_and_schedules() {
    let api = Api::start();
    for id in ["a-1", "a-2", "b-1"] {
        api.start_workflow(id);
    }
    let ids = |query: &str| -> Vec<String> {
        let listed = api.good(&format!("GET /api/v1/namespaces/default/workflows{query}"), &Value::Null);
        let executions = listed["executions"].as_array().cloned().unwrap_or_default();
        let id = |info: &Value| info["execution"]["workflowId"].as_str().unwrap().to_owned();
        executions.iter().map(id).collect()
    };
    assert_eq!(ids(""), ["b-1", "a-2", "a-1"]);
    assert_eq!(ids("?query=WorkflowId+STARTS_WITH+%22a-%22"), ["a-2", "a-1"]);
    assert_eq!(ids("?query=WorkflowId%20%3D%20'none'"), [""; 0]);
    assert_eq!(ids("?pageSize=1&page_size_of_another=7"), ["b-1"]);
    let counted = api.good("GET /namespaces/default/workflow-count?query=WorkflowType%3D'T'", &Value::Null);
    assert_eq!(counted["count"], "3", "{counted}");

    let schedule = json!({ "requestId": "once", "schedule": {
        "spec": { "interval": [{ "interval": "3600s" }] },
        "action": { "startWorkflow": {
            "workflowId": "by-schedule", "workflowType": { "name": "T" }, "taskQueue": { "name": "q" }, "input": [1],
        } },
        "state": { "paused": true, "notes": "not yet" },
    } });
    let path = "/api/v1/namespaces/default/schedules";
    api.good(&format!("POST {path}/hourly"), &schedule);
    let described = api.good(&format!("GET {path}/hourly"), &Value::Null);
    let described = &described["schedule"];
    assert_eq!(described["spec"]["interval"][0]["interval"], "3600s", "{described}");
    assert_eq!(described["action"]["startWorkflow"]["input"], json!([1]), "{described}");
    assert_eq!(described["state"], json!({ "notes": "not yet", "paused": true }), "{described}");
    let listed = api.good(&format!("GET {path}"), &Value::Null);
    assert_eq!(listed["schedules"][0]["scheduleId"], "hourly", "{listed}");
    assert_eq!(api.good(&format!("DELETE {path}/hourly"), &Value::Null), json!({}));
    let (status, gone) = api.refused(&format!("GET {path}/hourly"), &Value::Null);
    assert_eq!((status, &gone["code"]), (404, &json!(5)), "{gone}");
}

fn operators() {
    let api = Api::start();
    let attributes = api.good("GET /cluster/namespaces/default/search-attributes", &Value::Null);
    assert_eq!(attributes["systemAttributes"]["WorkflowId"], "INDEXED_VALUE_TYPE_KEYWORD", "{attributes}");
    let namespace = json!({ "namespace": "shop", "workflowExecutionRetentionPeriod": "86400s" });
    assert_eq!(api.good("POST /api/v1/namespaces", &namespace), json!({}));
    let described = api.good("GET /cluster/namespaces/shop", &Value::Null);
    assert_eq!(described["config"]["workflowExecutionRetentionTtl"], "86400s", "{described}");
    let listed = api.good("GET /api/v1/namespaces?pageSize=10", &Value::Null);
    assert_eq!(listed["namespaces"].as_array().unwrap().len(), 2, "{listed}");
    let target = json!({ "worker": { "namespace": "shop", "taskQueue": "q" } });
    let endpoint =
        api.good("POST /api/v1/nexus/endpoints", &json!({ "spec": { "name": "shop", "target": target } }));
    let id = endpoint["endpoint"]["id"].as_str().unwrap();
    let path = format!("/cluster/nexus/endpoints/{id}");
    let described = api.good(&format!("GET {path}"), &Value::Null);
    assert_eq!(described["endpoint"]["spec"]["target"], target, "{described}");
    let version = described["endpoint"]["version"].as_str().unwrap();
    assert_eq!(api.good(&format!("DELETE {path}?version={version}"), &Value::Null), json!({}));
    let queue = api.good("GET /namespaces/default/task-queues/q?taskQueueType=1", &Value::Null);
    assert!(queue["pollers"].is_null(), "{queue}");
    assert_eq!(api.good("GET /api/v1/cluster-info", &Value::Null)["clusterName"], "active");
}

fn refusals() {
    let api = Api::start();
    let run = api.start_workflow("w");
    let path = "/api/v1/namespaces/default/workflows";
    let (status, body) = api.refused(&format!("POST {path}/w"), &start("T", "q"));
    assert_eq!((status, &body["code"]), (409, &json!(6)), "{body}");
    let detail = &body["details"][0];
    let failure = "type.googleapis.com/temporal.api.errordetails.v1.WorkflowExecutionAlreadyStartedFailure";
    assert_eq!((&detail["@type"], &detail["runId"]), (&json!(failure), &json!(run)), "{body}");
    assert!(body["message"].as_str().unwrap().contains("already running"), "{body}");

    let check = |request: &str, body: &Value, expected: (u16, i32), says: &str| {
        let (status, body) = api.refused(request, body);
        let code = body["code"].as_i64().unwrap();
        assert_eq!((status, code), (expected.0, expected.1.into()), "{request}: {body}");
        assert!(body["message"].as_str().unwrap().contains(says), "{request}: {body}");
    };
    check(&format!("GET {path}/none"), &Value::Null, (404, 5), "none");
    check("GET /api/v1/namespaces/nowhere", &Value::Null, (404, 5), "nowhere");
    check(&format!("POST {path}/v"), &json!({ "workflowType": {} }), (400, 3), "");
    check(&format!("POST {path}/v"), &json!({ "flowType": {} }), (400, 3), "flowType");
    check(&format!("POST {path}/v"), &json!([]), (400, 3), "");
    check(&format!("GET {path}?pageSize=many"), &Value::Null, (400, 3), "page_size");
    check(&format!("GET {path}?query=this+is+wrong"), &Value::Null, (400, 3), "");
    check("GET /api/v1/nothing", &Value::Null, (404, 5), "Not Found");
    check("GET /", &Value::Null, (404, 5), "Not Found");
    check(&format!("DELETE {path}/w"), &Value::Null, (501, 12), "Method Not Allowed");
    check(
        "GET /api/v1/namespaces/default/workflow-rules/r",
        &Value::Null,
        (501, 12),
        "DescribeWorkflowRule is not supported",
    );
    let late = ask(&api.http, &format!("POST {path}/w/query/q"), &[("grpc-timeout", "300m")], "");
    assert_eq!(late.status(), "HTTP/1.1 504 Gateway Timeout", "{late:?}");
    let odd = ask(&api.http, &format!("GET {path}"), &[("grpc-timeout", "soon")], "");
    assert_eq!(odd.status(), "HTTP/1.1 400 Bad Request", "{odd:?}");

    let mut body = start("T", "q");
    body["identity"] = json!("x".repeat(BODY_BYTES));
    check(&format!("POST {path}/v"), &body, (400, 3), "http: request body too large");
    // A body that is not too large has its mistakes read.
    let (status, body) =
        api.refused(&format!("POST {path}/v"), &json!({ "identity": "x".repeat(BODY_BYTES - 100) }));
    assert_eq!(status, 400, "{body}");
    api.good(&format!("POST {path}/after-all-that"), &start("T", "q"));
}

/// Payloads short and long, JSON on one line and indented.
fn forms() {
    let api = Api::start();
    let mut body = start("T", "q");
    body["input"] = json!(["World"]);
    let workflow = "/api/v1/namespaces/default/workflows/w";
    api.good(&format!("POST {workflow}"), &body);
    let history = |more: &str, headers: &[(&str, &str)]| {
        ask(&api.http, &format!("GET {workflow}/history?maximumPageSize=1{more}"), headers, "")
    };
    let input = |answer: &Answer| -> Value {
        let history: Value = serde_json::from_str(&answer.body).unwrap();
        let attributes = &history["history"]["events"][0]["workflowExecutionStartedEventAttributes"];
        attributes["input"].clone()
    };
    let long =
        json!({ "payloads": [{ "metadata": { "encoding": "anNvbi9wbGFpbg==" }, "data": "IldvcmxkIg==" }] });
    let check = |answer: &Answer, content_type: &str, expected: &Value| {
        assert_eq!(answer.header("content-type"), Some(content_type), "{answer:?}");
        assert_eq!(&input(answer), expected, "{answer:?}");
        assert_eq!(answer.body.contains('\n'), content_type.contains("pretty"), "{answer:?}");
    };
    check(&history("", &[]), "application/json", &json!(["World"]));
    check(&history("&pretty", &[]), "application/json+pretty", &json!(["World"]));
    check(&history("&noPayloadShorthand", &[]), "application/json+no-payload-shorthand", &long);
    let both = "application/json+pretty+no-payload-shorthand";
    check(&history("", &[("accept", both)]), both, &long);
    // A body in long form is read as such, whatever it says that it is.
    let mut body = start("T", "q");
    body["input"] = long;
    api.good("POST /api/v1/namespaces/default/workflows/v", &body);
}

/// Names and sites of browsers, and clients without a certificate.
fn who_may_ask() {
    let api = Api::start();
    let path = "GET /api/v1/system-info";
    let status = |headers: &[(&str, &str)]| ask(&api.http, path, headers, "").status().to_owned();
    assert_eq!(status(&[]), "HTTP/1.1 200 OK");
    assert_eq!(status(&[("host", "localhost")]), "HTTP/1.1 200 OK");
    assert_eq!(status(&[("origin", &format!("http://{}", api.http))]), "HTTP/1.1 200 OK");
    for elsewhere in
        [("host", "evil.example"), ("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")]
    {
        assert_eq!(status(&[elsewhere]), "HTTP/1.1 403 Forbidden", "{elsewhere:?}");
    }
    let refused = ask(&api.http, path, &[("host", "evil.example")], "");
    let refused: Value = serde_json::from_str(&refused.body).unwrap();
    assert_eq!(refused["code"], 7, "{refused}");

    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key, ca) = (file("server.pem"), file("server-key.pem"), file("ca.pem"));
    let tls = [
        "--listen-tls-cert-path",
        &certificate,
        "--listen-tls-key-path",
        &key,
        "--listen-tls-client-ca-path",
        &ca,
    ];
    let (mut process, _folder) = server(&[&tls[..], &["--http-listen", "127.0.0.1:0"]].concat());
    let http = process.address_after(THERE);
    let plain = ask(&http, path, &[], "");
    assert_eq!(plain.status(), "HTTP/1.1 400 Bad Request", "{plain:?}");
    assert!(plain.body.contains("this service speaks TLS"), "{plain:?}");
    let certificate = [file("client.pem"), file("client-key.pem")];
    let refused = ask_over_tls(&http, &ca, None);
    assert!(!refused.contains("200 OK"), "{refused}");
    let answered = ask_over_tls(&http, &ca, Some(&certificate));
    assert!(answered.starts_with("HTTP/1.1 200 OK") && answered.contains("serverVersion"), "{answered}");
}

/// What a client with this authority and perhaps a certificate and its key reads until the connection ends.
fn ask_over_tls(http: &str, ca: &str, identity: Option<&[String; 2]>) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(ring::default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let mut config = match identity {
        Some([certificate, key]) => {
            let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = TcpStream::connect(http).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut answer = Vec::new();
        let Ok(mut stream) = TlsConnector::from(Arc::new(config)).connect(name, stream).await else {
            return String::new();
        };
        let request = b"GET /api/v1/system-info HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        // The end of a connection that is refused may come at any of them.
        drop(stream.write_all(request).await);
        drop(stream.read_to_end(&mut answer).await);
        String::from_utf8(answer).unwrap()
    })
}

fn addresses() {
    let api = Api::start();
    // One that was asked for must be there.
    let taken = run(&mut host(&["server", "--no-ui", "--listen", "127.0.0.1:0", "--http-listen", &api.http]))
        .unwrap();
    assert_eq!(taken.code, 1, "{taken:?}");
    assert!(taken.stderr.contains("failed to serve the HTTP API (--http-listen)"), "{taken:?}");
    let exposed = run(&mut host(&["server", "--http-listen", "0.0.0.0:0"])).unwrap();
    assert_eq!(exposed.code, 2, "{exposed:?}");
    assert!(
        exposed.stderr.contains("--http-listen 0.0.0.0:0 is reachable from other machines"),
        "{exposed:?}"
    );
    let joined = ["run", "-t", "q", "-m", "none", "--address", &api.address, "--http-listen", "127.0.0.1:0"];
    let joined = run(&mut host(&joined)).unwrap();
    assert!(joined.stderr.contains("--http-listen is for the service in this process"), "{joined:?}");
    // There is none unless it is asked for, where the service is elsewhere than by default.
    let (mut process, _folder) = server(&[]);
    process.address();
    assert!(!process.stop().contains("HTTP API"));
    api.process.stop();
}
