//! Refusals as answers of HTTP: a `google.rpc.Status` as JSON, with its details, as Temporal's server gives them.

use bytes::Bytes;
use host_wire::{google::rpc, protojson::message_to_json};
use http::{Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use prost::Message;
use tonic::{Code, Status};

use crate::form::Form;

/// What is answered where a status has no JSON form.
const UNWRITABLE: &str = r#"{"code": 13, "message": "failed to marshal error message"}"#;

/// The answer for a status.
pub(crate) fn refusal(status: &Status, form: Form) -> Response<Full<Bytes>> {
    let mut message = rpc::Status::decode(status.details()).unwrap_or_default();
    message.code = status.code().into();
    status.message().clone_into(&mut message.message);
    let (code, body) = match message_to_json(&message, form.write_options()) {
        Ok(body) => (http_status(status.code()), body),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, UNWRITABLE.to_owned()),
    };
    answer(code, form, body)
}

/// An answer of JSON.
pub(crate) fn answer(code: StatusCode, form: Form, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, form.content_type());
    response
}

/// The status of HTTP for a code of gRPC, by `google/rpc/code.proto`.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        // Of nginx; no standard has one.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use host_service::status_with_detail;
    use host_wire::temporal::api::errordetails::v1::WorkflowExecutionAlreadyStartedFailure;
    use http_body_util::BodyExt as _;

    use super::*;

    /// The status line and the body of the answer.
    fn check(status: &Status, expected: Expect) {
        let response = refusal(status, Form::default());
        let code = response.status().as_u16();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(response.into_body().collect()).unwrap().to_bytes();
        expected.assert_eq(&format!("{code} {}", std::str::from_utf8(&body).unwrap()));
    }

    #[test]
    fn refusals_have_their_details() {
        check(&Status::not_found("Not Found"), expect![[r#"404 {"code":5,"message":"Not Found"}"#]]);
        check(&Status::cancelled(""), expect![[r#"499 {"code":1}"#]]);
        let detail = WorkflowExecutionAlreadyStartedFailure { run_id: "r".to_owned(), ..Default::default() };
        let status = status_with_detail(Code::AlreadyExists, "already running", &detail);
        check(
            &status,
            expect![[
                r#"409 {"code":6,"message":"already running","details":[{"@type":"type.googleapis.com/temporal.api.errordetails.v1.WorkflowExecutionAlreadyStartedFailure","runId":"r"}]}"#
            ]],
        );
    }
}
