//! Swaps of a running host: files that are replaced, `host modules …`, and the builds in histories.

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use test_harness::{auto_upgrade, compatible, incompatible, panicking, pinned};

use crate::{
    machine::{Machine, PATIENCE, digest},
    service::{host, host_on},
};

pub(crate) fn without_a_host() {
    let machine = Machine::new();
    let module = machine.elsewhere(&machine.script);
    for arguments in [&["swap", &module][..], &["rollback"], &["adopt", "--from", "abcdef", "--to", "abcdef"]]
    {
        let output = machine.modules(arguments);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("no host runs on data folder"), "{output:?}");
    }
    assert_eq!(machine.modules(&["log"]).code, 0);
}

pub(crate) fn upgrade_and_rollback() {
    let machine = Machine::new();
    let running = machine.start(&["--watch", "--swap-policy", "upgrade"]);
    running.begin("agrees", "wait\nwait\nwait\ncomplete done");
    running.begin("differs", "constant-activity\nwait\nwait\nwait\ncomplete done");
    let first = running.builds("agrees", 1);
    assert_eq!(running.builds("differs", 1), first);

    let changed = incompatible(&machine.script);
    let output = machine.modules(&["check", &machine.elsewhere(&changed)]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stdout.contains("1 agree, 1 differ") && output.stdout.contains("workflow differs"),
        "{output:?}"
    );

    let mut running = running;
    machine.replace(&changed);
    running.process.wait_for("admitted a module");
    assert_eq!(machine.audit(), [("swapped".to_owned(), "1/1/0".to_owned())]);
    for id in ["agrees", "differs"] {
        running.signal(id);
    }
    let (moved, stayed) = (running.builds("agrees", 2), running.builds("differs", 2));
    assert_eq!((&moved[0], &stayed[1]), (&first[0], &first[0]));
    assert_ne!(moved[1], first[0]);
    running.begin("new", "wait\ncomplete done");
    assert_eq!(running.builds("new", 1)[0], moved[1]);

    // Back, though the file still has the other module; also after a kill.
    let output = machine.modules(&["rollback", "--policy", "pin"]);
    assert_eq!(output.code, 0, "{output:?}");
    let list = machine.modules(&["list", "-o", "jsonl"]);
    let line = list.stdout.lines().find(|line| line.contains(&first[0]["wasm-sha256-".len()..])).unwrap();
    assert!(line.contains(r#""serves":["Another","Script"]"#), "{list:?}");
    drop(running);
    let running = machine.start(&["--watch", "--swap-policy", "upgrade"]);
    running.begin("again", "wait\ncomplete done");
    assert_eq!(running.builds("again", 1), first);
    // A run that moved stays where it is.
    running.signal("agrees");
    assert_eq!(running.builds("agrees", 3)[2], moved[1]);
}

pub(crate) fn require_refuses() {
    let machine = Machine::new();
    let policy = ["--watch", "--swap-policy", "require"];
    let mut running = machine.start(&policy);
    running.begin("open", "constant-activity\nwait\nwait\ncomplete done");
    let first = running.builds("open", 1);
    machine.replace(&incompatible(&machine.script));
    running.process.wait_for("a module was refused");
    running.begin("new", "wait\ncomplete done");
    assert_eq!(running.builds("new", 1), first);
    assert_eq!(machine.audit(), [("refused".to_owned(), "0/1/0".to_owned())]);
    drop(running);

    // The refused file is still there, and is not taken by a restart.
    let running = machine.start(&policy);
    running.begin("restarted", "wait\ncomplete done");
    assert_eq!(running.builds("restarted", 1), first);
    let broken = machine.elsewhere(&machine.script[..1000]);
    let output = machine.modules(&["swap", &broken]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("elsewhere.wasm"), "{output:?}");
    let output = machine.modules(&["swap", &machine.elsewhere(&compatible(&machine.script, 2))]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.starts_with("swapped "), "{output:?}");
    running.signal("open");
    let swapped = running.builds("open", 2)[1].clone();
    assert_ne!(swapped, first[0]);
    drop(running);

    // What changes while the host is down goes through the gate as well.
    machine.replace(&incompatible(&compatible(&machine.script, 3)));
    let mut running = machine.start(&policy);
    running.process.wait_for("a module was refused");
    running.begin("last", "wait\ncomplete done");
    assert_eq!(running.builds("last", 1)[0], swapped);
}

/// Under `pin` the verdicts come behind; runs move by hand, or once their module is gone.
pub(crate) fn adopted_and_orphaned_runs() {
    let machine = Machine::new();
    let mut running = machine.start(&["--watch"]);
    running.begin("adopted", "wait\nwait\nwait\ncomplete done");
    let first = running.builds("adopted", 1);
    let changed = compatible(&machine.script, 2);
    machine.replace(&changed);
    running.process.wait_for("open runs were checked on a module");
    running.signal("adopted");
    assert_eq!(running.builds("adopted", 2)[1], first[0]);
    let unknown = machine.modules(&["adopt", "--from", &first[0], "--to", "ffffffff"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.stderr.contains("no module with digest ffffffff was admitted here"), "{unknown:?}");
    running.begin("new", "wait\ncomplete done");
    let second = running.builds("new", 1);
    let output = machine.modules(&["adopt", "--from", &first[0], "--to", &second[0]]);
    assert_eq!(output.code, 0, "{output:?}");
    running.signal("adopted");
    assert_eq!(running.builds("adopted", 3)[2], second[0]);
    let actions: Vec<String> = machine.audit().into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["swapped", "checked", "adopted"]);
    drop(running);

    // The module of an open run is gone when the next host starts, and its file has another.
    let digest = &second[0]["wasm-sha256-".len()..];
    fs::remove_file(machine.folder.path().join(format!("data/modules/{digest}.wasm"))).unwrap();
    machine.replace(&compatible(&machine.script, 3));
    let mut running = machine.start(&[]);
    running.signal("new");
    running.process.wait_for("a run moved to a newer module");
    let output = host_on(&running.address, &["workflow", "result", "-w", "new"]);
    assert_eq!(output.code, 0, "{output:?}");
}

/// Whenever the host is killed, the next one has the module before or the one after.
pub(crate) fn kills_leave_one_of_two_states() {
    let machine = Machine::new();
    let mut serving = {
        let running = machine.start(&[]);
        running.begin("first", "wait\ncomplete done");
        running.builds("first", 1)[0].clone()
    };
    for round in 1..=3_u8 {
        let running = machine.start(&[]);
        let path = machine.elsewhere(&compatible(&machine.script, round));
        let data = machine.data();
        let arguments = ["modules", "swap", &path, "--policy", "upgrade", "--data-dir", &data];
        let mut swap = host(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Later in every round; whether the swap is over by then is open.
        std::thread::sleep(Duration::from_millis(400) * u32::from(round));
        drop(running);
        swap.wait().unwrap();
        let candidate = format!("wasm-sha256-{}", digest(&path));
        let running = machine.start(&[]);
        let id = format!("round-{round}");
        running.begin(&id, "wait\ncomplete done");
        let serves = running.builds(&id, 1)[0].clone();
        assert!([&serving, &candidate].contains(&&serves), "{serves}: {serving} or {candidate}");
        let swaps = machine.audit().iter().filter(|(action, _)| action == "swapped").count();
        let list = machine.modules(&["list", "-o", "jsonl"]).stdout;
        assert_eq!(
            swaps + 1,
            list.lines().count(),
            "a swap is in the audit and in the list, or in neither: {list}"
        );
        serving = serves;
    }
}

pub(crate) fn definitions_outrank_the_policy() {
    for (variant, policy, moves) in
        [(pinned as fn(&[u8]) -> Vec<u8>, "upgrade", false), (auto_upgrade, "pin", true)]
    {
        let machine = Machine::new();
        machine.replace(&variant(&machine.script));
        let mut running = machine.start(&["--watch", "--swap-policy", policy]);
        running.begin("open", "wait\nwait\ncomplete done");
        let first = running.builds("open", 1);
        // What the run's own module says counts, and not what the new one says.
        machine.replace(&compatible(&machine.script, 2));
        running.process.wait_for("admitted a module");
        running.signal("open");
        assert_eq!(running.builds("open", 2)[1] != first[0], moves, "{policy}: {}", running.process.log());
    }
}

pub(crate) fn pinned_runs_are_not_healed() {
    let machine = Machine::new();
    machine.replace(&pinned(&panicking(&machine.script)));
    let mut running = machine.start(&["--watch"]);
    // Only the definition of `Script` is pinned.
    for (id, workflow_type) in [("stays", "Script"), ("moves", "Another")] {
        running.begin_as(id, workflow_type, "wait\nconstant-line\nwait\ncomplete done");
        running.builds(id, 1);
        running.signal(id);
    }
    running.process.wait_for("workflow task failed");
    machine.replace(&pinned(&machine.script));
    running.process.wait_for("a run moved to a newer module");
    assert_eq!(running.builds("moves", 2).len(), 2);
    assert_eq!(running.builds("stays", 1).len(), 1, "{}", running.process.log());
}

pub(crate) fn a_failing_run_is_healed() {
    let machine = Machine::new();
    machine.replace(&panicking(&machine.script));
    let mut running = machine.start(&["--watch"]);
    running.begin("fails", "wait\nconstant-line\nwait\ncomplete done");
    let first = running.builds("fails", 1);
    running.signal("fails");
    running.process.wait_for("workflow task failed");
    machine.replace(&machine.script);
    running.process.wait_for("a run moved to a newer module");
    let builds = running.builds("fails", 2);
    assert_eq!(builds[0], first[0]);
    assert_ne!(builds[1], first[0]);
    let since = Instant::now();
    while !machine.audit().iter().any(|(action, _)| action == "healed") {
        assert!(since.elapsed() < PATIENCE, "{:?}", machine.audit());
    }
    running.signal("fails");
    let output = host_on(&running.address, &["workflow", "result", "-w", "fails"]);
    assert_eq!(output.code, 0, "{output:?}");
}
