//! What the first line of the README compiles, the second does not compile again.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::collections::BTreeSet;

use test_harness::{Units, workspace_root};

#[test]
fn tests_compile_no_dependency_of_the_main_job_again() {
    let demo = Units::of(&workspace_root(), &["build", "--bin", "host"]).unwrap();
    let tests = Units::of(&workspace_root(), &["test", "--no-run"]).unwrap();
    // Both ways: `cargo run --bin host` comes before and after tests.
    assert_eq!(tests.compiled_again(&demo), BTreeSet::new(), "see tests/harness/Cargo.toml");
    assert_eq!(demo.compiled_again(&tests), BTreeSet::new(), "see tests/harness/Cargo.toml");
}
