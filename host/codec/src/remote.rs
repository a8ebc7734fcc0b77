//! A codec server: the HTTP protocol of Temporal's remote codecs. `POST …/encode` and `POST …/decode` take and return
//! `Payloads` as JSON.

use std::time::Duration;

use bytes::Bytes;
use host_wire::{
    protojson::{WriteOptions, message_from_json, message_to_json},
    temporal::api::common::v1::{Payload, Payloads},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Uri, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// How long a codec server may take: a workflow task has 10 s.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer: those of the largest message of a service, in base64.
const MAX_BODY_BYTES: usize = 128 << 20;

/// A codec server as a codec.
#[derive(Clone, Debug)]
pub struct Remote {
    endpoint: Uri,
    headers: Vec<(String, String)>,
}

/// Why a codec server did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The endpoint is no URL of the scheme `http`.
    #[error("`{0}` is not a URL such as http://127.0.0.1:8081")]
    Endpoint(String),
    /// It is away, or ends the connection.
    #[error("the codec server {endpoint} does not answer: {why}")]
    Away {
        /// Its URL.
        endpoint: String,
        /// What went wrong.
        why: String,
    },
    /// It answers something else than payloads.
    #[error("the codec server {endpoint} answers {what}")]
    Answer {
        /// Its URL.
        endpoint: String,
        /// What it answers.
        what: String,
    },
}

impl Remote {
    /// A codec server at a URL of the scheme `http`, with further headers of each request, such as `authorization`.
    ///
    /// # Errors
    ///
    /// When it is no such URL.
    pub fn new(endpoint: &str, headers: Vec<(String, String)>) -> Result<Self, RemoteError> {
        let uri: Option<Uri> = endpoint.trim_end_matches('/').parse().ok();
        let uri = uri.filter(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
        let endpoint = uri.ok_or_else(|| RemoteError::Endpoint(endpoint.to_owned()))?;
        Ok(Self { endpoint, headers })
    }

    pub(crate) async fn encode(&self, payloads: &[Payload]) -> Result<Vec<Payload>, RemoteError> {
        self.call("encode", payloads).await
    }

    pub(crate) async fn decode(&self, payloads: &[Payload]) -> Result<Vec<Payload>, RemoteError> {
        self.call("decode", payloads).await
    }

    async fn call(&self, method: &str, payloads: &[Payload]) -> Result<Vec<Payload>, RemoteError> {
        let message = Payloads { payloads: payloads.to_vec() };
        let body = message_to_json(&message, WriteOptions::default())
            .map_err(|error| self.answers(format!("nothing: {error}")))?;
        let answer = timeout(TIMEOUT, self.exchange(method, body.into())).await;
        let answer = answer.map_err(|_| self.away(format!("not within {} s", TIMEOUT.as_secs())))??;
        let answer: Payloads =
            message_from_json(&answer).map_err(|error| self.answers(format!("no payloads: {error}")))?;
        if answer.payloads.len() != payloads.len() {
            let (sent, got) = (payloads.len(), answer.payloads.len());
            return Err(self.answers(format!("{got} payloads to {sent}")));
        }
        Ok(answer.payloads)
    }

    async fn exchange(&self, method: &str, body: Bytes) -> Result<Bytes, RemoteError> {
        let away = |error: &dyn std::error::Error| self.away(error.to_string());
        let host = self.endpoint.host().unwrap_or_default();
        let port = self.endpoint.port_u16().unwrap_or(80);
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((name, port)).await.map_err(|error| away(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| away(&error))?;
        let connection = tokio::spawn(connection);
        let path = format!("{}/{method}", self.endpoint.path().trim_end_matches('/'));
        let mut request = Request::post(path)
            .header(header::HOST, self.endpoint.authority().map_or(host, |authority| authority.as_str()))
            .header(header::CONTENT_TYPE, "application/json");
        for (key, value) in &self.headers {
            request = request.header(key, value);
        }
        let request = request.body(Full::new(body)).map_err(|error| away(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| away(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_BODY_BYTES).collect().await;
        connection.abort();
        let body = body.map_err(|error| self.away(error.to_string()))?.to_bytes();
        if !status.is_success() {
            let text: String = String::from_utf8_lossy(&body).chars().take(200).collect();
            return Err(self.answers(format!("{status}: {}", text.trim())));
        }
        Ok(body)
    }

    fn away(&self, why: String) -> RemoteError {
        RemoteError::Away { endpoint: self.endpoint.to_string(), why }
    }

    fn answers(&self, what: String) -> RemoteError {
        RemoteError::Answer { endpoint: self.endpoint.to_string(), what }
    }
}
