//! Nexus operations: commands that are refused, what becomes of the answers of handlers, and how operations are shown.

use std::{fmt::Write as _, time::Duration};

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::{command::Attributes, *},
        common::v1::{Callback, Payload, callback},
        enums::v1::NexusHandlerErrorRetryBehavior as Retry,
        failure::v1::Failure,
        nexus::v1::{
            EndpointSpec, EndpointTarget, Failure as NexusFailure, Link,
            endpoint_target::{self, Worker},
            request,
            start_operation_response::{Async, Sync, Variant},
        },
        operatorservice::v1::CreateNexusEndpointRequest,
        workflowservice::v1::*,
    },
};

use crate::{
    client::{Client, NAMESPACE, completion, json, refusal, seconds},
    nexus_client::{
        Answer, FIRST, SECOND, UNPOLLED, attempt, cancel, error, failure, outcome, poll, respond,
        schedule_one, scheduled, start_of, started, unsuccessful,
    },
};

/// The last failure of a call that nothing answered in time.
const REQUEST_TIMEOUT: &str = "\"request timed out\" Application(\"CallError\" false None)";
const UPSTREAM_TIMEOUT: &str = "\"handler error (UPSTREAM_TIMEOUT): upstream timeout\" \
                                Handler(UPSTREAM_TIMEOUT Unspecified) <- \"upstream timeout\" \
                                Application(\"NexusFailure\" false None)";

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = String::new();
    let queue = client.queue().unwrap().name;
    for (name, task_queue) in [(UNPOLLED, "unpolled"), (FIRST, &queue), (SECOND, &queue)] {
        let worker = Worker { namespace: NAMESPACE.to_owned(), task_queue: task_queue.to_owned() };
        let spec = EndpointSpec {
            name: name.to_owned(),
            description: None,
            target: Some(EndpointTarget { variant: Some(endpoint_target::Variant::Worker(worker)) }),
        };
        let request = CreateNexusEndpointRequest { spec: Some(spec) };
        client.operator.create_nexus_endpoint(request).await.unwrap();
    }
    commands(&mut client, &mut lines).await;
    for (what, answer) in handler_answers() {
        ended(&mut client, &mut lines, what, answer).await;
    }
    for (what, answer) in refused_answers() {
        refused(&mut client, &mut lines, what, answer).await;
    }
    unanswered(&mut client, &mut lines).await;
    canceled(&mut client, &mut lines).await;
    called_back(&mut client, &mut lines).await;
    lines
}

async fn commands(client: &mut Client, lines: &mut String) {
    let header = |key: &str, bytes: usize| {
        scheduled(|it| drop(it.nexus_header.insert(key.to_owned(), "v".repeat(bytes))))
    };
    let cases: Vec<(&str, Vec<Attributes>)> = vec![
        ("as usual", vec![scheduled(|_| {})]),
        ("an endpoint that is not there", vec![scheduled(|it| it.endpoint = "nowhere".to_owned())]),
        ("no endpoint", vec![scheduled(|it| it.endpoint.clear())]),
        ("no service", vec![scheduled(|it| it.service.clear())]),
        ("no operation", vec![scheduled(|it| it.operation.clear())]),
        ("a header", vec![header("Key", 10)]),
        ("a large header", vec![header("key", 900), header("key", 4_094)]),
        ("a header of the service", vec![header("Request-Timeout", 1)]),
        ("a timeout", vec![scheduled(|it| it.schedule_to_close_timeout = seconds(60))]),
        ("too many", (0..31).map(|_| scheduled(|_| {})).collect()),
        ("a cancellation of nothing", vec![cancel(3)]),
    ];
    for (what, commands) in cases {
        let name = format!("command {what}");
        client.start(&name).await;
        let task = client.poll().await;
        let said = match client.try_complete(&task, commands).await {
            Err(status) => refusal(&status),
            Ok(()) => {
                let event = client.history(&client.id(&name), "").await.into_iter().find_map(|event| {
                    match event.attributes {
                        Some(EventAttributes::NexusOperationScheduledEventAttributes(it)) => Some(it),
                        _ => None,
                    }
                });
                let event = event.unwrap();
                let timeout = event.schedule_to_close_timeout.map(|it| it.seconds);
                format!(
                    "{:?} {:?} {:?} {timeout:?} {:?}, ids {} {}",
                    event.endpoint,
                    event.service,
                    event.operation,
                    event.nexus_header,
                    event.endpoint_id.len(),
                    event.request_id.len()
                )
            }
        };
        writeln!(lines, "command; {what}: {said}").unwrap();
        client.terminate(&name).await;
    }
}

fn handler_answers() -> Vec<(&'static str, Answer)> {
    let temporal = |details: &str| NexusFailure {
        metadata: [("type".to_owned(), "temporal.api.failure.v1.Failure".to_owned())].into(),
        details: details.to_owned().into(),
        ..failure("of temporal")
    };
    let other = NexusFailure {
        metadata: [("key".to_owned(), "value".to_owned())].into(),
        details: "{ \"a\": 1 }".into(),
        ..failure("of another")
    };
    let link = Link {
        url: "temporal:///namespaces/n%20s/workflows/w/r/history?eventID=1&eventType=WorkflowExecutionStarted&referenceType=EventReference".to_owned(),
        r#type: "temporal.api.common.v1.Link.WorkflowEvent".to_owned(),
    };
    let other_link = Link { url: "https://a.example/".to_owned(), r#type: "other".to_owned() };
    let sync = |payload, links| started(Variant::SyncSuccess(Sync { payload, links }));
    let binary = Payload {
        metadata: [("encoding".to_owned(), "binary/plain".into())].into(),
        data: vec![0, 1].into(),
        ..Payload::default()
    };
    let mut all = vec![
        ("a result", sync(Some(json("1")), Vec::new())),
        ("no result", sync(None, Vec::new())),
        ("bytes", sync(Some(binary), Vec::new())),
        ("a result and links", sync(Some(json("2")), vec![link.clone(), other_link])),
        (
            "a token",
            started(Variant::AsyncSuccess(Async {
                operation_token: "token".to_owned(),
                links: vec![link],
                ..Async::default()
            })),
        ),
        (
            "an older token",
            started(Variant::AsyncSuccess(Async { operation_id: "id".to_owned(), ..Async::default() })),
        ),
        ("failed", unsuccessful("failed", Some(failure("failed")))),
        ("failed without a failure", unsuccessful("failed", None)),
        (
            "failed as Temporal fails",
            unsuccessful("failed", Some(temporal("{\"applicationFailureInfo\":{\"type\":\"T\"}}"))),
        ),
        ("failed otherwise", unsuccessful("failed", Some(other))),
        ("canceled", unsuccessful("canceled", Some(failure("canceled")))),
        (
            "canceled as Temporal cancels",
            unsuccessful("canceled", Some(temporal("{\"canceledFailureInfo\":{}}"))),
        ),
        ("another state", unsuccessful("succeeded", Some(failure("what")))),
        ("nothing", Answer::Completed(None)),
        ("no error", Answer::Failed(None)),
        ("an unknown error", error("STRANGE", Retry::Unspecified)),
    ];
    for of in [
        "BAD_REQUEST",
        "UNAUTHENTICATED",
        "UNAUTHORIZED",
        "NOT_FOUND",
        "NOT_IMPLEMENTED",
        "RESOURCE_EXHAUSTED",
        "INTERNAL",
        "UNAVAILABLE",
        "UPSTREAM_TIMEOUT",
    ] {
        all.push((of, error(of, Retry::Unspecified)));
    }
    all.push(("INTERNAL, not to be tried again", error("INTERNAL", Retry::NonRetryable)));
    all.push(("BAD_REQUEST, to be tried again", error("BAD_REQUEST", Retry::Retryable)));
    all
}

fn refused_answers() -> Vec<(&'static str, Answer)> {
    let token =
        |operation_token| started(Variant::AsyncSuccess(Async { operation_token, ..Async::default() }));
    let details = NexusFailure { details: "{".into(), ..failure("details") };
    vec![
        ("no token", token(String::new())),
        ("a long token", token("t".repeat(4_097))),
        ("details that are not JSON", unsuccessful("failed", Some(details))),
    ]
}

async fn ended(client: &mut Client, lines: &mut String, what: &str, answer: Answer) {
    let name = format!("answer {what}");
    let task = schedule_one(client, &name, FIRST).await;
    respond(client, &task, answer).await.unwrap();
    let outcome = outcome(client, &name).await;
    writeln!(lines, "answer; {what}: {outcome}").unwrap();
    client.terminate(&name).await;
}

async fn refused(client: &mut Client, lines: &mut String, what: &str, answer: Answer) {
    let name = format!("refused {what}");
    let task = schedule_one(client, &name, SECOND).await;
    let status = respond(client, &task, answer).await.unwrap_err();
    writeln!(lines, "answer; {what}: {}", refusal(&status)).unwrap();
    client.terminate(&name).await;
}

/// Operations whose handler says nothing.
async fn unanswered(client: &mut Client, lines: &mut String) {
    let name = "unanswered";
    client.start(name).await;
    let task = client.poll().await;
    let timeout = scheduled(|it| {
        it.endpoint = SECOND.to_owned();
        it.schedule_to_close_timeout = seconds(13);
    });
    client.complete(&task, vec![timeout]).await;
    let task = poll(client).await;
    let start = start_of(&task);
    writeln!(
        lines,
        "request; {} {} input {:?}, {} links",
        start.service,
        start.operation,
        start.payload.unwrap_or_default().data,
        start.links.len()
    )
    .unwrap();
    let attempt = loop {
        match attempt(client, name).await {
            Some(attempt) => break attempt,
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    // Temporal's server says so in two ways: its frontend and what waits for it have the same timeout.
    let attempt = attempt.replace(UPSTREAM_TIMEOUT, REQUEST_TIMEOUT);
    writeln!(lines, "no answer: {attempt}").unwrap();
    let nothing = Answer::Completed(None);
    let late = respond(client, &task, nothing).await.unwrap_err();
    writeln!(lines, "a late answer: {}", refusal(&late)).unwrap();
    let timed_out = loop {
        let outcome = outcome(client, name).await;
        if outcome.starts_with("timed out") {
            break outcome;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    writeln!(lines, "no answer in all: {timed_out}").unwrap();
    client.terminate(name).await;
}

/// Cancellation of an operation that is started.
async fn canceled(client: &mut Client, lines: &mut String) {
    for (what, answer) in
        [("taken", Answer::Completed(None)), ("refused", error("NOT_FOUND", Retry::Unspecified))]
    {
        let name = format!("cancel {what}");
        let task = schedule_one(client, &name, SECOND).await;
        let token = Async { operation_token: "token".to_owned(), ..Async::default() };
        respond(client, &task, started(Variant::AsyncSuccess(token))).await.unwrap();
        let task = client.poll().await;
        client.complete(&task, vec![cancel(5)]).await;
        let task = poll(client).await;
        let Some(request::Variant::CancelOperation(asked)) = task.request.clone().unwrap().variant else {
            panic!("{task:?}");
        };
        let asked = (asked.service, asked.operation, asked.operation_token, asked.operation_id);
        respond(client, &task, answer).await.unwrap();
        let task = client.poll().await;
        let events: Vec<_> = client
            .history(&client.id(&name), "")
            .await
            .into_iter()
            .skip(4)
            .map(|event| {
                format!("{:?}{}", event.event_type(), if event.worker_may_ignore { "?" } else { "" })
            })
            .collect();
        writeln!(lines, "cancel; {what}: asked {asked:?}: {}", events.join(" ")).unwrap();
        let again = client.try_complete(&task, vec![cancel(5)]).await.unwrap_err();
        writeln!(lines, "cancel; {what}, once more: {}", refusal(&again)).unwrap();
        client.terminate(&name).await;
    }
}

/// An operation that ends as the workflow which its handler started.
async fn called_back(client: &mut Client, lines: &mut String) {
    for how in ["completes", "fails", "cancels", "is terminated", "ends before the answer"] {
        let name = format!("caller {how}");
        let task = schedule_one(client, &name, SECOND).await;
        let start = start_of(&task);
        let mut header = start.callback_header.clone();
        header.insert("nexus-operation-token".to_owned(), "token".to_owned());
        let nexus = callback::Nexus { url: start.callback.clone(), header };
        let callee = format!("callee {how}");
        let request = StartWorkflowExecutionRequest {
            request_id: start.request_id.clone(),
            completion_callbacks: vec![Callback {
                variant: Some(callback::Variant::Nexus(nexus)),
                links: Vec::new(),
            }],
            ..client.start_request(&callee)
        };
        client.service.start_workflow_execution(request).await.unwrap();
        let token = Async { operation_token: "token".to_owned(), ..Async::default() };
        let is_late = how == "ends before the answer";
        if !is_late {
            respond(client, &task, started(Variant::AsyncSuccess(token))).await.unwrap();
        }
        close_callee(client, &callee, how).await;
        let ended = loop {
            let outcome = outcome(client, &name).await;
            if !outcome.starts_with("started") {
                break outcome;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let events: Vec<_> = client
            .history(&client.id(&name), "")
            .await
            .into_iter()
            .skip(5)
            .map(|event| format!("{:?}", event.event_type()))
            .filter(|event| event.starts_with("Nexus"))
            .collect();
        writeln!(lines, "callee {how}: {}: {ended}", events.join(" ")).unwrap();
        client.terminate(&name).await;
    }
}

async fn close_callee(client: &mut Client, callee: &str, how: &str) {
    if how == "is terminated" {
        return client.terminate(callee).await;
    }
    // The caller may have a task as well.
    loop {
        let task = client.poll().await;
        if task.workflow_execution.as_ref().unwrap().workflow_id != client.id(callee) {
            client.complete(&task, Vec::new()).await;
            continue;
        }
        let command = match how {
            "fails" => {
                let failure = Some(Failure { message: "it failed".to_owned(), ..Failure::default() });
                Attributes::FailWorkflowExecutionCommandAttributes(Box::new(
                    FailWorkflowExecutionCommandAttributes { failure },
                ))
            }
            "cancels" => Attributes::CancelWorkflowExecutionCommandAttributes(Box::default()),
            _ => completion(),
        };
        return client.complete(&task, vec![command]).await;
    }
}
