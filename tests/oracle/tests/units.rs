//! What the main workspace has compiled, the oracle does not compile again.

use std::{collections::BTreeSet, path::Path};

use test_harness::{Units, workspace_root};

/// Temporal's crates have other features here, which change what their build scripts are built with; `protox` also reads proto
/// files for the descriptor.
const AGAIN: &[&str] = &["temporalio-", "prost-", "tonic-prost-build@", "tempfile@", "protox@"];

#[test]
fn the_oracle_compiles_few_dependencies_again() {
    let workspace = Units::of(&workspace_root(), &["test", "--no-run"]).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let oracle = Units::of(here, &["test", "--workspace", "--no-run"]).unwrap();
    let mut again = workspace.compiled_again(&oracle);
    again.retain(|package| !AGAIN.iter().any(|known| package.starts_with(known)));
    assert_eq!(again, BTreeSet::new(), "see tests/harness/Cargo.toml");
}
