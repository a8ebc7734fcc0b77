//! The listener: the service over gRPC.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use host_service::{
    MAX_REQUEST_BYTES,
    health_server::{Health, HealthServer},
    message_too_large,
    operator_service_server::OperatorServiceServer,
    test_service_server::TestServiceServer,
    workflow_service_server::WorkflowServiceServer,
};
use host_wire::grpc::health::v1::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
};
use http::{HeaderMap, HeaderValue};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_stream::Stream;
use tonic::{
    Request, Response, Status, body::Body, codec::CompressionEncoding, codegen::BoxStream, service::Routes,
    transport::server::Server as TonicServer,
};
use tower_layer::Layer;
use tower_service::Service as TowerService;

use crate::{
    api::{open::Service, test_service::TimeService},
    connections::{Incoming, most_http_connections},
    tls::{ListenerTls, TlsError, TlsFiles},
    transport::Protocol,
    unsupported,
};

/// How often a connection that is silent is asked whether its client is there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long the client may take to answer; its connection is closed then.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a service cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens there.
    #[error(
        "listen on {address}: something listens there already; if it is a Temporal service, join it with --address {address}, or choose another port"
    )]
    Taken {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The system refuses the address.
    #[error("listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The listener cannot use TLS as it is asked to.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The listener failed.
    #[error("serve")]
    Serve(#[source] tonic::transport::Error),
}

/// An address that is listened on.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<ListenerTls>,
}

impl Listener {
    /// Listens on an address; port 0 takes any that is free.
    ///
    /// # Errors
    ///
    /// When the port is taken, or the address is not this machine's.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => ServeError::Taken { address },
            _ => ServeError::Listen { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, tls: None })
    }

    /// Speaks TLS, and nothing else. The files are read now, and again when they change. Blocks its thread.
    ///
    /// # Errors
    ///
    /// When one of the files cannot be used.
    pub fn with_tls(self, files: TlsFiles) -> Result<Self, ServeError> {
        Ok(Self { tls: Some(ListenerTls::open(files, Protocol::Grpc)?), ..self })
    }

    /// As [`Listener::with_tls`], for clients that speak HTTP/1.1 within TLS, which [`Listener::into_http`] is for.
    ///
    /// # Errors
    ///
    /// When one of the files cannot be used.
    pub fn with_https(self, files: TlsFiles) -> Result<Self, ServeError> {
        Ok(Self { tls: Some(ListenerTls::open(files, Protocol::Http)?), ..self })
    }

    /// Connections as they come, of clients that speak HTTP/1.1, and how many of them may be open at one time.
    pub fn into_http(
        self,
    ) -> (
        impl Stream<Item = std::io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>> + Send + Unpin,
        usize,
    ) {
        (Incoming::new(self.listener, self.tls), most_http_connections())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves until `end` resolves and open calls are answered. Neither generic nor `async`, so that gRPC is compiled here,
/// once, and not in every program that serves.
pub(crate) fn serve(
    service: Service,
    listener: Listener,
    end: BoxFuture<()>,
) -> BoxFuture<Result<(), ServeError>> {
    let incoming = Incoming::new(listener.listener, listener.tls);
    let serving = TonicServer::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .layer(RefusalsLayer)
        .add_routes(routes(&service))
        .serve_with_incoming_shutdown(incoming, async move {
            end.await;
            service.close();
        });
    Box::pin(async { serving.await.map_err(ServeError::Serve) })
}

/// The services, each under its name.
fn routes(service: &Service) -> Routes {
    // Clients of Temporal's SDKs compress requests to every service.
    let gzip = CompressionEncoding::Gzip;
    let workflows = WorkflowServiceServer::new(service.clone())
        .accept_compressed(gzip)
        .max_decoding_message_size(MAX_REQUEST_BYTES);
    let operator = OperatorServiceServer::new(service.operator())
        .accept_compressed(gzip)
        .max_decoding_message_size(MAX_REQUEST_BYTES);
    let routes = Routes::new(workflows)
        .add_service(operator)
        .add_service(HealthServer::new(Healthy).accept_compressed(gzip));
    match service.shard().time_skipping().cloned().map(TimeService) {
        Some(time) => routes.add_service(TestServiceServer::new(time).accept_compressed(gzip)),
        None => routes,
    }
}

/// The service over gRPC without a network: takes the requests that a connection would bring.
#[derive(Clone, Debug)]
pub struct GrpcCalls(Refusals<Routes>);

impl GrpcCalls {
    pub(crate) fn new(service: &Service) -> Self {
        Self(RefusalsLayer.layer(routes(service)))
    }
}

impl TowerService<http::Request<Body>> for GrpcCalls {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        TowerService::<http::Request<Body>>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.0.call(request)
    }
}

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Says that the service is there.
#[derive(Debug)]
struct Healthy;

const SERVING: HealthCheckResponse = HealthCheckResponse { status: ServingStatus::Serving as i32 };
const SERVICES: [&str; 4] = [
    "",
    "temporal.api.workflowservice.v1.WorkflowService",
    "temporal.api.operatorservice.v1.OperatorService",
    "grpc.health.v1.Health",
];

fn health(request: &HealthCheckRequest) -> Result<HealthCheckResponse, Status> {
    if SERVICES.contains(&request.service.as_str()) {
        Ok(SERVING)
    } else {
        Err(Status::not_found("unknown service"))
    }
}

#[tonic::async_trait]
impl Health for Healthy {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        health(request.get_ref()).map(Response::new)
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<BoxStream<HealthCheckResponse>>, Status> {
        let answer = health(request.get_ref())?;
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(answer)))))
    }
}

/// Refusals of tonic itself, as Temporal's clients and people understand them. It says OUT_OF_RANGE of a message that is
/// too large, which Temporal's clients try again for ever: they expect what grpc-go says. It says nothing of a call that
/// it does not know.
#[derive(Clone, Copy, Debug)]
struct RefusalsLayer;

impl<S> Layer<S> for RefusalsLayer {
    type Service = Refusals<S>;

    fn layer(&self, inner: S) -> Refusals<S> {
        Refusals { inner }
    }
}

#[derive(Clone, Debug)]
struct Refusals<S> {
    inner: S,
}

impl<S, I, O> TowerService<http::Request<I>> for Refusals<S>
where
    S: TowerService<http::Request<I>, Response = http::Response<O>>,
    S::Future: Send + 'static,
{
    type Response = http::Response<O>;
    type Error = S::Error;
    type Future = BoxFuture<Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<I>) -> Self::Future {
        let path = request.uri().path().to_owned();
        let response = self.inner.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            translate_too_large(response.headers_mut());
            unsupported::explain(&path, response.headers_mut());
            Ok(response)
        })
    }
}

fn translate_too_large(headers: &mut HeaderMap) {
    let text = |name: http::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(Status::GRPC_STATUS) != Some("11") {
        return;
    }
    // "Error, decoded message length too large: found 5000000 bytes, the limit is: ..."
    let found = text(Status::GRPC_MESSAGE).unwrap_or_default();
    let size: String = found
        .split("found%20")
        .nth(1)
        .or_else(|| found.split("found ").nth(1))
        .unwrap_or_default()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let refused = message_too_large(size.parse().unwrap_or_default());
    let encoded = refused.message().replace(' ', "%20");
    headers.insert(Status::GRPC_STATUS, HeaderValue::from(refused.code() as i32));
    if let Ok(encoded) = HeaderValue::from_str(&encoded) {
        headers.insert(Status::GRPC_MESSAGE, encoded);
    }
}
