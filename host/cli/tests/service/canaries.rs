//! Canaries of a running host: which new runs they execute, their steps, and what ends them.

use std::{process::Stdio, time::Duration};

use serde_json::Value;
use test_harness::{compatible, panicking};

use crate::{
    machine::{Machine, Running, digest},
    service::{host, host_on, succeed},
};

const OPEN: &str = "wait\nwait\nwait\ncomplete done";

/// Starts a canary, and gives the build that its runs are on.
pub(crate) fn canary(machine: &Machine, bytes: &[u8], options: &[&str]) -> String {
    let path = machine.elsewhere(bytes);
    let output = machine.modules(&[&["canary", "start", &path], options].concat());
    assert_eq!(output.code, 0, "{output:?}");
    format!("wasm-sha256-{}", digest(&path))
}

/// The canary of the host, if it has one.
fn status(machine: &Machine) -> Option<Value> {
    let output = machine.modules(&["canary", "status", "-o", "json"]);
    assert_eq!(output.code, 0, "{output:?}");
    Some(output.stdout)
        .filter(|text| !text.trim().is_empty())
        .map(|text| serde_json::from_str(&text).unwrap())
}

/// Begins runs, and gives the build that each is on.
fn begin(running: &Running, prefix: &str, count: usize) -> Vec<(String, String)> {
    let begun = (0..count).map(|number| {
        let id = format!("{prefix}-{number}");
        running.begin(&id, OPEN);
        let build = running.builds(&id, 1)[0].clone();
        (id, build)
    });
    begun.collect()
}

fn actions(machine: &Machine) -> Vec<String> {
    machine.audit().into_iter().map(|(action, _)| action).collect()
}

pub(crate) fn mistakes() {
    let machine = Machine::new();
    let path = machine.elsewhere(&compatible(&machine.script, 2));
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = machine.modules(arguments);
        assert_eq!(output.code, code, "{output:?}");
        assert!(output.stderr.contains(expected), "{output:?}");
    };
    check(&["canary", "start", &path], 2, "no host runs on data folder");
    check(&["canary", "start", &path, "--steps", "5"], 2, "`5` is no percentage");
    check(&["canary", "start", &path, "--steps", "5%,10%"], 2, "step 1 has no duration");
    let _running = machine.start(&[]);
    check(&["canary", "stop"], 1, "there is no canary");
    check(&["promote"], 1, "there is no canary");
    let own = machine.module().display().to_string();
    check(&["canary", "start", &own], 1, "serves its types already");
    check(&["canary", "start", &machine.elsewhere(&machine.script[..1000])], 1, "elsewhere.wasm");
    assert_eq!(status(&machine), None);
    canary(&machine, &compatible(&machine.script, 2), &[]);
    let other = machine.elsewhere(&compatible(&machine.script, 3));
    check(&["canary", "start", &other], 1, "is a canary already");
    assert_eq!(actions(&machine), ["canaryStarted"]);
}

pub(crate) fn a_part_of_the_new_runs() {
    let machine = Machine::new();
    let running = machine.start(&["--swap-policy", "upgrade"]);
    let first = begin(&running, "before", 1)[0].1.clone();
    let candidate = canary(&machine, &compatible(&machine.script, 2), &["--steps", "50%"]);
    let runs = begin(&running, "during", 16);
    let of = |build: &String| runs.iter().find(|(_, own)| own == build).map(|(id, _)| id.clone());
    let (tried, other) = (of(&candidate).unwrap(), of(&first).unwrap());
    assert!(runs.iter().all(|(_, build)| [&first, &candidate].contains(&build)), "{runs:?}");

    // Its runs stay on it, whatever the policy, also after a restart; the open ones of before are left alone.
    drop(running);
    let running = machine.start(&["--swap-policy", "upgrade"]);
    for (id, build) in [(&tried, &candidate), (&other, &first), (&"before-0".to_owned(), &first)] {
        running.signal(id);
        assert_eq!(&running.builds(id, 2)[1], build, "{id}");
    }
    assert_eq!(status(&machine).unwrap()["digest"], candidate["wasm-sha256-".len()..]);
    // A later run of a workflow id is where the earlier one was.
    for (id, build) in [(&tried, &candidate), (&other, &first)] {
        succeed(&running.address, &["workflow", "terminate", "-w", id]);
        running.begin(id, OPEN);
        assert_eq!(&running.builds(id, 1)[0], build, "{id}");
    }

    let output = machine.modules(&["canary", "stop"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(status(&machine), None);
    assert!(begin(&running, "after", 8).iter().all(|(_, build)| *build == first));
    assert_eq!(actions(&machine), ["canaryStarted", "canaryStopped"]);
    drop(running);
    let running = machine.start(&[]);
    assert_eq!(status(&machine), None);
    running.signal(&tried);
    assert_eq!(running.builds(&tried, 2)[1], candidate, "what it has begun it ends");
}

pub(crate) fn steps_lead_to_a_promotion() {
    let machine = Machine::new();
    let mut running = machine.start(&[]);
    let first = begin(&running, "before", 1)[0].1.clone();
    let steps = ["--steps", "50%:100ms,99%:100ms,100%", "--min-count", "4"];
    let candidate = canary(&machine, &compatible(&machine.script, 2), &steps);
    // Time alone leads nowhere.
    assert_eq!(status(&machine).unwrap()["step"], 0);
    begin(&running, "during", 16);
    running.process.wait_for("admitted a module");
    assert_eq!(actions(&machine)[..3], ["canaryStarted", "canaryStepped", "promoted"]);
    assert_eq!(status(&machine), None);
    assert!(begin(&running, "promoted", 8).iter().all(|(_, build)| *build == candidate));
    drop(running);
    let running = machine.start(&[]);
    assert_eq!(begin(&running, "restarted", 1)[0].1, candidate);
    let output = machine.modules(&["rollback"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(begin(&running, "back", 1)[0].1, first);
}

pub(crate) fn one_run_in_ten_fails() {
    let machine = Machine::new();
    let mut running = machine.start(&[]);
    let options = ["--steps", "100%:1h", "--max-failed-tasks", "0%", "--max-failed-runs", "9%"];
    let candidate = canary(&machine, &compatible(&machine.script, 2), &options);
    for number in 0..20 {
        let script = if number % 10 == 0 { "fail on purpose" } else { "complete done" };
        running.begin(&format!("run-{number}"), script);
    }
    running.process.wait_for("a canary has ended");
    let log = machine.modules(&["log"]).stdout;
    assert!(log.contains("2 of 20 runs failed, and 9% may"), "{log}");
    let last = begin(&running, "after", 1)[0].1.clone();
    assert_ne!(last, candidate);
    assert_eq!(running.builds("run-0", 1)[0], candidate);
}

/// Runs that wait for what never comes are ended by the service, and no worker hears of that.
pub(crate) fn runs_that_time_out_end_it() {
    let machine = Machine::new();
    let running = machine.start(&[]);
    let options = |bound| ["--steps", "100%:1h", "--min-count", "3", "--max-failed-runs", bound];
    let candidate = canary(&machine, &compatible(&machine.script, 2), &options("100%"));
    let hang = |running: &Running, prefix: &str| {
        for number in 0..3 {
            let id = format!("{prefix}-{number}");
            running.begin_with(&id, OPEN, &["--run-timeout", "3s"]);
            assert_eq!(running.builds(&id, 1)[0], candidate);
        }
    };
    hang(&running, "early");
    let output = machine.modules(&["canary", "stop"]);
    assert_eq!(output.code, 0, "{output:?}");
    drop(running);

    let mut running = machine.start(&[]);
    for number in 0..3 {
        let id = format!("early-{number}");
        assert_ne!(host_on(&running.address, &["workflow", "result", "-w", &id]).code, 0);
    }
    // Those of before it is a canary say nothing.
    canary(&machine, &compatible(&machine.script, 2), &options("50%"));
    // A person's decision is none of its faults.
    for number in 0..3 {
        let id = format!("terminated-{number}");
        running.begin(&id, OPEN);
        assert_eq!(running.builds(&id, 1)[0], candidate);
        succeed(&running.address, &["workflow", "terminate", "-w", &id]);
    }
    hang(&running, "late");
    // Counted before a restart or after: once.
    drop(running);
    running = machine.start(&[]);
    running.process.wait_for("a canary has ended");
    let log = machine.modules(&["log"]).stdout;
    assert!(log.contains("3 of 3 runs failed, and 50% may"), "{log}");
    assert_ne!(begin(&running, "after", 1)[0].1, candidate);
}

/// Runs whose first task the candidate fails are those of the former module afterwards.
pub(crate) fn failed_tasks_end_it() {
    let machine = Machine::new();
    let mut running = machine.start(&[]);
    let options = ["--steps", "100%:1h", "--min-count", "3"];
    let candidate = canary(&machine, &panicking(&machine.script), &options);
    for number in 0..3 {
        running.begin(&format!("run-{number}"), "constant-line\ncomplete done");
    }
    running.process.wait_for("a canary goes back");
    for number in 0..3 {
        let id = format!("run-{number}");
        assert_ne!(running.builds(&id, 1)[0], candidate);
        succeed(&running.address, &["workflow", "result", "-w", &id]);
    }
    assert_eq!(actions(&machine), ["canaryStarted", "canaryStopped"]);
}

pub(crate) fn kills_leave_it_as_it_was_or_not_there() {
    let machine = Machine::new();
    let first = {
        let running = machine.start(&[]);
        begin(&running, "first", 1)[0].1.clone()
    };
    for (round, command) in ["start", "stop", "start", "promote"].into_iter().enumerate() {
        let running = machine.start(&[]);
        let path = machine.elsewhere(&compatible(&machine.script, 2));
        let data = machine.data();
        let arguments = match command {
            "start" => vec!["modules", "canary", "start", &path, "--steps", "50%"],
            "stop" => vec!["modules", "canary", "stop"],
            _ => vec!["modules", "promote"],
        };
        let mut asked = host(&[&arguments[..], &["--data-dir", &data]].concat());
        let mut asked = asked.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Whether it is done by then is open.
        std::thread::sleep(Duration::from_millis(100) * u32::try_from(round).unwrap());
        drop(running);
        asked.wait().unwrap();
        let running = machine.start(&[]);
        let actions = actions(&machine);
        let count = |action: &str| actions.iter().filter(|own| *own == action).count();
        let begun = count("canaryStarted") - count("canaryStopped") - count("promoted");
        assert_eq!(usize::from(status(&machine).is_some()), begun, "{actions:?}");
        let candidate = format!("wasm-sha256-{}", digest(&path));
        let build = begin(&running, &format!("round-{round}"), 1)[0].1.clone();
        match (begun, count("promoted")) {
            (1, _) => assert!([&first, &candidate].contains(&&build)),
            (_, 0) => assert_eq!(build, first),
            _ => assert_eq!(build, candidate),
        }
        if begun == 0 && command == "start" {
            drop(canary(&machine, &compatible(&machine.script, 2), &["--steps", "50%"]));
        }
    }
}
