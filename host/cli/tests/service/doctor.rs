//! What `host doctor` finds on machines that lack something.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;
use test_harness::{Output, run};

use crate::service::{Service, host};

/// A machine whose tools are scripts, with a port that is taken when asked for.
struct Machine {
    folder: tempfile::TempDir,
    free: String,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        Self { folder, free }
    }

    /// Puts a tool on the path that prints its version, or the folder of the target.
    fn tool(&self, name: &str, version: &str) -> &Self {
        let path = self.folder.path().join("bin").join(name);
        let libraries = self.folder.path().join("libraries");
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && echo '{name} {version} (0)' || echo '{}'\n",
            libraries.display()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn doctor(&self, more: &[&str]) -> Command {
        let mut command = host(&["doctor"]);
        command.args(more).env("PATH", self.folder.path().join("bin"));
        command.env("HOST_DATA_DIR", self.data()).env_remove("HOST_METRICS_LISTEN");
        command
    }

    fn look(&self, more: &[&str]) -> Output {
        let given = ["--listen", &self.free];
        let listen: &[&str] = if more.contains(&"--listen") { &[] } else { &given };
        run(&mut self.doctor(&[listen, more].concat())).unwrap()
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }
}

fn check(output: &Output, code: i32, lines: &[&str]) {
    assert_eq!(output.code, code, "{output:?}");
    assert_eq!(output.stderr, "");
    for expected in lines {
        assert!(
            output.stdout.lines().any(|line| line.starts_with(expected)),
            "{expected}: {}",
            output.stdout
        );
    }
}

pub(crate) fn a_machine_is_looked_at() {
    let machine = Machine::new();
    let none = machine.look(&[]);
    check(&none, 0, &["ok       host ", "warning  rustc          not found: a host needs none"]);
    check(&none, 0, &["ok       service        none is named"]);
    // How these are depends on the machine of the test.
    for name in ["open files", "data folder", "disk space", "disk sync", "page"] {
        assert!(none.stdout.contains(&format!("  {name} ")), "{name}: {none:?}");
    }
    check(&none, 0, &[&format!("ok       listen         {} is free", machine.free)]);
    assert!(!none.stdout.contains("wasm32-wasip2"), "{none:?}");

    machine.tool("rustc", "1.95.0").tool("cargo", "1.80.0");
    let old = machine.look(&[]);
    check(
        &old,
        1,
        &["ok       rustc          1.95.0", "failed   cargo          1.80.0, and 1.95 is needed: rustup"],
    );
    check(&old, 1, &["failed   wasm32-wasip2  not installed, so no module can be built: rustup target add"]);
    machine.tool("cargo", "1.96.0");
    fs::create_dir(machine.folder.path().join("libraries")).unwrap();
    let whole = machine.look(&["-o", "json"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    let report: Value = serde_json::from_str(&whole.stdout).unwrap();
    let found = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"))
    };
    assert_eq!(found("cargo")["found"], "1.96.0");
    assert_eq!(found("wasm32-wasip2")["status"], "OK");
    assert!(["OK", "WARNING"].contains(&report["status"].as_str().unwrap()), "{report}");
    assert_eq!(machine.look(&["-o", "jsonl"]).stdout.lines().count(), 1);

    // Nothing was made, here or where the folder would be.
    assert!(!machine.data().exists());
    assert_eq!(fs::read_dir(machine.folder.path()).unwrap().count(), 2);
    fs::write(machine.data(), "a file").unwrap();
    check(&machine.look(&[]), 1, &["failed   data folder "]);
}

pub(crate) fn ports_are_looked_at() {
    let machine = Machine::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let line = format!("failed   listen         {taken} is taken by another process: end that one");
    check(&machine.look(&["--listen", &taken]), 1, &[&line]);
    let line = format!("failed   metrics        {taken} is taken by another process: end that one");
    check(&machine.look(&["--metrics-listen", &taken]), 1, &[&line]);
    // The host goes on without a page.
    let line = format!("warning  page           {taken} is taken by another process: end that one");
    check(&machine.look(&["--ui", &taken]), 0, &[&line]);
    assert!(!machine.look(&["--no-ui"]).stdout.contains("  page "));
    assert_eq!(machine.look(&["--ui", "0.0.0.0:8233"]).code, 2);
    // A host that runs is what a second one joins.
    let service = Service::start();
    let line = format!(
        "warning  listen         a Temporal Service listens on {0} already: join it",
        service.address()
    );
    check(&machine.look(&["--listen", service.address()]), 0, &[&line]);
}

pub(crate) fn a_service_is_looked_at() {
    let machine = Machine::new();
    let service = Service::start();
    let address = service.address();
    let there = machine.look(&["--address", address]);
    let connected =
        format!("ok       service        connected to http://{address} without TLS, as --address says");
    check(
        &there,
        0,
        &[&connected, "ok       server         1.", "ok       clock          agrees with that of"],
    );
    check(&there, 0, &["ok       namespace      default is there"]);
    assert!(there.stdout.contains("eagerWorkflowStart"), "{there:?}");
    assert!(!there.stdout.contains(" listen "), "a host for another service has none: {there:?}");

    let unknown = machine.look(&["--address", address, "--namespace", "shop"]);
    check(&unknown, 1, &["failed   namespace      shop is not there: name another with --namespace"]);
    let away = machine.look(&["--address", "127.0.0.1:1"]);
    check(&away, 1, &["failed   service        cannot reach Temporal Service at http://127.0.0.1:1: "]);
    assert!(away.stdout.contains("Is it running?"), "{away:?}");
    let plain = machine.look(&["--address", address, "--tls"]);
    check(&plain, 1, &["failed   service        cannot reach Temporal Service at https://"]);
    assert!(plain.stdout.contains("Does it speak TLS?"), "{plain:?}");
    let profile = machine.look(&["--profile", "none"]);
    check(&profile, 1, &["failed   service        connection settings: Profile 'none' not found"]);
    let by_variable = run(machine.doctor(&[]).env("TEMPORAL_ADDRESS", address)).unwrap();
    assert!(by_variable.stdout.contains("as TEMPORAL_ADDRESS says"), "{by_variable:?}");
    assert!(!Path::new(&machine.data()).exists());
}
