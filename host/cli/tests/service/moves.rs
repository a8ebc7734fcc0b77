//! Runs that `host modules move` moves.

use test_harness::{compatible, incompatible, panicking, pinned};

use crate::machine::{Machine, Running};

/// Has a module serve that begins a run, and one that serves afterwards. Gives the builds of both.
fn two_builds(machine: &Machine, running: &Running, other: &[u8]) -> (String, String) {
    running.begin("first", "wait\ncomplete done");
    let first = running.builds("first", 1)[0].clone();
    let output = machine.modules(&["swap", &machine.elsewhere(other)]);
    assert_eq!(output.code, 0, "{output:?}");
    running.begin("second", "wait\ncomplete done");
    (first, running.builds("second", 1)[0].clone())
}

pub(crate) fn runs_are_moved_by_hand() {
    let machine = Machine::new();
    let running = machine.start(&[]);
    for (id, script) in [
        ("agrees", "wait\nwait\nwait\ncomplete done"),
        ("other", "wait\nwait\nwait\ncomplete done"),
        ("differs", "constant-activity\nwait\nwait\ncomplete done"),
    ] {
        running.begin(id, script);
        running.builds(id, 1);
    }
    let (first, second) = two_builds(&machine, &running, &incompatible(&machine.script));
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = machine.modules(&[&["move"], arguments].concat());
        assert_eq!(output.code, code, "{output:?}");
        assert!(format!("{}{}", output.stdout, output.stderr).contains(expected), "{output:?}");
    };
    check(&[&second], 2, "--workflow-id");
    check(&["ffffffff", "-w", "agrees"], 1, "no module with digest ffffffff was admitted here");
    check(&[&second, "-w", "gone"], 1, "there is no open run");
    check(&[&second, "-w", "agrees"], 0, "1 agree, 0 differ");
    check(&[&second, "-q", "WorkflowId = 'differs'"], 1, "an-activity-that-tests-renamed");

    // Also after a restart; the others stay.
    drop(running);
    let running = machine.start(&[]);
    for (id, expected) in [("agrees", &second), ("other", &first), ("differs", &first)] {
        running.signal(id);
        assert_eq!(&running.builds(id, 2)[1], expected, "{id}");
    }
    // The verdicts of the swap come when they are there, if the host lives to see them.
    let actions = machine.audit().into_iter().map(|(action, _)| action).filter(|action| action != "checked");
    assert_eq!(actions.collect::<Vec<String>>(), ["swapped", "moved", "moved"]);
    // And back.
    check(&[&first, "-q", "WorkflowId IN ('agrees', 'other')"], 0, "2 agree, 0 differ");
    running.signal("agrees");
    assert_eq!(running.builds("agrees", 3)[2], first);
}

/// A swap that moves open runs takes along those that were moved before it, and not those of pinned types.
pub(crate) fn a_swap_takes_moved_runs_along() {
    let machine = Machine::new();
    machine.replace(&pinned(&panicking(&machine.script)));
    let running = machine.start(&[]);
    for (id, workflow_type) in [("pinned", "Script"), ("free", "Another")] {
        running.begin_as(id, workflow_type, "wait\nwait\nwait\nwait\ncomplete done");
        running.builds(id, 1);
    }
    let (_, second) = two_builds(&machine, &running, &pinned(&machine.script));
    let output = machine.modules(&["move", &second, "-q", "WorkflowId IN ('pinned', 'free')"]);
    assert_eq!(output.code, 0, "{output:?}");
    for id in ["pinned", "free"] {
        running.signal(id);
        assert_eq!(running.builds(id, 2)[1], second, "{id}");
    }
    let third = machine.elsewhere(&compatible(&machine.script, 3));
    let output = machine.modules(&["swap", &third, "--policy", "upgrade"]);
    assert_eq!(output.code, 0, "{output:?}");
    for (id, moves) in [("pinned", false), ("free", true)] {
        running.signal(id);
        assert_eq!(running.builds(id, 3)[2] != second, moves, "{id}");
    }
}
