//! Checks of requests about endpoints. They say all that is wrong at once, as Temporal's server does
//! (`nexus_endpoint_client.go` of its frontend).

use host_wire::temporal::api::nexus::v1::{EndpointSpec, endpoint_target::Variant};
use prost::Message;

use crate::{error::Error, execution::executions::is_run_id, limits, namespace::namespaces::Namespaces};

/// `EndpointNameRegex`.
const NAME_PATTERN: &str = r"^[a-zA-Z][a-zA-Z0-9\\-]*[a-zA-Z0-9]$";

/// Checks the spec of an endpoint that is created or updated.
///
/// # Errors
///
/// Says what is wrong.
pub(crate) fn check(namespaces: &Namespaces, spec: Option<&EndpointSpec>) -> Result<(), Error> {
    let default = EndpointSpec::default();
    let spec = spec.unwrap_or(&default);
    let mut issues = name_issues(&spec.name);
    let Some(target) = spec.target.as_ref().and_then(|target| target.variant.as_ref()) else {
        issues.push("empty target variant".to_owned());
        return end(&issues);
    };
    match target {
        Variant::Worker(worker) => {
            if worker.namespace.is_empty() {
                issues.push("target namespace not set".to_owned());
            } else if let Err(error) = namespaces.find(&worker.namespace) {
                return Err(Error::FailedPrecondition(format!(
                    "could not verify namespace referenced by target exists: {error}"
                )));
            }
            issues.extend(task_queue_issue(&worker.task_queue));
        }
        Variant::External(external) => issues.extend(url_issue(&external.url)),
    }
    if spec.description.as_ref().map_or(0, Message::encoded_len) > limits::ENDPOINT_DESCRIPTION_BYTES {
        issues.push(format!("description size exceeds limit of {}", limits::ENDPOINT_DESCRIPTION_BYTES));
    }
    end(&issues)
}

/// Checks the id of a request.
///
/// # Errors
///
/// Says what is wrong.
pub(crate) fn check_id(id: &str) -> Result<(), Error> {
    end(&id_issues(id))
}

/// Checks a request to delete.
///
/// # Errors
///
/// Says what is wrong.
pub(crate) fn check_deletion(id: &str, version: i64) -> Result<(), Error> {
    let mut issues = id_issues(id);
    if version <= 0 {
        issues.push("endpoint version is non-positive".to_owned());
    }
    end(&issues)
}

fn end(issues: &[String]) -> Result<(), Error> {
    if issues.is_empty() { Ok(()) } else { Err(Error::invalid(issues.join(", "))) }
}

fn name_issues(name: &str) -> Vec<String> {
    let mut issues = Vec::new();
    if name.is_empty() {
        issues.push("endpoint name not set".to_owned());
        return issues;
    }
    if name.len() > limits::ENDPOINT_NAME_BYTES {
        issues.push(format!("endpoint name exceeds length limit of {}", limits::ENDPOINT_NAME_BYTES));
    }
    let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    let bytes = name.as_bytes();
    let is_name = bytes.len() > 1
        && bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().copied().all(inner);
    if !is_name {
        issues.push(format!("endpoint name must match the regex: \"{NAME_PATTERN}\""));
    }
    issues
}

fn task_queue_issue(name: &str) -> Option<String> {
    let wrong = if name.is_empty() {
        "taskQueue is not set"
    } else if name.len() > limits::ID_BYTES {
        "taskQueue length exceeds limit"
    } else if name.starts_with("/_sys/") {
        "task queue name cannot start with reserved prefix /_sys/"
    } else {
        return None;
    };
    Some(format!("invalid target task queue: \"{wrong}\""))
}

fn url_issue(url: &str) -> Option<String> {
    if url.is_empty() {
        return Some("empty target URL".to_owned());
    }
    if url.len() > limits::ENDPOINT_URL_BYTES {
        return Some(format!("target URL length exceeds limit of {}", limits::ENDPOINT_URL_BYTES));
    }
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    Some(format!("invalid target URL scheme: {scheme:?}, expected http or https"))
}

fn id_issues(id: &str) -> Vec<String> {
    let mut issues = Vec::new();
    if id.is_empty() {
        issues.push("endpoint ID not set".to_owned());
    } else if id.len() != 36 {
        issues.push(format!("malformed endpoint ID: \"invalid UUID length: {}\"", id.len()));
    } else if !is_run_id(id) {
        issues.push("malformed endpoint ID: \"invalid UUID format\"".to_owned());
    }
    issues
}
