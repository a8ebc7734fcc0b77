//! Nexus operations whose handlers are at URLs: `host server` calls them over HTTP, and they report to its HTTP API.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Sender},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use test_harness::http::send;

use crate::{
    http::{Api, good, start},
    machine::PATIENCE,
    script::{self, completed, nexus_operation},
};

/// How often a handler looks whether its answer was taken.
const PAUSE: Duration = Duration::from_millis(20);

/// A handler of some operations, for as long as the test runs; its address. It sends the statuses of its reports.
fn handler(told: Sender<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut attempts = 0;
        for stream in listener.incoming() {
            attempts += 1;
            handle(stream.unwrap(), attempts, told.clone());
        }
    });
    address
}

fn handle(mut stream: TcpStream, attempts: u32, told: Sender<String>) {
    let mut reader = BufReader::new(&stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let operation = path.strip_prefix("/at/s/").unwrap().split('?').next().unwrap();
    let (status, headers, answer) = match operation {
        "double" => {
            ("200 OK", "", (String::from_utf8(body).unwrap().parse::<i32>().unwrap() * 2).to_string())
        }
        "slow" => {
            let callback =
                path.split_once("callback=http%3A%2F%2F").unwrap().1.replace("%2F", "/").replace("%3A", ":");
            let (address, path) = callback.split_once('/').unwrap();
            let (address, path) = (address.to_owned(), format!("POST /{path}"));
            let token = header("nexus-callback-temporal-callback-token").unwrap();
            thread::spawn(move || report(&address, &path, &token, &told));
            ("201 Created", "", json!({ "token": "t", "state": "running" }).to_string())
        }
        "refuse" => (
            "424 Failed Dependency",
            "nexus-operation-state: failed\r\n",
            json!({ "message": "no" }).to_string(),
        ),
        "flaky" if attempts == 1 => {
            ("503 Service Unavailable", "", json!({ "message": "later" }).to_string())
        }
        "flaky" => ("200 OK", "", "1".to_owned()),
        _ => ("404 Not Found", "", json!({ "message": "no such operation" }).to_string()),
    };
    let length = answer.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\
         connection: close\r\n\r\n{answer}"
    )
    .unwrap();
}

/// Tells the service that the operation has ended, and once more.
fn report(address: &str, request: &str, token: &str, told: &Sender<String>) {
    // Not before the workflow knows that it is started: its worker is to get a task for each.
    let history = "GET /api/v1/namespaces/default/workflows/slow/history";
    let tasks = || {
        let answer = send(address, history, &[("host", address)], "").unwrap();
        answer.body.matches("EVENT_TYPE_WORKFLOW_TASK_COMPLETED").count()
    };
    while tasks() < 2 {
        thread::sleep(PAUSE);
    }
    let headers = [
        ("host", address),
        ("content-type", "application/json"),
        ("temporal-callback-token", token),
        ("nexus-operation-token", "t"),
        ("nexus-operation-state", "succeeded"),
    ];
    for result in ["21", "22"] {
        told.send(send(address, request, &headers, result).unwrap().status().to_owned()).unwrap();
    }
}

/// The events of operations in the history of a workflow that calls one, once it has ended; those that are its tasks or its
/// own are left out.
fn called(api: &Api, operation: &str, tasks: usize) -> Vec<(String, Value)> {
    let mut commands = vec![vec![nexus_operation("outside", operation)]];
    commands.extend((1..tasks).map(|_| vec![]));
    commands.push(vec![completed("null")]);
    let worker = script::answer_all(&api.address, operation, commands);
    let workflow = format!("/api/v1/namespaces/default/workflows/{operation}");
    good(&api.http, &format!("POST {workflow}"), &start("T", operation));
    worker.join().unwrap();
    let history = good(&api.http, &format!("GET {workflow}/history"), &Value::Null);
    let events = history["history"]["events"].as_array().unwrap().iter().filter_map(|event| {
        let kind = event["eventType"].as_str().unwrap().strip_prefix("EVENT_TYPE_NEXUS_OPERATION_")?;
        let attributes = event.as_object().unwrap().values().find(|value| value.is_object()).unwrap();
        Some((kind.to_owned(), attributes.clone()))
    });
    events.collect()
}

pub(crate) fn handlers_at_urls_are_called() {
    let api = Api::start();
    let (sender, told) = mpsc::channel();
    let handler = handler(sender);
    let target = json!({ "external": { "url": format!("http://{handler}/at") } });
    let spec = json!({ "spec": { "name": "outside", "target": target } });
    good(&api.http, "POST /api/v1/nexus/endpoints", &spec);
    let kinds = |events: &[(String, Value)]| {
        events.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>().join(" ")
    };

    let flaky = called(&api, "flaky", 1);
    assert_eq!(kinds(&flaky), "SCHEDULED COMPLETED", "{flaky:?}");
    let double = called(&api, "double", 1);
    assert_eq!(kinds(&double), "SCHEDULED COMPLETED", "{double:?}");
    assert_eq!(double[1].1["result"], 14, "{double:?}");
    let slow = called(&api, "slow", 2);
    assert_eq!(kinds(&slow), "SCHEDULED STARTED COMPLETED", "{slow:?}");
    assert_eq!((&slow[1].1["operationToken"], &slow[2].1["result"]), (&json!("t"), &json!(21)), "{slow:?}");
    let told = [(); 2].map(|()| told.recv_timeout(PATIENCE).unwrap());
    assert_eq!(told, ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"]);
    let refuse = called(&api, "refuse", 1);
    assert_eq!(kinds(&refuse), "SCHEDULED FAILED", "{refuse:?}");
    assert_eq!(refuse[1].1["failure"]["cause"]["message"], "no", "{refuse:?}");
    let none = called(&api, "none", 1);
    assert_eq!(kinds(&none), "SCHEDULED FAILED", "{none:?}");
    let message = &none[1].1["failure"]["cause"]["message"];
    assert_eq!(message, "handler error (NOT_FOUND): no such operation", "{none:?}");
    // A report of no operation.
    let path = "POST /namespaces/default/nexus/callback";
    let headers = [("host", api.http.as_str()), ("nexus-operation-state", "succeeded")];
    let odd = send(&api.http, path, &headers, "").unwrap();
    assert_eq!(odd.status(), "HTTP/1.1 404 Not Found", "{odd:?}");
    api.process.stop();
}
