//! Several hosts on one data folder: what one is told the others do, and one takes over when it ends.

use std::time::Instant;

use test_harness::compatible;

use crate::{
    canaries::canary,
    machine::{Machine, PATIENCE, Running, digest},
    service::Service,
};

/// The task queue of the second host alone.
const QUEUE: &str = "r";

/// Begins runs on the second host until one is on a build.
fn wait_for_build(host: &Running, prefix: &str, expected: &str) {
    let since = Instant::now();
    for number in 0.. {
        let build = begin(host, &format!("{prefix}-{number}"), "complete done");
        if build == expected {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{prefix}: {build}: {}", host.process.log());
    }
}

/// Begins a run on the second host, and gives its build.
fn begin(host: &Running, id: &str, script: &str) -> String {
    host.begin_with(id, script, &["-t", QUEUE]);
    host.builds(id, 1).remove(0)
}

fn build(path: &str) -> String {
    format!("wasm-sha256-{}", digest(path))
}

fn ask(machine: &Machine, arguments: &[&str]) {
    let output = machine.modules(arguments);
    assert_eq!(output.code, 0, "{output:?}");
}

pub(crate) fn what_one_is_told_the_other_does() {
    let machine = Machine::new();
    let mut first = machine.start(&[]);
    let second = machine.join(&first.address, QUEUE, &[]);
    let old = begin(&second, "old", &format!("{}complete done", "wait\n".repeat(100)));
    assert_eq!(old, build(&machine.module().display().to_string()));

    let path = machine.elsewhere(&compatible(&machine.script, 2));
    let swapped = build(&path);
    ask(&machine, &["swap", &path]);
    wait_for_build(&second, "swapped", &swapped);

    // A run that is open stays until it may move.
    second.signal("old");
    assert_eq!(second.builds("old", 2)[1], old);
    ask(&machine, &["adopt", "--from", &old, "--to", &swapped]);
    let since = Instant::now();
    for tasks in 3.. {
        second.signal("old");
        if second.builds("old", tasks)[tasks - 1] == swapped {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "it does not move: {}", second.process.log());
    }

    // A canary has its part of the runs there, and what fails there ends it.
    let options = ["--steps", "100%:1h", "--min-count", "1", "--max-failed-runs", "50%"];
    let tried = canary(&machine, &compatible(&machine.script, 3), &options);
    wait_for_build(&second, "tried", &tried);
    let since = Instant::now();
    for number in 0.. {
        let build = begin(&second, &format!("failing-{number}"), "fail on purpose");
        if build == swapped {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "it does not go back: {}", first.process.log());
    }
    first.process.wait_for("a canary goes back");
    let log = machine.modules(&["log"]).stdout;
    assert!(log.contains("runs failed, and 50% may"), "{log}");
}

pub(crate) fn another_one_takes_over() {
    let service = Service::start();
    let machine = Machine::new();
    let first = machine.join(service.address(), "q", &[]);
    let mut second = machine.join(service.address(), QUEUE, &[]);
    let old = begin(&second, "old", "complete done");
    let options = ["--steps", "100%:1h", "--min-count", "1", "--max-failed-runs", "0%"];
    let tried = canary(&machine, &compatible(&machine.script, 2), &options);
    wait_for_build(&second, "tried", &tried);
    drop(first);
    second.process.wait_for("takes the commands of `host modules` from now on");
    ask(&machine, &["canary", "status"]);
    begin(&second, "failing", "fail on purpose");
    second.process.wait_for("a canary has ended");
    wait_for_build(&second, "back", &old);
}

pub(crate) fn what_another_one_has_loaded_is_not_pruned() {
    let service = Service::start();
    let machine = Machine::new();
    let _first = machine.join(service.address(), "q", &[]);
    // A module that the first host does not serve.
    let path = machine.elsewhere(&compatible(&machine.script, 2));
    let second = machine.join(service.address(), QUEUE, &["-m", &path, "--modules-in-order"]);
    let prune = || machine.modules(&["prune", &digest(&path), "--force"]);
    let output = prune();
    assert_eq!(output.code, 1, "{output:?}");
    let needed = format!("another host, process {}, has it loaded", second.process.id());
    assert!(format!("{}{}", output.stdout, output.stderr).contains(&needed), "{output:?}");
    drop(second);
    let output = prune();
    assert_eq!(output.code, 0, "{output:?}");
}
