//! Codecs between the command line and a service, and the codec server.

use std::{path::Path, sync::Arc};

use test_harness::run;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use crate::{
    machine::Machine,
    process::Process,
    service::{Service, host, host_on, succeed},
    tls::certificates,
};

const KEYS: [&str; 2] = [
    "one=command:printf 11111111111111111111111111111111",
    "two=command:printf 22222222222222222222222222222222",
];
const INPUT: &str = "\"a secret of Ada\"";

fn started(address: &str, id: &str, codecs: &[&str]) {
    let start = ["workflow", "start", "--type", "T", "-t", "q", "-w", id, "--input", INPUT];
    succeed(address, &[&start[..], codecs].concat());
}

fn show(address: &str, id: &str, codecs: &[&str]) -> test_harness::Output {
    host_on(address, &[&["workflow", "show", "-w", id, "-o", "json"], codecs].concat())
}

fn reads(address: &str, id: &str, codecs: &[&str]) -> bool {
    let output = show(address, id, codecs);
    assert_eq!(output.code, 0, "{output:?}");
    // JSON has the data in base64: that of the input begins so.
    output.stdout.contains("ImEgc2VjcmV0IG9mIEFkYSI=")
}

pub(crate) fn clients_encode_and_decode() {
    let service = Service::start();
    let address = service.address();
    let aes = |key| ["--codec", "zlib", "--codec", "aes-gcm", "--codec-key", key];
    let [one, two] = KEYS.map(aes);
    let both = [&two[..], &["--codec-key", KEYS[0]]].concat();
    started(address, "plain", &[]);
    started(address, "by-one", &one);
    assert!(reads(address, "plain", &[]) && reads(address, "plain", &one));
    assert!(
        !reads(address, "by-one", &[]) && reads(address, "by-one", &one) && reads(address, "by-one", &both)
    );
    let missing = show(address, "by-one", &two);
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(missing.stderr.contains("no key with id `one` is known here; known are: two"), "{missing:?}");
    assert!(missing.stderr.contains("Payloads.payloads of event 1"), "{missing:?}");
    let wrong = aes("one=command:printf 33333333333333333333333333333333");
    let wrong = show(address, "by-one", &wrong);
    assert!(wrong.stderr.contains("the key `one` does not decrypt it"), "{wrong:?}");
    for (arguments, expected) in [
        (&["--codec", "aes-gcm"][..], "--codec aes-gcm needs --codec-key"),
        (&["--codec-key", KEYS[0]], "--codec-key needs --codec aes-gcm"),
        (
            &["--codec", "aes-gcm", "--codec-key", "k=file:/no/such"],
            "failed to read key `k` from file:/no/such",
        ),
        (&["--codec-endpoint", "ftp://x"], "`ftp://x` is not a URL such as"),
    ] {
        let output = show(address, "plain", arguments);
        assert!(output.code == 2 && output.stderr.contains(expected), "{output:?}");
    }
}

pub(crate) fn encrypted_histories_replay_with_their_key() {
    let machine = Machine::new();
    let codecs = ["--codec", "aes-gcm", "--codec-key", KEYS[0]];
    let running = machine.start(&codecs);
    running.begin_with("run", "activity greet\nwait\ncomplete done", &codecs);
    running.builds("run", 1);
    let history = machine.folder.path().join("history.json");
    let shown = show(&running.address, "run", &[]);
    std::fs::write(&history, &shown.stdout).unwrap();
    assert!(shown.stdout.contains("YmluYXJ5L2VuY3J5cHRlZA=="), "its input is encrypted: {shown:?}");
    let (module, history) = (machine.module().display().to_string(), history.display().to_string());
    let replay = ["replay", "--module", &module, &history];
    let check = |more: &[&str], code: i32, expected: &str| {
        let output = run(&mut host(&[&replay, more].concat())).unwrap();
        assert_eq!(output.code, code, "{output:?}");
        assert!(output.stdout.contains(expected), "{output:?}");
    };
    check(&codecs, 0, "ok");
    check(&["--codec", "aes-gcm", "--codec-key", KEYS[1]], 1, "no key with id `one` is known here");
    check(&[], 1, "a script is text");
}

pub(crate) fn a_codec_server_encodes_and_decodes() {
    let service = Service::start();
    let address = service.address();
    let codecs = ["--codec", "aes-gcm", "--codec-key", KEYS[0]];
    let listen = ["codec-server", "--listen", "127.0.0.1:0", "--cors-origin", "http://localhost:8233"];
    let mut server = Process::start(host(&[&listen[..], &codecs].concat()));
    let endpoint = format!("http://{}", server.address_after("serving codecs address="));
    let remote = ["--codec-endpoint", endpoint.as_str()];
    started(address, "remote", &remote);
    assert!(
        !reads(address, "remote", &[])
            && reads(address, "remote", &remote)
            && reads(address, "remote", &codecs)
    );
    // What is no payload of its own, it says so.
    let other = ["--codec", "aes-gcm", "--codec-key", KEYS[1]];
    started(address, "other", &other);
    let refused = show(address, "other", &remote);
    assert!(
        refused.stderr.contains("answers 400 Bad Request: payload 0: no key with id `two`"),
        "{refused:?}"
    );
    server.stop();
    let away = show(address, "remote", &remote);
    assert!(away.code == 1 && away.stderr.contains("does not answer"), "{away:?}");
    let none = run(&mut host(&["codec-server"])).unwrap();
    assert!(none.code == 2 && none.stderr.contains("a codec server needs a codec"), "{none:?}");
}

/// Takes TLS connections with the certificate of a folder, and passes on what they say.
fn behind_tls(runtime: &Runtime, folder: &Path, target: String) -> String {
    let chain =
        CertificateDer::pem_file_iter(folder.join("server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(folder.join("server-key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    format!("https://localhost:{port}")
}

pub(crate) fn a_codec_server_behind_tls() {
    let service = Service::start();
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let codecs = ["--codec", "aes-gcm", "--codec-key", KEYS[0]];
    let mut server =
        Process::start(host(&[&["codec-server", "--listen", "127.0.0.1:0"][..], &codecs].concat()));
    let runtime = Runtime::new().unwrap();
    let target = server.address_after("serving codecs address=");
    let endpoint = behind_tls(&runtime, folder.path(), target);
    started(service.address(), "run", &codecs);
    let show = |certificates: Option<&str>| {
        let show =
            ["workflow", "show", "-w", "run", "--address", service.address(), "--codec-endpoint", &endpoint];
        let mut command = host(&show);
        if let Some(file) = certificates {
            command.env("SSL_CERT_FILE", folder.path().join(file));
        }
        run(&mut command).unwrap()
    };
    let trusted = show(Some("ca.pem"));
    assert!(trusted.code == 0 && trusted.stdout.contains("a secret of Ada"), "{trusted:?}");
    let stranger = show(None);
    assert!(stranger.code == 1 && stranger.stderr.contains("does not answer"), "{stranger:?}");
    assert!(stranger.stderr.contains("certificate"), "{stranger:?}");
}
