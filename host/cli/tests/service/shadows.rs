//! Shadows of a running host: what live runs do is replayed on another module, and nothing else changes.

use std::{
    thread,
    time::{Duration, Instant},
};

use test_harness::{Output, compatible, incompatible, run};

use crate::{
    machine::{Machine, PATIENCE},
    service::{host, succeed},
};

/// What the shadow has found out, once that has a text.
fn status(machine: &Machine, expected: &str) -> Output {
    let since = Instant::now();
    loop {
        let output = machine.modules(&["shadow", "status"]);
        if output.stdout.contains(expected) {
            return output;
        }
        assert!(since.elapsed() < PATIENCE, "{expected}: {output:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn actions(machine: &Machine) -> Vec<String> {
    machine.audit().into_iter().map(|(action, _)| action).collect()
}

pub(crate) fn mistakes() {
    let machine = Machine::new();
    let other = machine.elsewhere(&compatible(&machine.script, 2));
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = machine.modules(arguments);
        assert_eq!(output.code, code, "{output:?}");
        assert!(output.stderr.contains(expected), "{output:?}");
    };
    check(&["shadow", "start", &other], 2, "no host runs on data folder");
    let _running = machine.start(&[]);
    check(&["shadow", "status"], 0, "There is no shadow.");
    check(&["shadow", "stop"], 1, "there is no shadow");
    check(&["shadow", "start", &machine.module().display().to_string()], 1, "serves its types already");
    let broken = machine.folder.path().join("broken.wasm").display().to_string();
    std::fs::write(&broken, &machine.script[..1000]).unwrap();
    check(&["shadow", "start", &broken], 1, "broken.wasm");
    assert_eq!(machine.modules(&["shadow", "start", &other]).code, 0);
    check(&["shadow", "start", &other], 1, "there is a shadow already");
    assert_eq!(actions(&machine), ["shadowStarted"]);

    let (module, data) = (machine.module().display().to_string(), machine.data());
    let fixed = ["run", "-t", "q", "-m", &module, "--data-dir", &data, "--listen", "127.0.0.1:0"];
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().display().to_string();
    let arguments: Vec<&str> = fixed.iter().map(|it| if *it == data { &*folder } else { *it }).collect();
    let output = run(&mut host(&[&arguments[..], &["--shadow", &broken]].concat())).unwrap();
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("failed to load the shadow"), "{output:?}");
}

pub(crate) fn live_runs_are_followed() {
    let machine = Machine::new();
    let running = machine.start(&[]);
    // One that is open before there is a shadow, and is fetched.
    running.begin("before", "wait\nwait\nconstant-activity\nwait\ncomplete done");
    let first = running.builds("before", 1)[0].clone();
    running.signal("before");
    running.builds("before", 2);
    let output = machine.modules(&["shadow", "start", &machine.elsewhere(&incompatible(&machine.script))]);
    assert_eq!(output.code, 0, "{output:?}");

    running.begin("agrees", "wait\nwait\ncomplete done");
    running.begin("differs", "constant-activity\nwait\nwait\ncomplete done");
    for tasks in [2, 3] {
        for id in ["agrees", "differs"] {
            running.builds(id, tasks - 1);
            running.signal(id);
        }
    }
    assert_eq!(running.builds("agrees", 3), [&*first; 3], "its commands go nowhere");
    assert_eq!(running.builds("differs", 3)[2], first);
    let output = status(&machine, "1 agree, 1 differ");
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stdout.contains("workflow differs"), "{output:?}");
    assert!(output.stdout.contains("/script/src/step.rs:"), "{output:?}");
    for tasks in [3, 4] {
        running.signal("before");
        running.builds("before", tasks);
    }
    let output = status(&machine, "1 agree, 2 differ");
    assert!(output.stdout.contains("workflow before"), "{output:?}");
    assert!(output.stderr.contains("0 found no room"), "{output:?}");

    let output = machine.modules(&["shadow", "stop"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stdout.contains("1 agree, 2 differ"), "{output:?}");
    assert_eq!(machine.audit()[1], ("shadowStopped".to_owned(), "1/2/0".to_owned()));
    running.begin("after", "complete done");
    assert_eq!(running.builds("after", 1)[0], first);
}

pub(crate) fn a_shadow_is_promoted() {
    let machine = Machine::new();
    let path = machine.elsewhere(&compatible(&machine.script, 2));
    let running = machine.start(&["--shadow", &path]);
    running.begin("live", "wait\nwait\ncomplete done");
    let first = running.builds("live", 1)[0].clone();
    for tasks in [2, 3] {
        running.signal("live");
        running.builds("live", tasks);
    }
    assert_eq!(status(&machine, "1 agree, 0 differ").code, 0);
    running.begin("open", "wait\nwait\ncomplete done");
    running.builds("open", 1);
    let output = machine.modules(&["promote", "--policy", "upgrade"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(actions(&machine), ["shadowStarted", "promoted", "shadowStopped"]);
    running.signal("open");
    assert_ne!(running.builds("open", 2)[1], first);
    succeed(&running.address, &["workflow", "result", "-w", "live"]);
}
