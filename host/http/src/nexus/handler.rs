//! A handler at a URL: its requests, and what its answers say.

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use bytes::{Bytes, BytesMut};
use host_wire::temporal::api::{
    enums::v1::NexusHandlerErrorRetryBehavior as Retry,
    nexus::v1::{
        CancelOperationResponse, Failure, HandlerError, Request, Response, StartOperationResponse,
        UnsuccessfulOperationError, request, response,
        start_operation_response::{Async, Sync, Variant},
    },
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING, UPGRADE},
};
use reqwest::{Client, Url, redirect::Policy};
use serde::Deserialize;
use tokio_rustls::rustls::crypto::ring;

use super::{
    completion::{STATE, TOKEN},
    content, link,
};

/// How long a handler may take. The service waits for 10 s.
const TIMEOUT: Duration = Duration::from_secs(9);
/// Most bytes of an answer: the service takes results of 2 MiB.
const ANSWER_BYTES: usize = 4 << 20;
/// Longest text of an answer that is no failure, in what is said about it.
const SAID_CHARS: usize = 200;
/// The status of an operation that failed or was cancelled.
const UNSUCCESSFUL: StatusCode = StatusCode::FAILED_DEPENDENCY;
/// Headers that say how a request is sent: those of a workflow do not.
const OF_THE_CONNECTION: [HeaderName; 6] = [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE, TE];
const RETRYABLE: &str = "nexus-request-retryable";
const UNAVAILABLE: &str = "UNAVAILABLE";

/// Calls handlers at URLs.
#[derive(Clone, Debug)]
pub struct NexusClient {
    client: Client,
}

/// The system's certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("start a client for Nexus handlers: {0}")]
pub struct ClientError(String);

/// What a handler is sent.
#[derive(Debug, PartialEq)]
struct Sent {
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl NexusClient {
    /// A client. By `https` the certificate of a handler must be one that the system trusts.
    ///
    /// # Errors
    ///
    /// When the system's certificates cannot be used.
    pub fn new() -> Result<Self, ClientError> {
        static PROVIDER: OnceLock<()> = OnceLock::new();
        // As tonic has it. Fails where the process has one already, which is as good.
        PROVIDER.get_or_init(|| drop(ring::default_provider().install_default()));
        let client = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build();
        Ok(Self { client: client.map_err(|error| ClientError(with_sources(&error)))? })
    }

    /// Calls the handler of an endpoint at a URL.
    ///
    /// # Errors
    ///
    /// What the handler says, or what stands for it where it cannot be reached, for `RespondNexusTaskFailed`.
    pub async fn call(&self, url: &str, request: &Request) -> Result<Response, Box<HandlerError>> {
        let is_start = matches!(request.variant, Some(request::Variant::StartOperation(_)));
        let sent =
            sent(url, request).ok_or_else(|| error("BAD_REQUEST", "the URL of the endpoint is none"))?;
        let exchange = self.client.post(sent.url).headers(sent.headers).body(sent.body).send();
        let away = |failed: reqwest::Error| error(UNAVAILABLE, &with_sources(&failed.without_url()));
        let mut answer = exchange.await.map_err(away)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(away)? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES {
                let mut too_large = error("INTERNAL", "http: response body too large");
                too_large.retry_behavior = Retry::NonRetryable.into();
                return Err(too_large);
            }
        }
        if is_start {
            started(answer.status(), answer.headers(), body.freeze())
        } else {
            canceled(answer.status(), answer.headers(), &body)
        }
    }
}

fn sent(url: &str, request: &Request) -> Option<Sent> {
    let mut url: Url = url.parse().ok()?;
    let given = request.header.iter().filter_map(|(name, value)| header(name, value));
    let mut headers: HeaderMap = given.filter(|(name, _)| !OF_THE_CONNECTION.contains(name)).collect();
    let (service, operation, cancels) = match request.variant.as_ref()? {
        request::Variant::StartOperation(start) => (&start.service, &start.operation, false),
        request::Variant::CancelOperation(cancel) => (&cancel.service, &cancel.operation, true),
    };
    {
        let mut path = url.path_segments_mut().ok()?;
        path.pop_if_empty().push(service).push(operation);
        if cancels {
            path.push("cancel");
        }
    }
    let body = match request.variant.as_ref()? {
        request::Variant::StartOperation(start) => {
            let (content, body) = content::to_content(&start.payload.clone().unwrap_or_default());
            headers.extend(content);
            headers.extend(header("nexus-request-id", &start.request_id));
            let callback = start.callback_header.iter();
            headers.extend(
                callback.filter_map(|(name, value)| header(&format!("nexus-callback-{name}"), value)),
            );
            for value in link::write(&start.links) {
                headers.append(link::LINK, value);
            }
            if !start.callback.is_empty() {
                url.query_pairs_mut().append_pair("callback", &start.callback);
            }
            body
        }
        request::Variant::CancelOperation(cancel) => {
            headers.extend(header(TOKEN, &cancel.operation_token));
            Bytes::new()
        }
    };
    headers.extend(header("user-agent", "temporalio/server"));
    Some(Sent { url, headers, body })
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, value.parse().ok()?))
}

/// What the answer to a start says.
fn started(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Result<Response, Box<HandlerError>> {
    let links = link::read(headers);
    let variant = match status {
        StatusCode::OK => {
            let payload = content::from_content(headers, body);
            let payload = payload.ok_or_else(|| error("INTERNAL", "the result is no payload"))?;
            Variant::SyncSuccess(Sync { payload: Some(payload), links })
        }
        StatusCode::CREATED => {
            let info: Option<OperationInfo> = serde_json::from_slice(&body).ok();
            let token = info.filter(|info| info.state == "running").map(|info| info.token);
            let token = token.filter(|token| !token.is_empty());
            let token = token.ok_or_else(|| unexpected("no token of a running operation", &body))?;
            Variant::AsyncSuccess(Async { operation_token: token.clone(), operation_id: token, links })
        }
        UNSUCCESSFUL => {
            let state = headers.get(STATE).and_then(|state| state.to_str().ok()).unwrap_or_default();
            let failure = failure(&body).filter(|_| content::is_json(headers));
            let (Some(failure), "failed" | "canceled") = (failure, state) else {
                return Err(unexpected(&format!("invalid operation state header: {state:?}"), &body));
            };
            Variant::OperationError(UnsuccessfulOperationError {
                operation_state: state.to_owned(),
                failure: Some(failure),
            })
        }
        _ => return Err(refused(status, headers, &body)),
    };
    let start = StartOperationResponse { variant: Some(variant) };
    Ok(Response { variant: Some(response::Variant::StartOperation(start)) })
}

/// What the answer to a cancellation says.
fn canceled(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Response, Box<HandlerError>> {
    if status == StatusCode::ACCEPTED {
        let cancel = CancelOperationResponse::default();
        return Ok(Response { variant: Some(response::Variant::CancelOperation(cancel)) });
    }
    Err(refused(status, headers, body))
}

/// The error that a status stands for.
fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Box<HandlerError> {
    let of = match status.as_u16() {
        400 => "BAD_REQUEST",
        401 => "UNAUTHENTICATED",
        403 => "UNAUTHORIZED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        501 => "NOT_IMPLEMENTED",
        503 => UNAVAILABLE,
        520 => "UPSTREAM_TIMEOUT",
        _ => return unexpected(&format!("unexpected response status: {:?}", status.to_string()), body),
    };
    let retry = match headers.get(RETRYABLE).and_then(|value| value.to_str().ok()) {
        Some("true") => Retry::Retryable,
        Some("false") => Retry::NonRetryable,
        _ => Retry::Unspecified,
    };
    let failure = failure(body).filter(|_| content::is_json(headers)).unwrap_or_default();
    Box::new(HandlerError { error_type: of.to_owned(), failure: Some(failure), retry_behavior: retry.into() })
}

/// An answer that is none of the protocol: it may be one of what is between here and the handler.
fn unexpected(what: &str, body: &[u8]) -> Box<HandlerError> {
    let said: String = String::from_utf8_lossy(body).chars().take(SAID_CHARS).collect();
    error(UNAVAILABLE, &format!("{what}: {}", said.trim()))
}

fn error(of: &str, message: &str) -> Box<HandlerError> {
    Box::new(HandlerError {
        error_type: of.to_owned(),
        failure: Some(Failure { message: message.to_owned(), ..Failure::default() }),
        retry_behavior: Retry::Unspecified.into(),
    })
}

#[derive(Deserialize)]
struct OperationInfo {
    #[serde(default, alias = "id")]
    token: String,
    #[serde(default)]
    state: String,
}

#[derive(Deserialize)]
struct WrittenFailure {
    #[serde(default)]
    message: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    details: serde_json::Value,
}

/// A failure in JSON.
pub(super) fn failure(body: &[u8]) -> Option<Failure> {
    let WrittenFailure { message, metadata, details } = serde_json::from_slice(body).ok()?;
    let details = if details.is_null() { Bytes::new() } else { details.to_string().into() };
    Some(Failure { message, metadata, details, ..Failure::default() })
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
