//! A codec server: the HTTP protocol of Temporal's remote codecs. `POST …/encode` and `POST …/decode` take and return
//! `Payloads` as JSON.

use std::{error::Error as _, sync::OnceLock, time::Duration};

use host_wire::{
    protojson::{WriteOptions, message_from_json, message_to_json},
    temporal::api::common::v1::{Payload, Payloads},
};
use reqwest::{
    Client, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use tokio_rustls::rustls::crypto::ring;

/// How long a codec server may take: a workflow task has 10 s.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer: those of the largest message of a service, in base64.
const MAX_BODY_BYTES: usize = 128 << 20;

/// A codec server as a codec. By `https` its certificate must be one that the system trusts.
#[derive(Clone, Debug)]
pub struct Remote {
    endpoint: Url,
    client: Client,
}

/// Why a codec server did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The endpoint is no URL of the scheme `http` or `https`.
    #[error("`{0}` is not a URL such as http://127.0.0.1:8081")]
    Endpoint(String),
    /// A header that HTTP does not have.
    #[error("`{0}` is no header of HTTP, or its value is none")]
    Header(String),
    /// The system's certificates cannot be used.
    #[error("start a client for codec servers: {0}")]
    Client(String),
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
    /// A codec server at a URL, with further headers of each request, such as `authorization`.
    ///
    /// # Errors
    ///
    /// When it is no URL of the scheme `http` or `https`, or a header is none.
    pub fn new(endpoint: &str, headers: Vec<(String, String)>) -> Result<Self, RemoteError> {
        static PROVIDER: OnceLock<()> = OnceLock::new();
        // As tonic has it. Fails where the process has one already, which is as good.
        PROVIDER.get_or_init(|| drop(ring::default_provider().install_default()));
        let url: Option<Url> = endpoint.trim_end_matches('/').parse().ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let endpoint = url.ok_or_else(|| RemoteError::Endpoint(endpoint.to_owned()))?;
        let mut known = HeaderMap::new();
        for (key, value) in headers {
            let header = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::from_str(&value));
            let (Ok(name), Ok(mut value)) = header else { return Err(RemoteError::Header(key)) };
            value.set_sensitive(true);
            known.append(name, value);
        }
        let client = Client::builder().default_headers(known).timeout(TIMEOUT).build();
        let client = client.map_err(|error| RemoteError::Client(chain(&error)))?;
        Ok(Self { endpoint, client })
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
        let answer = self.exchange(method, body).await?;
        let answer: Payloads =
            message_from_json(&answer).map_err(|error| self.answers(format!("no payloads: {error}")))?;
        if answer.payloads.len() != payloads.len() {
            let (sent, got) = (payloads.len(), answer.payloads.len());
            return Err(self.answers(format!("{got} payloads to {sent}")));
        }
        Ok(answer.payloads)
    }

    async fn exchange(&self, method: &str, body: String) -> Result<Vec<u8>, RemoteError> {
        let away = |error: reqwest::Error| self.away(chain(&error));
        let url = format!("{}/{method}", self.endpoint.as_str().trim_end_matches('/'));
        let request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(body);
        let mut answer = request.send().await.map_err(away)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(away)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY_BYTES {
                return Err(self.answers(format!("more than {MAX_BODY_BYTES} bytes")));
            }
        }
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

/// An error and what led to it, which alone says what is wrong; without the URL, which the message has.
fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        format!("not within {} s", TIMEOUT.as_secs())
    } else {
        "the request failed".to_owned()
    };
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
