//! Every pair of a state and an event type that a machine takes is reached by a test. A pair that no history
//! leads to is none that the machine should take.

use std::{collections::BTreeSet, env, fs, process::Command};

use crate::{operation::coverage, operations};

/// Tests of this process that must not count: this one, and those that try random histories.
const NOT_COUNTED: [&str; 2] = ["tests::coverage::", "tests::pages::"];

#[test]
fn every_pair_of_state_and_event_is_reached() {
    let reached = reached_by_other_tests();
    let accepted: BTreeSet<String> = operations::accepted_pairs().iter().map(ToString::to_string).collect();
    let missing: Vec<_> = accepted.difference(&reached).collect();
    assert!(missing.is_empty(), "no test leads to these pairs: {missing:#?}");
}

/// Runs the other tests in a process of their own, and reads what they met.
fn reached_by_other_tests() -> BTreeSet<String> {
    let file = env::temp_dir().join(format!("host-core-reached-pairs-{}", std::process::id()));
    let mut tests = Command::new(env::current_exe().unwrap());
    for name in NOT_COUNTED {
        tests.args(["--skip", name]);
    }
    let output = tests.env(coverage::FILE, &file).output().unwrap();
    let reached = fs::read_to_string(&file);
    let _ = fs::remove_file(&file);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    reached.unwrap().lines().map(str::to_owned).collect()
}
