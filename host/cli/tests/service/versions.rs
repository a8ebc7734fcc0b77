//! Hosts that are versions of a worker deployment: which module executes a run is what the service says.

use std::time::{Duration, Instant};

use serde_json::Value;
use test_harness::{compatible, pinned, renamed_script};

use crate::{
    machine::{Machine, PATIENCE, Running, digest},
    service::{Service, host, host_on, succeed},
};

/// Longer than the service waits between two looks at whether a version is drained.
const DRAINAGE: Duration = Duration::from_secs(200);
/// What the hosts of these tests are. Runs of `Script` are pinned, those of `Another` follow the current version.
const SHOP: &[&str] = &["--deployment", "shop", "--swap-policy", "upgrade"];
const OPEN: &str = "wait\nwait\nwait\ncomplete done";

/// A command on the deployment and one of its versions.
fn set(address: &str, command: &str, build: &str, more: &[&str]) {
    let of = ["worker", "deployment", command, "--deployment-name", "shop", "--build-id", build, "--yes"];
    succeed(address, &[&of, more].concat());
}

fn set_current(address: &str, build: &str) {
    set(address, "set-current-version", build, &[]);
}

/// The build id of a module file.
fn build(bytes: &[u8], machine: &Machine) -> String {
    format!("wasm-sha256-{}", digest(&machine.elsewhere(bytes)))
}

/// The status of a version, as the table of `describe` has it; nothing while the service does not know it.
fn status(address: &str, build: &str) -> Option<String> {
    let described = host_on(address, &["worker", "deployment", "describe", "--name", "shop"]);
    let table = described.stdout.split_once("BuildId")?.1.to_owned();
    let row = table.lines().find(|line| line.contains(build))?;
    row.split_whitespace().nth(1).map(str::to_owned)
}

fn wait_for_status(address: &str, build: &str, expected: &str) {
    let since = Instant::now();
    while status(address, build).as_deref() != Some(expected) {
        assert!(since.elapsed() < PATIENCE, "{build}: {:?}, not {expected}", status(address, build));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The versions that executed the tasks of a run, and its behavior after each, once so many are completed.
fn versions(running: &Running, id: &str, tasks: usize) -> Vec<(String, String)> {
    running.builds(id, tasks);
    let shown = succeed(&running.address, &["workflow", "show", "-w", id, "-o", "json"]);
    let history: Value = serde_json::from_str(&shown).unwrap();
    let completed = history["events"].as_array().unwrap().iter().filter_map(|event| {
        let task = event.get("workflowTaskCompletedEventAttributes")?;
        let version = &task["deploymentVersion"];
        assert_eq!(version["deploymentName"], "shop", "{task}");
        assert_eq!(task["workerVersion"]["buildId"], version["buildId"], "{task}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Some((text(&version["buildId"]), text(&task["versioningBehavior"])))
    });
    completed.collect()
}

fn pinned_to(build: &str) -> (String, String) {
    (build.to_owned(), "VERSIONING_BEHAVIOR_PINNED".to_owned())
}

fn follows(build: &str) -> (String, String) {
    (build.to_owned(), "VERSIONING_BEHAVIOR_AUTO_UPGRADE".to_owned())
}

pub(crate) fn mistakes() {
    let machine = Machine::new();
    let check = |more: &[&str], expected: &str| {
        let module = machine.module().display().to_string();
        let data = machine.data();
        let fixed = ["run", "-t", "q", "-m", &module, "--data-dir", &data, "--listen", "127.0.0.1:0"];
        let output = test_harness::run(&mut host(&[&fixed, more].concat())).unwrap();
        assert_eq!(output.code, 2, "{more:?}: {output:?}");
        assert!(output.stderr.contains(expected), "{more:?}: {output:?}");
    };
    check(&["--deployment", "shop", "--heal", "auto"], "the host heals none");
    check(&["--deployment", "shop.eu"], "--deployment shop.eu: the name of a worker deployment has no `.`");
    check(&["--deployment", ""], "the name of a worker deployment is empty");

    let (_, other) = renamed_script(&machine.script, 1);
    let other = machine.elsewhere(&other);
    let refused = machine.begin(&["--deployment", "shop", "-m", &other]).ended();
    assert!(refused.contains("run a host with a deployment of its own for each"), "{refused}");
}

pub(crate) fn an_override_pins_to_a_version_that_never_was_current() {
    let service = Service::start();
    let address = service.address();
    let machine = Machine::new();
    let (first, second) = (pinned(&machine.script), compatible(&pinned(&machine.script), 2));
    let (v1, v2) = (build(&first, &machine), build(&second, &machine));
    machine.replace(&second);
    let running = machine.join(address, "q", SHOP);
    wait_for_status(address, &v2, "Inactive");
    drop(running);
    // Its module is in the data folder, and no file any more.
    machine.replace(&first);
    let mut running = machine.join(address, "q", SHOP);
    wait_for_status(address, &v1, "Inactive");
    set_current(address, &v1);
    running.begin("pinned", OPEN);
    assert_eq!(versions(&running, "pinned", 1), [pinned_to(&v1)]);
    let pin = ["--versioning-override-deployment-name", "shop", "--versioning-override-build-id", &v2];
    let update = ["workflow", "update-options", "-w", "pinned", "--versioning-override-behavior", "pinned"];
    succeed(address, &[&update, &pin[..]].concat());
    running.signal("pinned");
    assert_eq!(versions(&running, "pinned", 2)[1], pinned_to(&v2));
    assert_eq!(status(address, &v2).as_deref(), Some("Inactive"));
    for _ in 0..2 {
        running.signal("pinned");
    }
    running.process.wait_for("a version gets no more tasks");
}

pub(crate) fn two_hosts_are_two_versions() {
    let service = Service::skipping_time();
    let address = service.address();
    let (one, two) = (Machine::new(), Machine::new());
    let first = pinned(&one.script);
    one.replace(&first);
    two.replace(&compatible(&first, 2));
    let (v1, v2) = (build(&first, &one), build(&compatible(&first, 2), &one));
    let running = one.join(address, "q", SHOP);
    let hint = format!("host worker deployment set-current-version --deployment-name shop --build-id {v1}");
    assert!(running.process.log().contains(&hint), "{}", running.process.log());
    let _other = two.join(address, "q", SHOP);
    wait_for_status(address, &v1, "Inactive");
    wait_for_status(address, &v2, "Inactive");

    // Without a current version it waits for workers without versions.
    running.begin("early", OPEN);
    set_current(address, &v1);
    assert_eq!(versions(&running, "early", 1), [pinned_to(&v1)]);
    running.begin("stays", OPEN);
    running.begin_as("follows", "Another", OPEN);
    assert_eq!(versions(&running, "stays", 1), [pinned_to(&v1)]);
    assert_eq!(versions(&running, "follows", 1), [follows(&v1)]);

    set(address, "set-ramping-version", &v2, &["--percentage", "100"]);
    wait_for_status(address, &v2, "Ramping");
    running.begin("ramped", OPEN);
    assert_eq!(versions(&running, "ramped", 1), [pinned_to(&v2)]);
    set_current(address, &v2);
    for id in ["stays", "follows", "ramped"] {
        running.signal(id);
    }
    assert_eq!(versions(&running, "stays", 2), [pinned_to(&v1), pinned_to(&v1)]);
    assert_eq!(versions(&running, "follows", 2), [follows(&v1), follows(&v2)]);
    assert_eq!(versions(&running, "ramped", 2), [pinned_to(&v2), pinned_to(&v2)]);
    let card = succeed(address, &["workflow", "describe", "-w", "stays"]);
    assert!(card.contains(&format!("shop:{v1}")) && card.contains("VersioningBehavior  Pinned"), "{card}");
    let filter = format!("BuildIds = 'pinned:shop:{v1}'");
    let listed = succeed(address, &["workflow", "list", "--query", &filter]);
    let shown = &v1[.."wasm-sha256-".len() + 12];
    let is_listed = |id: &str| listed.lines().any(|line| line.contains(id) && line.contains(shown));
    assert!(is_listed("early") && is_listed("stays") && !listed.contains("ramped"), "{listed}");
    assert_eq!(status(address, &v1).as_deref(), Some("Draining"));
    assert_eq!(status(address, &v2).as_deref(), Some("Current"));

    // Drained once what is pinned to it has closed.
    for id in ["early", "stays"] {
        succeed(address, &["workflow", "terminate", "-w", id]);
    }
    service.skip(DRAINAGE);
    wait_for_status(address, &v1, "Drained");
    running.signal("follows");
    assert_eq!(versions(&running, "follows", 3)[2], follows(&v2));
}

pub(crate) fn versions_live_in_one_host() {
    let service = Service::skipping_time();
    let address = service.address();
    let machine = Machine::new();
    let (first, second) = (pinned(&machine.script), compatible(&pinned(&machine.script), 2));
    let (v1, v2) = (build(&first, &machine), build(&second, &machine));
    let options = [SHOP, &["--watch"]].concat();
    machine.replace(&first);
    let mut running = machine.join(address, "q", &options);
    wait_for_status(address, &v1, "Inactive");
    set_current(address, &v1);
    running.begin("stays", OPEN);
    running.begin_as("follows", "Another", OPEN);
    assert_eq!(versions(&running, "stays", 1), [pinned_to(&v1)]);
    assert_eq!(versions(&running, "follows", 1), [follows(&v1)]);

    // It is polled for once it is admitted, and gets nothing before it is current.
    machine.replace(&second);
    running.process.wait_for("admitted a module");
    wait_for_status(address, &v2, "Inactive");
    for id in ["stays", "follows"] {
        running.signal(id);
    }
    assert_eq!(versions(&running, "stays", 2)[1], pinned_to(&v1));
    assert_eq!(versions(&running, "follows", 2)[1], follows(&v1));
    set_current(address, &v2);
    for id in ["stays", "follows"] {
        running.signal(id);
    }
    assert_eq!(versions(&running, "stays", 3)[2], pinned_to(&v1));
    assert_eq!(versions(&running, "follows", 3)[2], follows(&v2));
    running.begin("new", OPEN);
    assert_eq!(versions(&running, "new", 1), [pinned_to(&v2)]);
    let listed = machine.modules(&["list", "-o", "jsonl"]).stdout;
    let of_first = listed.lines().find(|line| line.contains(&v1["wasm-sha256-".len()..])).unwrap();
    assert!(of_first.contains("is polled for as a version of the worker deployment"), "{listed}");
    the_host_moves_nothing(&machine, &v1);

    // The former version is not among its files: the service says that it gets tasks still.
    drop(running);
    let mut running = machine.join(address, "q", &options);
    running.process.wait_until("it polls for the former version", |log| {
        log.lines().any(|line| line.contains("a version begins to be polled for") && line.contains(&v1))
    });
    running.begin("last", OPEN);
    assert_eq!(versions(&running, "last", 1), [pinned_to(&v2)]);
    running.signal("stays");
    let output = host_on(address, &["workflow", "result", "-w", "stays"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(versions(&running, "stays", 4)[3], pinned_to(&v1));
    service.skip(DRAINAGE);
    wait_for_status(address, &v1, "Drained");
    running.process.wait_for("a version gets no more tasks");
    running.signal("new");
    assert_eq!(versions(&running, "new", 2)[1], pinned_to(&v2));
}

fn the_host_moves_nothing(machine: &Machine, first: &str) {
    let canary = machine.elsewhere(&compatible(&machine.script, 3));
    for command in [
        &["rollback"][..],
        &["adopt", "--from", first, "--to", first],
        &["move", first, "-w", "stays"],
        &["canary", "start", &canary],
    ] {
        let output = machine.modules(command);
        assert_eq!(output.code, 1, "{output:?}");
        assert!(output.stderr.contains("this host is worker deployment `shop`"), "{output:?}");
    }
}
