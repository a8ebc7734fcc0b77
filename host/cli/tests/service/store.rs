//! What is kept in a data folder and why, what is pruned, and modules in folders of the OCI image layout.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use test_harness::compatible;

use crate::machine::{Machine, PATIENCE, digest};

/// What a module is needed for beside serving; nothing when it is not kept.
fn needed(machine: &Machine, digest: &str) -> Option<Vec<String>> {
    let output = machine.modules(&["list", "-o", "jsonl"]);
    assert_eq!(output.code, 0, "{output:?}");
    let line = output.stdout.lines().find(|line| line.contains(digest))?;
    let module: Value = serde_json::from_str(line).unwrap();
    let needed = module["needed"].as_array().unwrap().iter();
    Some(needed.map(|need| need.as_str().unwrap().to_owned()).collect())
}

/// Waits until that is so.
fn wait_for_needed(machine: &Machine, digest: &str, expected: &[&str]) {
    let since = Instant::now();
    while needed(machine, digest).unwrap() != expected {
        assert!(since.elapsed() < PATIENCE, "{expected:?}: {:?}", needed(machine, digest));
        thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn what_nothing_needs_is_pruned() {
    let machine = Machine::new();
    let running = machine.start(&[]);
    let first = digest(&machine.module().display().to_string());
    running.begin("run", "wait\ncomplete done");
    running.builds("run", 1);
    let other = machine.elsewhere(&compatible(&machine.script, 2));
    let second = digest(&other);
    assert_eq!(machine.modules(&["swap", &other]).code, 0);
    let prune = |arguments: &[&str], code: i32, expected: &str| {
        let output = machine.modules(&[&["prune"], arguments].concat());
        assert_eq!(output.code, code, "{output:?}");
        assert!(format!("{}{}", output.stdout, output.stderr).contains(expected), "{output:?}");
    };
    wait_for_needed(&machine, &first, &["1 open runs"]);
    prune(&[&first, "--force"], 1, "1 open runs");
    running.signal("run");
    wait_for_needed(&machine, &first, &["1 closed runs within the retention"]);
    prune(&[], 0, "1 closed runs within the retention");
    prune(&[&first], 1, "1 closed runs within the retention");
    prune(&[&second, "--force"], 1, "serves Another, Script");
    prune(&["ffffffff"], 1, "no module with digest ffffffff is kept here");
    prune(&["ff"], 1, "too short for a digest");
    prune(&[&first, "--force"], 0, &first);
    assert_eq!(needed(&machine, &first), None);
    assert!(!machine.folder.path().join(format!("data/modules/{first}.wasm")).exists());

    // A canary that went back was never admitted.
    let canary = machine.elsewhere(&compatible(&machine.script, 3));
    assert_eq!(machine.modules(&["canary", "start", &canary]).code, 0);
    let third = digest(&canary);
    assert_eq!(needed(&machine, &third).unwrap(), ["is the canary"]);
    prune(&[&third, "--force"], 1, "is the canary");
    assert_eq!(machine.modules(&["canary", "stop"]).code, 0);
    assert!(needed(&machine, &third).unwrap().is_empty());
    prune(&[], 0, &third);
    assert_eq!(needed(&machine, &third), None);

    // The file of the first one is still the host's, and brings it back.
    drop(running);
    let running = machine.start(&[]);
    running.begin("again", "wait\ncomplete done");
    assert_eq!(running.builds("again", 1)[0], format!("wasm-sha256-{second}"));
}

pub(crate) fn modules_are_pushed_and_pulled() {
    let machine = Machine::new();
    let folder = machine.folder.path().join("layout").display().to_string();
    let to = machine.folder.path().join("pulled.wasm").display().to_string();
    let run = |arguments: &[&str], code: i32, expected: &str| {
        let output =
            test_harness::run(&mut crate::service::host(&[&["modules"], arguments].concat())).unwrap();
        assert_eq!(output.code, code, "{output:?}");
        assert!(format!("{}{}", output.stdout, output.stderr).contains(expected), "{output:?}");
    };
    let module = machine.module().display().to_string();
    let digest = digest(&module);
    run(&["push", &module, &folder, "--tag", "v1"], 0, &digest);
    run(&["pull", &folder, "v1", "--to", &to], 0, &digest);
    assert_eq!(fs::read(&to).unwrap(), machine.script);
    run(&["pull", &folder, &digest[..12], "--to", &to], 0, &digest);
    run(&["pull", &folder, "v2", "--to", &to], 1, "its tags: v1");
    let broken = machine.elsewhere(&machine.script[..1000]);
    run(&["push", &broken, &folder, "--tag", "v2"], 1, "is not a workflow module");
    run(&["push", &module, &folder, "--tag", "../v2"], 1, "is no tag");

    // From the data folder by its digest.
    let running = machine.start(&[]);
    let output = machine.modules(&["push", &digest[..12], &folder, "--tag", "stored"]);
    assert_eq!(output.code, 0, "{output:?}");
    drop(running);
    let blob = machine.folder.path().join(format!("layout/blobs/sha256/{digest}"));
    fs::write(&blob, b"damaged").unwrap();
    let before = fs::read(&to).unwrap();
    run(&["pull", &folder, "v1", "--to", &to], 1, "is damaged");
    assert_eq!(fs::read(&to).unwrap(), before);
}

pub(crate) fn a_new_host_takes_several_versions() {
    let machine = Machine::new();
    let running = machine.start(&[]);
    running.begin("old", "wait\ncomplete done");
    let first = running.builds("old", 1).remove(0);
    drop(running);
    // Its service moves to a machine that never admitted a module.
    fs::remove_dir_all(machine.folder.path().join("data/modules")).unwrap();
    let modules = machine.folder.path().join("modules");
    fs::rename(modules.join("script.wasm"), modules.join("script-v9.wasm")).unwrap();
    let newer = compatible(&machine.script, 2);
    fs::write(modules.join("script-v10.wasm"), &newer).unwrap();
    let refused = machine.begin(&[]).ended();
    assert!(refused.contains("--modules-in-order"), "{refused}");

    let running = machine.start(&["--modules-in-order"]);
    running.begin("new", "wait\ncomplete done");
    let second = format!("wasm-sha256-{}", hex::encode(Sha256::digest(&newer)));
    assert_eq!(running.builds("new", 1), [second]);
    running.signal("old");
    assert_eq!(running.builds("old", 2), [first.clone(), first]);
}
