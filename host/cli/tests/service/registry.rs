//! Modules in a registry, and who must have signed them.

use std::{fs, io::Cursor, net::SocketAddr, sync::Arc};

use axum_0_7::{Router, extract::DefaultBodyLimit};
use base64::Engine as _;
use container_registry::{ContainerRegistry, auth::Permissions};
use minisign::KeyPair;
use tempfile::TempDir;
use test_harness::{Output, compatible, run};
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    machine::{Machine, Running, digest},
    process::Process,
    service::host,
};

/// A registry in this process that wants credentials, and a user who has some.
struct Registry {
    address: SocketAddr,
    user: TempDir,
    storage: TempDir,
    _runtime: Runtime,
}

impl Registry {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let storage = tempfile::tempdir().unwrap();
        let registry = ContainerRegistry::builder().storage(storage.path());
        let registry = registry.auth_provider(Arc::new(Permissions::ReadWrite)).build().unwrap();
        let router = Router::new().merge(registry.make_router()).layer(DefaultBodyLimit::max(64 << 20));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async { axum_0_7::serve(listener, router).await });
        let user = tempfile::tempdir().unwrap();
        let secret = base64::engine::general_purpose::STANDARD.encode("user:secret");
        let config = format!(r#"{{"auths": {{"{address}": {{"auth": "{secret}"}}}}}}"#);
        fs::write(user.path().join("config.json"), config).unwrap();
        Self { address, user, storage, _runtime: runtime }
    }

    fn repository(&self) -> String {
        format!("oci://{}/team/script", self.address)
    }

    fn modules(&self, arguments: &[&str]) -> Output {
        run(host(&[&["modules"], arguments].concat()).env("DOCKER_CONFIG", self.user.path())).unwrap()
    }
}

#[track_caller]
fn check(output: &Output, code: i32, expected: &str) {
    assert_eq!(output.code, code, "{output:?}");
    assert!(format!("{}{}", output.stdout, output.stderr).contains(expected), "{output:?}");
}

pub(crate) fn modules_come_from_a_registry() {
    let machine = Machine::new();
    let registry = Registry::start();
    let repository = registry.repository();
    let module = machine.module().display().to_string();
    let first = digest(&module);
    let to = machine.folder.path().join("pulled.wasm").display().to_string();
    let push = ["push", &module, &repository, "--tag", "v1"];
    let anonymous =
        run(host(&[&["modules"], &push[..]].concat()).env("DOCKER_CONFIG", machine.data())).unwrap();
    check(&anonymous, 1, "refuses these credentials");
    check(&registry.modules(&push), 0, &first);
    check(&registry.modules(&["pull", &repository, "v1", "--to", &to]), 0, &first);
    assert_eq!(fs::read(&to).unwrap(), machine.script);
    // A tag moves; the module stays there by its digest.
    let newer = machine.elsewhere(&compatible(&machine.script, 2));
    check(&registry.modules(&["push", &newer, &repository, "--tag", "v1"]), 0, &digest(&newer));
    check(&registry.modules(&["pull", &repository, &first, "--to", &to]), 0, &first);
    check(&registry.modules(&["pull", &repository, "v1", "--to", &to]), 0, &digest(&newer));
    check(&registry.modules(&["pull", &repository, "v2", "--to", &to]), 1, "has no module v2");
    check(&registry.modules(&["pull", "oci://nowhere", "v1", "--to", &to]), 2, "names no repository");

    // A host that lost the module of an open run fetches it.
    let running = machine.start(&[]);
    running.begin("old", "wait\ncomplete done");
    let build = running.builds("old", 1).remove(0);
    drop(running);
    fs::remove_dir_all(machine.folder.path().join("data/modules")).unwrap();
    machine.replace(&compatible(&machine.script, 2));
    let begin = |place: &str| {
        let data = machine.data();
        let fixed =
            ["run", "-t", "q", "-m", &module, "--data-dir", &data, "--listen", "127.0.0.1:0", "--heal=never"];
        let mut command = host(&[&fixed[..], &["--modules-from", place]].concat());
        command.env("DOCKER_CONFIG", registry.user.path());
        Running::wait(Process::start(command))
    };
    let mut away = begin("oci://127.0.0.1:1/team/script");
    away.signal("old");
    away.process.wait_for("cannot be fetched");
    away.begin("other", "complete done");
    away.builds("other", 1);
    drop(away);
    let running = begin(&repository);
    assert_eq!(running.builds("old", 2), [build.clone(), build]);
    drop(running);
    let fetched = machine.modules(&["log", "-o", "jsonl"]);
    assert!(
        fetched.stdout.contains(r#""action":"fetched""#) && fetched.stdout.contains(&first),
        "{fetched:?}"
    );
    assert!(machine.modules(&["list", "-o", "jsonl"]).stdout.contains(&first));

    // What comes has the digest that names it.
    for entry in fs::read_dir(registry.storage.path().join("blobs")).unwrap() {
        let path = entry.unwrap().path();
        if path.metadata().unwrap().len() > 100_000 {
            fs::write(&path, b"damaged").unwrap();
        }
    }
    check(&registry.modules(&["pull", &repository, &first, "--to", &to]), 1, "digest");
}

/// Writes the signature of a file beside it.
fn sign(pair: &KeyPair, path: &str) {
    let bytes = Cursor::new(fs::read(path).unwrap());
    let signature = minisign::sign(None, &pair.sk, bytes, None, None).unwrap();
    fs::write(format!("{path}.minisig"), signature.into_string()).unwrap();
}

pub(crate) fn only_trusted_modules_run() {
    let machine = Machine::new();
    let [release, stranger] = [(); 2].map(|()| KeyPair::generate_unencrypted_keypair().unwrap());
    let key = machine.folder.path().join("release.pub");
    fs::write(&key, release.pk.to_box().unwrap().to_string()).unwrap();
    let key = key.display().to_string();
    let module = machine.module().display().to_string();
    let refused = machine.begin(&["--signer", &key]).ended();
    assert!(refused.contains("it is not signed"), "{refused}");
    sign(&stranger, &module);
    let refused = machine.begin(&["--signer", &key]).ended();
    assert!(refused.contains("none of the signers that this host trusts: release"), "{refused}");
    sign(&release, &module);
    let running = machine.start(&["--signer", &key]);
    running.begin("run", "wait\ncomplete done");
    running.builds("run", 1);

    let other = machine.elsewhere(&compatible(&machine.script, 2));
    check(&machine.modules(&["swap", &other]), 1, "it is not signed");
    sign(&release, &other);
    check(&machine.modules(&["swap", &other]), 0, "swapped");
    for (arguments, signer) in
        [(&["list"] as &[&str], "(signed by release)"), (&["list", "-o", "jsonl"], r#""signer":"release""#)]
    {
        let listed = machine.modules(arguments).stdout;
        assert_eq!(listed.matches(signer).count(), 2, "{listed}");
    }
    drop(running);
    // The signature is kept with the module, of which an open run is left.
    let running = machine.start(&["--signer", &key]);
    running.signal("run");
    running.builds("run", 2);
    drop(running);

    // It travels with the module.
    let layout = machine.folder.path().join("layout").display().to_string();
    let pulled = machine.folder.path().join("pulled.wasm").display().to_string();
    check(&machine.modules(&["push", &digest(&other)[..12], &layout, "--tag", "v2"]), 0, "(signed)");
    let pull = ["modules", "pull", &layout, "v2", "--to", &pulled];
    check(&run(&mut host(&pull)).unwrap(), 0, "(signed)");
    assert!(fs::read_to_string(format!("{pulled}.minisig")).unwrap().starts_with("untrusted comment:"));

    let manifest = machine.folder.path().join("modules.toml").display().to_string();
    let signer = |queue: &str| {
        let text = format!(
            "[[signer]]\nname = \"release\"\nkey-file = \"release.pub\"\ntask-queues = [\"{queue}\"]\n"
        );
        fs::write(&manifest, text).unwrap();
    };
    signer("another");
    let refused = machine.begin(&["--manifest", &manifest]).ended();
    assert!(refused.contains("signed by `release`, who may not sign for task queue q"), "{refused}");
    signer("q");
    drop(machine.start(&["--manifest", &manifest]));
    // The manifest can name the modules too.
    let mut text = fs::read_to_string(&manifest).unwrap();
    text.insert_str(0, "modules = [\"modules\"]\n");
    fs::write(&manifest, text).unwrap();
    let data = machine.data();
    let fixed = ["run", "-t", "q", "--data-dir", &data, "--listen", "127.0.0.1:0", "--manifest", &manifest];
    drop(Running::wait(Process::start(host(&fixed))));
}
