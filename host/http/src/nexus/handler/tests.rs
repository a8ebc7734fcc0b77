use host_wire::temporal::api::{
    common::v1::Payload,
    nexus::v1::{CancelOperationRequest, Link, StartOperationRequest},
};

use super::*;

fn json(data: &'static str) -> Payload {
    let encoding = ("encoding".to_owned(), Bytes::from_static(b"json/plain"));
    Payload { metadata: [encoding].into(), data: data.into(), ..Payload::default() }
}

/// The URL, the headers a line each, and the body of a request.
fn written(url: &str, variant: request::Variant) -> String {
    let header = [("operation-timeout", "5000ms"), ("Host", "b.example"), ("content-length", "1")];
    let header = header.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let request = Request { header, variant: Some(variant), ..Request::default() };
    let Sent { url, headers, body } = sent(url, &request).unwrap();
    let mut lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    format!("{url}\n{}\n{}", lines.join("\n"), String::from_utf8_lossy(&body))
}

#[test]
fn a_start_is_sent() {
    let start = StartOperationRequest {
        service: "a service".to_owned(),
        operation: "pay/out".to_owned(),
        request_id: "1".to_owned(),
        callback: "http://127.0.0.1:7243/namespaces/default/nexus/callback".to_owned(),
        callback_header: [("temporal-callback-token".to_owned(), "t".to_owned())].into(),
        payload: Some(json("7")),
        links: vec![Link { url: "temporal:///a".to_owned(), r#type: "x".to_owned() }],
    };
    expect_test::expect![[r#"
        https://a.example/nexus/a%20service/pay%2Fout?callback=http%3A%2F%2F127.0.0.1%3A7243%2Fnamespaces%2Fdefault%2Fnexus%2Fcallback
        content-type: application/json
        nexus-callback-temporal-callback-token: t
        nexus-link: <temporal:///a>; type="x"
        nexus-request-id: 1
        operation-timeout: 5000ms
        user-agent: temporalio/server
        7"#]]
    .assert_eq(&written("https://a.example/nexus/", request::Variant::StartOperation(start)));
}

#[test]
fn a_cancellation_is_sent() {
    let cancel = CancelOperationRequest {
        service: "s".to_owned(),
        operation: "o".to_owned(),
        operation_token: "t".to_owned(),
        ..CancelOperationRequest::default()
    };
    expect_test::expect![[r#"
        http://a.example/s/o/cancel
        nexus-operation-token: t
        operation-timeout: 5000ms
        user-agent: temporalio/server
    "#]]
    .assert_eq(&written("http://a.example", request::Variant::CancelOperation(cancel)));
}

/// Headers are a line each, as in an answer.
#[track_caller]
fn check(status: u16, lines: &str, body: &'static str, expected: &str) {
    let headers = lines
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter_map(|(name, value)| header(name, value));
    let headers: HeaderMap = headers.collect();
    let answer = started(status.try_into().unwrap(), &headers, body.into());
    let said = match answer.map(|answer| answer.variant) {
        Ok(Some(response::Variant::StartOperation(start))) => match start.variant.unwrap() {
            Variant::SyncSuccess(sync) => {
                format!("{:?}, {} links", sync.payload.unwrap().data, sync.links.len())
            }
            Variant::AsyncSuccess(started) => format!("token {}", started.operation_token),
            Variant::OperationError(error) => {
                format!("{}: {}", error.operation_state, error.failure.unwrap().message)
            }
            Variant::Failure(_) => "a failure".to_owned(),
        },
        Ok(_) => "nothing".to_owned(),
        Err(error) => {
            let retry = error.retry_behavior();
            format!("{} {retry:?}: {}", error.error_type, error.failure.unwrap().message)
        }
    };
    assert_eq!(said, expected, "{status} {body}");
}

#[test]
fn answers_to_a_start() {
    let json = "content-type: application/json\n";
    check(200, &format!("{json}nexus-link: <a>; type=\"x\""), "7", "b\"7\", 1 links");
    check(200, "", "", "b\"\", 0 links");
    check(201, json, r#"{"token": "t", "state": "running"}"#, "token t");
    check(201, json, r#"{"id": "t", "state": "running"}"#, "token t");
    check(
        201,
        json,
        r#"{"state": "done"}"#,
        "UNAVAILABLE Unspecified: no token of a running operation: {\"state\": \"done\"}",
    );
    let failed = format!("{json}nexus-operation-state: failed");
    check(424, &failed, r#"{"message": "no"}"#, "failed: no");
    check(424, &failed.replace("failed", "canceled"), r#"{"message": "no"}"#, "canceled: no");
    check(424, json, "{}", "UNAVAILABLE Unspecified: invalid operation state header: \"\": {}");
    check(404, json, r#"{"message": "who"}"#, "NOT_FOUND Unspecified: who");
    check(400, &format!("{json}nexus-request-retryable: true"), "{}", "BAD_REQUEST Retryable: ");
    check(503, "", "<html>", "UNAVAILABLE Unspecified: ");
    check(
        302,
        "",
        "elsewhere",
        "UNAVAILABLE Unspecified: unexpected response status: \"302 Found\": elsewhere",
    );
}

#[test]
fn answers_to_a_cancellation() {
    let answer = |status: u16| canceled(status.try_into().unwrap(), &HeaderMap::new(), b"");
    assert!(answer(202).is_ok());
    assert_eq!(answer(404).unwrap_err().error_type, "NOT_FOUND");
    assert_eq!(answer(200).unwrap_err().error_type, UNAVAILABLE);
}
