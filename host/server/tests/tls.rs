//! TLS of the listener, and clients with and without.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use host_server::{Listener, Options, ServeError, Server, TlsFiles};
use host_service::{ClientIdentity, ConnectOptions, RemoteService, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// How often a client tries to read why its connection ended.
const TRIES: usize = 20;

/// An authority, and what it signed for `localhost`, in files.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut authority = CertificateParams::new(vec![]).unwrap();
        // Its own for each.
        let name = format!("{:?}", tempfile::tempdir().unwrap().path().file_name());
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let this = Self { folder: tempfile::tempdir().unwrap(), issuer };
        fs::write(this.path("ca.pem"), this.issuer.pem()).unwrap();
        this.sign();
        this
    }

    /// Makes the certificate of the service and its key anew.
    fn sign(&self) {
        let ClientIdentity { certificate, key } = self.identity();
        fs::write(self.path("cert.pem"), certificate).unwrap();
        fs::write(self.path("key.pem"), key).unwrap();
        fs::set_permissions(self.path("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn identity(&self) -> ClientIdentity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        ClientIdentity { certificate: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn files(&self, client_ca: bool) -> TlsFiles {
        TlsFiles {
            certificate: self.path("cert.pem"),
            key: self.path("key.pem"),
            client_ca: client_ca.then(|| self.path("ca.pem")),
        }
    }

    /// A client that trusts this authority.
    fn client(&self, address: SocketAddr, client_identity: Option<ClientIdentity>) -> ConnectOptions {
        let ca = Some(fs::read(self.path("ca.pem")).unwrap());
        let server_name = Some("localhost".to_owned());
        let tls = Some(Tls { ca, client_identity, server_name });
        ConnectOptions { tls, ..ConnectOptions::to(address.to_string()) }
    }
}

/// A service on a folder of its own.
async fn serve(tls: Option<TlsFiles>) -> (SocketAddr, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path(), Options::default()).unwrap();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.address();
    let listener = match tls {
        Some(tls) => listener.with_tls(tls).unwrap(),
        None => listener,
    };
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    (address, folder)
}

async fn refusal(options: ConnectOptions) -> String {
    let error = RemoteService::connect(&options).await.unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Each time the client is refused. Why, it may read or not: its connection may end before its call is sent.
async fn check_refused(options: &ConnectOptions, expected: &str) {
    let mut said = String::new();
    for _ in 0..TRIES {
        said = refusal(options.clone()).await;
        if said.contains(expected) {
            return;
        }
    }
    panic!("it does not say {expected:?}: {said}");
}

#[tokio::test]
async fn a_client_reaches_the_service_through_tls() {
    let authority = Authority::new();
    let (address, _folder) = serve(Some(authority.files(false))).await;
    RemoteService::connect(&authority.client(address, None)).await.unwrap();
    let refused = refusal(Authority::new().client(address, None)).await;
    assert!(refused.contains("UnknownIssuer"), "{refused}");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_where_it_needs_one() {
    let authority = Authority::new();
    let (address, _folder) = serve(Some(authority.files(true))).await;
    RemoteService::connect(&authority.client(address, Some(authority.identity()))).await.unwrap();
    for (identity, expected) in
        [(None, "CertificateRequired"), (Some(Authority::new().identity()), "UnknownCA")]
    {
        check_refused(&authority.client(address, identity), expected).await;
    }
}

#[tokio::test]
async fn a_client_without_tls_is_told_so_and_the_other_way_round() {
    let authority = Authority::new();
    let (address, _folder) = serve(Some(authority.files(false))).await;
    let plain = ConnectOptions::to(address.to_string());
    check_refused(&plain, "this service speaks TLS: connect with TLS").await;
    let (address, _folder) = serve(None).await;
    let refused = refusal(authority.client(address, None)).await;
    assert!(refused.contains("InvalidContentType") || refused.contains("corrupt message"), "{refused}");
}

/// Others get in meanwhile, and it is told to go.
#[tokio::test]
async fn a_client_that_dawdles_holds_up_no_one() {
    let authority = Authority::new();
    let (address, _folder) = serve(Some(authority.files(false))).await;
    let mut dawdling = Vec::new();
    for said in [&b""[..], b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        dawdling.push(stream);
    }
    RemoteService::connect(&authority.client(address, None)).await.unwrap();
    for mut stream in dawdling {
        let ended = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut [0; 64])).await;
        assert!(matches!(ended.unwrap(), Ok(0) | Err(_)));
    }
}

#[tokio::test]
async fn files_that_change_are_read_again() {
    let (before, after) = (Authority::new(), Authority::new());
    let (address, _folder) = serve(Some(before.files(false))).await;
    // One that cannot be used changes nothing.
    let sound = fs::read(before.path("cert.pem")).unwrap();
    fs::write(before.path("cert.pem"), "no certificate").unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    RemoteService::connect(&before.client(address, None)).await.unwrap();
    fs::write(before.path("cert.pem"), sound).unwrap();
    fs::copy(after.path("key.pem"), before.path("key.pem")).unwrap();
    fs::copy(after.path("cert.pem"), before.path("cert.pem")).unwrap();
    // It is looked for changes at most once a second.
    let mut tries = 0;
    while RemoteService::connect(&after.client(address, None)).await.is_err() {
        tries += 1;
        assert!(tries < 600, "the new certificate is not used");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let refused = refusal(before.client(address, None)).await;
    assert!(refused.contains("ertificate"), "{refused}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_at_the_start() {
    let authority = Authority::new();
    let other = Authority::new();
    let check = async |change: &dyn Fn(&mut TlsFiles), expected: &str| {
        let mut files = authority.files(true);
        change(&mut files);
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let error: ServeError = listener.with_tls(files).unwrap_err();
        let mut text = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            text = format!("{text}: {source}");
        }
        assert!(text.contains(expected), "{text}");
    };
    let text = authority.path("text.pem");
    fs::write(&text, "text").unwrap();
    fs::set_permissions(&text, fs::Permissions::from_mode(0o600)).unwrap();
    let open = authority.path("open.pem");
    fs::copy(authority.path("key.pem"), &open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    check(&|files| files.certificate = "/nonexistent".into(), "read the TLS file /nonexistent: No such file")
        .await;
    check(&|files| files.certificate.clone_from(&text), "text.pem: there is no certificate in PEM in it")
        .await;
    check(&|files| files.key.clone_from(&text), "text.pem: there is no private key in PEM in it").await;
    check(&|files| files.key = Path::new("/dev/zero").into(), "/dev/zero: a TLS file is a regular file")
        .await;
    check(
        &|files| files.key.clone_from(&open),
        "open.pem: others can read or change the private key (mode 644)",
    )
    .await;
    check(&|files| files.key = other.path("key.pem"), "with its key: ").await;
    check(&|files| files.client_ca = Some(text.clone()), "text.pem: there is no certificate in PEM in it")
        .await;
}
