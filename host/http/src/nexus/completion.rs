//! What a handler at a URL reports when an operation has ended: a request to the callback that it was given.

use bytes::Bytes;
use host_wire::temporal::api::{common::v1::Payload, nexus::v1::Failure};
use http::{HeaderMap, Method, Uri};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tonic::Status;

use super::{content, handler::failure};

/// Header with the state of an operation.
pub(super) const STATE: &str = "nexus-operation-state";
/// Header with the handler's token of an operation.
pub(super) const TOKEN: &str = "nexus-operation-token";
/// The end of the path of callbacks, as Temporal's server has it: `/namespaces/NAMESPACE/nexus/callback`.
const SUFFIX: &str = "/nexus/callback";
const PREFIX: &str = "/namespaces/";

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With this result.
    Succeeded(Payload),
    /// It failed.
    Failed(Failure),
    /// It was cancelled.
    Canceled(Failure),
}

/// The report of a handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The headers of the request, among which are those that came with the callback.
    pub headers: Vec<(String, String)>,
    /// The handler's token of the operation, if it says it.
    pub operation_token: String,
    /// How the operation ended.
    pub outcome: Outcome,
}

/// The URL of the callback of a namespace, on an API at this URL.
#[must_use]
pub fn callback_url(api: &str, namespace: &str) -> String {
    format!("{api}{PREFIX}{}{SUFFIX}", utf8_percent_encode(namespace, NON_ALPHANUMERIC))
}

/// The namespace whose callback a request is for, if it is one.
pub(crate) fn callback_namespace(method: &Method, uri: &Uri) -> Option<String> {
    let namespace = uri.path().strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let is_one = *method == Method::POST && !namespace.is_empty() && !namespace.contains('/');
    is_one.then(|| percent_decode_str(namespace).decode_utf8_lossy().into_owned())
}

/// The report that a request is.
///
/// # Errors
///
/// INVALID_ARGUMENT, when it is none.
pub(crate) fn completion(headers: &HeaderMap, body: Bytes) -> Result<Completion, Status> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wrong = |what: &str| Status::invalid_argument(what.to_owned());
    let failed = || {
        let is_json = content::is_json(headers);
        let failure = is_json.then(|| failure(&body)).flatten();
        failure.ok_or_else(|| wrong("failed to decode Failure from request body"))
    };
    let outcome = match text(STATE) {
        "succeeded" => {
            let payload = content::from_content(headers, body.clone());
            Outcome::Succeeded(payload.ok_or_else(|| wrong("failed to decode the result from request body"))?)
        }
        "failed" => Outcome::Failed(failed()?),
        "canceled" => Outcome::Canceled(failed()?),
        state => return Err(wrong(&format!("invalid request operation state: {state:?}"))),
    };
    let pairs = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    Ok(Completion { headers: pairs.collect(), operation_token: text(TOKEN).to_owned(), outcome })
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn paths_of_callbacks() {
        let namespace = |request: &str| {
            let (method, uri) = request.split_once(' ').unwrap();
            callback_namespace(&method.parse().unwrap(), &uri.parse().unwrap())
        };
        let url = callback_url("http://127.0.0.1:1", "a b");
        let path = url.strip_prefix("http://127.0.0.1:1").unwrap();
        assert_eq!(namespace(&format!("POST {path}")).as_deref(), Some("a b"));
        for other in [
            "GET /namespaces/a/nexus/callback",
            "POST /namespaces//nexus/callback",
            "POST /namespaces/a/b/nexus/callback",
            "POST /api/v1/namespaces/a/nexus/callback",
        ] {
            assert_eq!(namespace(other), None, "{other}");
        }
    }

    /// Headers are a line each, as in a request; the answer is the token and the outcome, or what is wrong.
    #[track_caller]
    fn check(lines: &str, body: &'static str, expected: &str) {
        let headers = lines.lines().map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
        });
        let said = match completion(&headers.collect(), body.into()) {
            Ok(Completion { operation_token, outcome, .. }) => match outcome {
                Outcome::Succeeded(payload) => format!("{operation_token} {:?}", payload.data),
                Outcome::Failed(failure) => format!("{operation_token} failed {}", failure.message),
                Outcome::Canceled(failure) => format!("{operation_token} canceled {}", failure.message),
            },
            Err(status) => status.message().to_owned(),
        };
        assert_eq!(said, expected, "{lines}");
    }

    #[test]
    fn reports() {
        let json = "content-type: application/json\nnexus-operation-token: t\nnexus-operation-state: ";
        check(&format!("{json}succeeded"), "7", "t b\"7\"");
        check("nexus-operation-state: succeeded", "", " b\"\"");
        check(&format!("{json}failed"), r#"{"message": "no"}"#, "t failed no");
        check(&format!("{json}canceled"), r#"{"message": "enough"}"#, "t canceled enough");
        check(&format!("{json}failed"), "no", "failed to decode Failure from request body");
        check("nexus-operation-state: failed", "{}", "failed to decode Failure from request body");
        check(&format!("{json}running"), "", "invalid request operation state: \"running\"");
    }
}
