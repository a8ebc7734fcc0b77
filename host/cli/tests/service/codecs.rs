//! Codecs between the command line and a service, and the codec server.

use test_harness::run;

use crate::{
    process::Process,
    service::{Service, host, host_on, succeed},
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
