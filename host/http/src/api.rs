//! The API itself: each request is a call, each answer JSON.

use std::{convert::Infallible, error::Error, fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use host_service::MAX_REQUEST_BYTES;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH, EXPECT},
};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body;
use tokio::time::timeout;
use tonic::{Status, metadata::MetadataMap};
use tower_service::Service;

pub use crate::access::Guard;
use crate::{
    calls::Calls,
    form::Form,
    nexus::{Completion, callback_namespace, completion},
    status::{answer, refusal},
    transcode::{Transcoder, answered},
};

/// Longest time of a call, where the client does not ask for less. Calls that wait for something to happen answer after 20 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(25);
/// Most bytes of a body that is too large which are read and dropped, so that a client that has sent all of it gets to its
/// answer.
const DROPPED_BYTES: usize = 4 * MAX_REQUEST_BYTES;
/// Headers that a call gets, too; those of Temporal's server.
const PASSED_ON: [HeaderName; 5] = [
    AUTHORIZATION,
    HeaderName::from_static("authorization-extras"),
    HeaderName::from_static("x-forwarded-for"),
    CLIENT_NAME,
    HeaderName::from_static("client-version"),
];
/// Headers that a call gets without this in their names.
const METADATA_PREFIX: &str = "grpc-metadata-";
/// Who makes the calls of clients that do not say who they are.
const CLIENT_NAME: HeaderName = HeaderName::from_static("client-name");
const THIS_CLIENT: HeaderValue = HeaderValue::from_static("temporal-server-http");
const GRPC_TIMEOUT: &str = "grpc-timeout";

/// Takes what a Nexus handler at a URL reports of an operation of a namespace.
pub type CompletionHandler =
    Arc<dyn Fn(Completion) -> Pin<Box<dyn Future<Output = Result<(), Status>> + Send>> + Send + Sync>;

/// The HTTP API of a service.
#[derive(Clone)]
pub struct HttpApi {
    calls: Calls,
    guard: Guard,
    transcoder: Arc<Transcoder>,
    completions: Option<CompletionHandler>,
}

impl fmt::Debug for HttpApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpApi").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// The annotations of the protocol cannot be followed: a bug, which tests find.
#[derive(Debug, thiserror::Error)]
#[error("follow the HTTP annotations of the protocol")]
pub struct AnnotationError(#[source] Box<dyn Error + Send + Sync>);

impl HttpApi {
    /// The API of a service that takes requests of gRPC.
    ///
    /// # Errors
    ///
    /// When the annotations of the protocol cannot be followed.
    pub fn new<S>(service: S, guard: Guard) -> Result<Self, AnnotationError>
    where
        S: Service<http::Request<tonic::body::Body>, Response = http::Response<tonic::body::Body>>,
        S: Service<http::Request<tonic::body::Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let transcoder = Transcoder::new().map_err(|error| AnnotationError(error.into()))?;
        Ok(Self { calls: Calls::new(service), guard, transcoder: Arc::new(transcoder), completions: None })
    }

    /// The same, which also takes what Nexus handlers at URLs report, on `/namespaces/NAMESPACE/nexus/callback`.
    #[must_use]
    pub fn with_completions(self, handler: CompletionHandler) -> Self {
        Self { completions: Some(handler), ..self }
    }

    /// The answer to a request.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Send + Unpin,
    {
        let form = Form::of_answer(request.headers(), request.uri().query().unwrap_or_default());
        match self.exchange(request, form).await {
            Ok(json) => answer(StatusCode::OK, form, json),
            Err(status) => refusal(&status, form),
        }
    }

    async fn exchange<B>(&self, request: Request<B>, form: Form) -> Result<String, Status>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Send + Unpin,
    {
        self.guard.check(request.headers())?;
        let (head, body) = request.into_parts();
        let body = read(&head.headers, body).await?;
        if let Some(handler) = &self.completions
            && callback_namespace(&head.method, &head.uri).is_some()
        {
            handler(completion(&head.headers, body)?).await?;
            return Ok(String::new());
        }
        let outgoing = self.transcoder.outgoing(&head.method, &head.uri, &head.headers, &body)?;
        let mut call =
            tonic::Request::from_parts(metadata(&head.headers), http::Extensions::new(), outgoing.encoded());
        let within = asked_timeout(&head.headers)?.unwrap_or(CALL_TIMEOUT).min(CALL_TIMEOUT);
        call.set_timeout(within);
        let answering = timeout(within, self.calls.call(outgoing.call.path.clone(), call));
        let answer =
            answering.await.map_err(|_| Status::deadline_exceeded("context deadline exceeded"))??;
        answered(outgoing.call, answer, form)
    }
}

/// The whole body.
///
/// # Errors
///
/// INVALID_ARGUMENT, as Temporal's server answers, when it has more than [`MAX_REQUEST_BYTES`], or ends early.
async fn read<B>(headers: &HeaderMap, mut body: B) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Send + Unpin,
{
    let too_large = || Status::invalid_argument("http: request body too large");
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    // It has not sent the body, and waits for an answer first.
    if length.is_some_and(|length| length > MAX_REQUEST_BYTES) && headers.contains_key(EXPECT) {
        return Err(too_large());
    }
    let (mut bytes, mut size) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Status::invalid_argument(format!("read the body: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        size = size.saturating_add(data.len());
        if size > DROPPED_BYTES {
            break;
        }
        if size <= MAX_REQUEST_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    if size > MAX_REQUEST_BYTES { Err(too_large()) } else { Ok(bytes.freeze()) }
}

/// What a call gets of the headers of a request.
fn metadata(headers: &HeaderMap) -> MetadataMap {
    let mut passed = HeaderMap::new();
    for (name, value) in headers {
        let own = name.as_str().strip_prefix(METADATA_PREFIX);
        let name =
            if PASSED_ON.contains(name) { Some(name.clone()) } else { own.and_then(|own| own.parse().ok()) };
        if let Some(name) = name.filter(|name| name.as_str() != GRPC_TIMEOUT) {
            passed.append(name, value.clone());
        }
    }
    passed.entry(CLIENT_NAME).or_insert(THIS_CLIENT);
    MetadataMap::from_headers(passed)
}

/// The time within which the client wants its answer.
///
/// # Errors
///
/// INVALID_ARGUMENT, when it is not of the form of gRPC: digits and a unit. There may be more than the eight digits that gRPC
/// allows: Temporal's server takes them.
fn asked_timeout(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get(GRPC_TIMEOUT) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let parsed = || {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
        let number: u64 = is_number.then(|| digits.parse().ok())??;
        Some(match unit {
            "H" => Duration::from_secs(number.saturating_mul(3_600)),
            "M" => Duration::from_secs(number.saturating_mul(60)),
            "S" => Duration::from_secs(number),
            "m" => Duration::from_millis(number),
            "u" => Duration::from_micros(number),
            "n" => Duration::from_nanos(number),
            _ => return None,
        })
    };
    let parsed = parsed().ok_or_else(|| Status::invalid_argument(format!("invalid grpc-timeout: {text}")));
    parsed.map(Some)
}
