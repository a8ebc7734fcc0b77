//! A codec server over HTTP: decodes and encodes payloads for Temporal's user interface and command line, which have no
//! codecs of their own.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use host_service::serve_http;
use host_wire::{
    protojson::{WriteOptions, message_from_json, message_to_json},
    temporal::api::common::v1::Payloads,
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use tokio::net::TcpListener;

use crate::Chain;

/// Bytes of a request: those of eight of the largest messages of a service, in base64.
const MAX_REQUEST_BYTES: usize = 32 << 20;

/// What a server answers with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Codecs of the payloads.
    pub chain: Chain,
    /// The origin of the user interface whose pages may call it, such as `http://localhost:8233`.
    pub cors_origin: Option<String>,
}

/// Serves until the future ends.
pub async fn serve(listener: TcpListener, options: Options, stop: impl Future<Output = ()>) {
    let options = Arc::new(options);
    let answers = move |request| {
        let options = Arc::clone(&options);
        async move { answer(&options, request).await }
    };
    serve_http(listener, answers, stop).await;
}

async fn answer(options: &Options, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, body) = match exchange(options, request).await {
        Ok(body) => (StatusCode::OK, body),
        Err((status, message)) => (status, message.into()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = if status == StatusCode::OK { "application/json" } else { "text/plain; charset=utf-8" };
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    if let Some(origin) = options.cors_origin.as_deref().and_then(|origin| origin.parse().ok()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "POST,OPTIONS"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization,content-type,x-namespace"),
            (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        ] {
            headers.insert(name, header::HeaderValue::from_static(value));
        }
    }
    response
}

async fn exchange(options: &Options, request: Request<Incoming>) -> Result<Bytes, (StatusCode, String)> {
    let bad = |message: String| (StatusCode::BAD_REQUEST, message);
    if request.method() == Method::OPTIONS {
        return Ok(Bytes::new());
    }
    let path = request.uri().path().to_owned();
    let encodes = path.ends_with("/encode");
    if !encodes && !path.ends_with("/decode") {
        return Err((StatusCode::NOT_FOUND, "there are /encode and /decode".to_owned()));
    }
    if request.method() != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "expected POST".to_owned()));
    }
    let body = Limited::new(request.into_body(), MAX_REQUEST_BYTES).collect().await;
    let body = body.map_err(|error| bad(error.to_string()))?.to_bytes();
    let mut message: Payloads = message_from_json(&body).map_err(|error| bad(error.to_string()))?;
    let result = if encodes {
        options.chain.encode(&mut message.payloads).await
    } else {
        options.chain.decode(&mut message.payloads).await
    };
    result.map_err(|(place, error)| bad(format!("payload {place}: {error}")))?;
    let json = message_to_json(&message, WriteOptions::default());
    json.map(Bytes::from).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
