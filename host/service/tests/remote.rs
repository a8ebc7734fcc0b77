//! The connection to a Temporal Service, against a scripted one on this machine.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

use std::{
    error::Error,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use expect_test::{Expect, expect};
use host_service::{
    ClientIdentity, ConnectError, ConnectOptions, RemoteService, Tls, WorkflowService,
    workflow_service_server::WorkflowServiceServer,
};
use host_wire::temporal::api::workflowservice::v1::{
    DescribeNamespaceRequest, DescribeNamespaceResponse, GetSystemInfoRequest, GetSystemInfoResponse,
    PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Code, Request, Response, Status,
    metadata::MetadataMap,
    transport::{Certificate, Identity, Server, ServerTlsConfig},
};

/// Answers `UNAVAILABLE` a number of times, then for good.
#[derive(Clone, Default)]
struct Scripted {
    failures: usize,
    calls: Arc<AtomicUsize>,
    last_headers: Arc<Mutex<MetadataMap>>,
}

impl Scripted {
    fn answer<M, R: Default>(&self, request: &Request<M>) -> Result<Response<R>, Status> {
        *self.last_headers.lock().unwrap() = request.metadata().clone();
        if self.calls.fetch_add(1, Ordering::SeqCst) < self.failures {
            return Err(Status::unavailable("not yet"));
        }
        Ok(Response::new(R::default()))
    }

    fn header(&self, name: &str) -> Option<String> {
        let headers = self.last_headers.lock().unwrap();
        headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }
}

#[tonic::async_trait]
impl WorkflowService for Scripted {
    async fn get_system_info(
        &self,
        _: Request<GetSystemInfoRequest>,
    ) -> Result<Response<GetSystemInfoResponse>, Status> {
        Ok(Response::new(GetSystemInfoResponse::default()))
    }

    async fn describe_namespace(
        &self,
        request: Request<DescribeNamespaceRequest>,
    ) -> Result<Response<DescribeNamespaceResponse>, Status> {
        self.answer(&request)
    }

    async fn poll_workflow_task_queue(
        &self,
        request: Request<PollWorkflowTaskQueueRequest>,
    ) -> Result<Response<PollWorkflowTaskQueueResponse>, Status> {
        self.answer(&request)
    }
}

async fn serve(service: Scripted, tls: Option<ServerTlsConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = Server::builder();
    if let Some(tls) = tls {
        server = server.tls_config(tls).unwrap();
    }
    let server = server.add_service(WorkflowServiceServer::new(service));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

fn options(address: impl ToString) -> ConnectOptions {
    ConnectOptions { address: address.to_string(), ..ConnectOptions::default() }
}

#[tokio::test]
async fn calls_are_tried_again_and_carry_headers_and_a_deadline() {
    let scripted = Scripted { failures: 2, ..Scripted::default() };
    let address = serve(scripted.clone(), None).await;
    let service = RemoteService::connect(&ConnectOptions {
        address: format!("http://{address}"),
        namespace: "orders".to_owned(),
        api_key: Some("key".to_owned()),
        headers: [("X-Team".to_owned(), "blue".to_owned())].into(),
        ..ConnectOptions::default()
    })
    .await
    .unwrap();
    service.describe_namespace(Request::new(DescribeNamespaceRequest::default())).await.unwrap();
    assert_eq!(scripted.calls.load(Ordering::SeqCst), 3);
    for (name, value) in [
        ("temporal-namespace", "orders"),
        ("authorization", "Bearer key"),
        ("x-team", "blue"),
        ("client-name", "workflow-host"),
        ("grpc-accept-encoding", "gzip,identity"),
        ("grpc-timeout", "30000000u"),
    ] {
        assert_eq!(scripted.header(name).as_deref(), Some(value), "{name}");
    }
    assert!(scripted.header("client-version").is_some());
}

#[tokio::test]
async fn polls_are_left_to_the_caller_and_keep_its_deadline() {
    let scripted = Scripted { failures: 1, ..Scripted::default() };
    let address = serve(scripted.clone(), None).await;
    let service = RemoteService::connect(&options(address)).await.unwrap();
    let poll = || Request::new(PollWorkflowTaskQueueRequest::default());
    let status = service.poll_workflow_task_queue(poll()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(scripted.header("grpc-timeout").as_deref(), Some("70000000u"));
    let mut poll = poll();
    poll.set_timeout(Duration::from_secs(5));
    service.poll_workflow_task_queue(poll).await.unwrap();
    assert_eq!(scripted.header("grpc-timeout").as_deref(), Some("5000000u"));
}

async fn check_refused(options: ConnectOptions, expected: Expect) {
    let error = RemoteService::connect(&options).await.unwrap_err();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    expected.assert_eq(&text);
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_clearly() {
    // Port 1 is reserved, and no program listens there.
    check_refused(
        options("127.0.0.1:1"),
        expect!["cannot reach Temporal Service at http://127.0.0.1:1: Connection refused (os error 111)"],
    )
    .await;
    check_refused(
        options("nowhere"),
        expect!["`nowhere` is not an address: use `host:port`, or a URL with http or https"],
    )
    .await;
    let bad_header =
        ConnectOptions { headers: [("a b".to_owned(), String::new())].into(), ..options("127.0.0.1:1") };
    check_refused(bad_header, expect!["header `a b` cannot be sent: names and values are visible ASCII"])
        .await;
    let bad_key = ConnectOptions { api_key: Some("line\nbreak".to_owned()), ..options("127.0.0.1:1") };
    check_refused(
        bad_key,
        expect!["header `authorization` cannot be sent: names and values are visible ASCII"],
    )
    .await;
}

#[tokio::test]
async fn another_server_on_the_port_is_said_clearly() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection);
        }
    });
    let error = RemoteService::connect(&options(address)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. } | ConnectError::Unreachable { .. }), "{error}");
}

/// An authority, and a certificate by it with its key, for `service.test`.
fn certificates() -> (String, Identity, ClientIdentity) {
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["service.test".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let client =
        ClientIdentity { certificate: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() };
    (authority.pem(), Identity::from_pem(certificate.pem(), key.serialize_pem()), client)
}

#[tokio::test]
async fn tls_is_mutual_and_names_are_checked() {
    let (ca, server_identity, client_identity) = certificates();
    let tls = ServerTlsConfig::new().identity(server_identity).client_ca_root(Certificate::from_pem(&ca));
    let address = serve(Scripted::default(), Some(tls)).await;
    let with = |ca: Option<&str>, client_identity: Option<ClientIdentity>, server_name: Option<&str>| {
        let tls = Tls {
            ca: ca.map(|ca| ca.as_bytes().to_vec()),
            client_identity,
            server_name: server_name.map(str::to_owned),
        };
        ConnectOptions { tls: Some(tls), ..options(address) }
    };
    RemoteService::connect(&with(Some(&ca), Some(client_identity.clone()), Some("service.test")))
        .await
        .unwrap();
    for refused in [
        with(Some(&ca), Some(client_identity.clone()), None),
        with(Some(&ca), None, Some("service.test")),
        with(None, Some(client_identity), Some("service.test")),
        options(address),
    ] {
        let error = RemoteService::connect(&refused).await.unwrap_err();
        assert!(
            matches!(error, ConnectError::Unreachable { .. } | ConnectError::Refused { .. }),
            "{refused:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn unusable_certificates_are_said_clearly() {
    let tls = Tls {
        ca: Some(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----".to_vec()),
        ..Tls::default()
    };
    let error = RemoteService::connect(&ConnectOptions { tls: Some(tls), ..options("127.0.0.1:1") }).await;
    assert!(matches!(error, Err(ConnectError::Tls(_))), "{error:?}");
}

/// A service that is older than the call, or another product.
struct Bare;

#[tonic::async_trait]
impl WorkflowService for Bare {}

#[tokio::test]
async fn a_service_need_not_have_get_system_info() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_service(WorkflowServiceServer::new(Bare));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let service = RemoteService::connect(&options(address)).await.unwrap();
    let described = service.describe_namespace(Request::new(DescribeNamespaceRequest::default())).await;
    assert_eq!(described.unwrap_err().code(), Code::Unimplemented);
}
