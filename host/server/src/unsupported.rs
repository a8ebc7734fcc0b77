//! What calls answer that the service does not have: their name, and what to use instead.

use http::{HeaderMap, HeaderValue};
use tonic::{Code, Status};

/// What tonic says of a call that a service has and does not implement; of other calls it says nothing.
const OF_TONIC: &str = "Not yet implemented";

/// What to use instead of calls with one of these words in their names.
const INSTEAD: &[(&str, &str)] = &[
    ("Schedule", "start workflows from a workflow that waits by timers"),
    ("Nexus", "start a child workflow, or call the other service from an activity"),
    ("WorkerDeployment", "let workers poll with the version: that makes it known"),
    ("Deployment", "use the calls of worker deployments"),
    ("BuildId", "use worker deployments"),
    ("Versioning", "use worker deployments"),
    ("Cluster", "the service is one process on one machine"),
    ("WorkflowRule", "pause, cancel or terminate workflows one by one"),
];

/// Gives the answer of a call that is not supported its text. `path` is that of the request, `/package.Service/Call`.
pub(crate) fn explain(path: &str, headers: &mut HeaderMap) {
    let is =
        |name: http::HeaderName, expected: &str| headers.get(name).is_some_and(|value| value == expected);
    let code = i32::from(Code::Unimplemented).to_string();
    let says_nothing = headers.get(Status::GRPC_MESSAGE).is_none_or(HeaderValue::is_empty);
    let default = OF_TONIC.replace(' ', "%20");
    if !is(Status::GRPC_STATUS, &code) || !says_nothing && !is(Status::GRPC_MESSAGE, &default) {
        return;
    }
    let text = text(path).replace(' ', "%20");
    if let Ok(text) = HeaderValue::from_str(&text) {
        headers.insert(Status::GRPC_MESSAGE, text);
    }
}

fn text(path: &str) -> String {
    let mut parts = path.trim_start_matches('/').split('/');
    let service = parts.next().unwrap_or_default();
    // Clients may call whatever they like: only what can be the name of a call is repeated.
    let call =
        parts.next().filter(|call| call.chars().all(|c| c.is_ascii_alphanumeric())).unwrap_or("this call");
    let instead = INSTEAD.iter().find(|(word, _)| call.contains(word) || service.ends_with(word));
    let instead = instead.map_or(String::new(), |(_, instead)| format!("{instead}; or "));
    format!(
        "{call} is not supported by the embedded service of host {}: {instead}use a Temporal Service (--address)",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(path: &str, code: Code, message: Option<&'static str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(Status::GRPC_STATUS, HeaderValue::from(code as i32));
        if let Some(message) = message {
            headers.insert(Status::GRPC_MESSAGE, HeaderValue::from_static(message));
        }
        explain(path, &mut headers);
        let text = headers.get(Status::GRPC_MESSAGE)?.to_str().unwrap();
        Some(text.replace("%20", " "))
    }

    #[test]
    fn only_calls_without_a_text_of_their_own_are_explained() {
        let call = "/temporal.api.workflowservice.v1.WorkflowService/CreateWorkflowRule";
        let text = explained(call, Code::Unimplemented, Some("Not%20yet%20implemented")).unwrap();
        assert!(
            text.starts_with("CreateWorkflowRule is not supported by the embedded service of host "),
            "{text}"
        );
        assert_eq!(explained(call, Code::Unimplemented, None), Some(text));
        let own = Some("cron%20schedules%20are%20not%20supported");
        assert_eq!(explained(call, Code::Unimplemented, own).unwrap(), "cron schedules are not supported");
        assert_eq!(explained(call, Code::NotFound, None), None);
        for path in ["", "/", "/a", "/a/%20b\n", "//"] {
            let text = explained(path, Code::Unimplemented, None).unwrap();
            assert!(text.starts_with("this call is not supported"), "{path:?}: {text}");
        }
    }
}
