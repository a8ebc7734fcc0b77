//! `host server` and its clients, with and without TLS.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use test_harness::run;

use crate::{
    process::Process,
    service::{Service, host, host_on},
};

/// How often a client tries to read why its connection ended.
const TRIES: usize = 20;

/// Certificates in a folder: `ca.pem`, and by it `NAME.pem` with `NAME-key.pem`.
pub(crate) fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "authority");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    for name in ["server", "client"] {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = certificate.signed_by(&key, &authority).unwrap();
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        let file = folder.join(format!("{name}-key.pem"));
        fs::write(&file, key.serialize_pem()).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

pub(crate) fn clients_reach_a_service_through_tls() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (ca, cert, key) = (path("ca.pem"), path("client.pem"), path("client-key.pem"));
    let mut server = Process::start({
        let mut server = host(&["server", "--listen", "127.0.0.1:0", "--data-dir", &path("data")]);
        server
            .args([
                "--listen-tls-cert-path",
                &path("server.pem"),
                "--listen-tls-key-path",
                &path("server-key.pem"),
            ])
            .env("HOST_LISTEN_TLS_CLIENT_CA_PATH", &ca);
        server
    });
    let address = server.address();
    let list = |more: &[&str]| host_on(&address, &[&["workflow", "list", "-o", "jsonl"], more].concat());
    let trust = ["--tls-ca-path", &ca, "--tls-server-name", "localhost"];
    let mutual = [&trust[..], &["--tls-cert-path", &cert, "--tls-key-path", &key]].concat();
    let reached = list(&mutual);
    assert_eq!((reached.code, reached.stderr.as_str()), (0, ""), "{reached:?}");
    let refused = list(&trust);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("needs --tls-cert-path and --tls-key-path"), "{refused:?}");
    // The client may see no more than the end of the connection.
    let plain = |_| {
        let refused = list(&[]);
        assert_eq!(refused.code, 1, "{refused:?}");
        refused.stderr.contains("this service speaks TLS: connect with TLS")
    };
    assert!((0..TRIES).any(plain), "no client is told that the service speaks TLS");
    server.stop();

    let service = Service::start();
    let too_much = host_on(service.address(), &[&["workflow", "list"], &mutual[..]].concat());
    assert_eq!(too_much.code, 1, "{too_much:?}");
    assert!(too_much.stderr.contains("Does it speak TLS?"), "{too_much:?}");
}

pub(crate) fn a_listener_says_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let server = |listen: &str, cert: &str, key: &str| {
        let mut server = host(&["server", "--listen", listen]);
        server.arg("--data-dir").arg(path("data"));
        server.arg("--listen-tls-cert-path").arg(path(cert)).arg("--listen-tls-key-path").arg(path(key));
        server
    };
    let check = |cert: &str, key: &str, expected: &str| {
        let refused = run(&mut server("127.0.0.1:0", cert, key)).unwrap();
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains(expected), "{refused:?}");
    };
    fs::copy(path("server-key.pem"), path("open.pem")).unwrap();
    fs::set_permissions(path("open.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    check("server.pem", "open.pem", "others can read or change the private key (mode 644)");
    check("missing.pem", "server-key.pem", "failed to start the service: read the TLS file");
    check("server.pem", "client-key.pem", "with its key: ");
    // TLS without certificates of clients, for other machines: it listens, and says what that means.
    let mut exposed = Process::start(server("0.0.0.0:0", "server.pem", "server-key.pem"));
    exposed.address();
    assert!(exposed.stop().contains("asks clients for no certificate"));
}
