//! Which crate may know which: the arrows of ARCHITECTURE.md, held against `cargo metadata`.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// A crate, and the crates of this workspace that it may depend on outside its tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("guest-build", &[]),
    ("guest-sdk-types", &[]),
    ("guest-sdk-macros", &[]),
    ("guest-sdk", &["guest-sdk-macros", "guest-sdk-types", "host-activities"]),
    ("replay-test", &["guest-build", "host-sandbox", "host-wire", "host-worker"]),
    ("host-activities", &["guest-sdk-types"]),
    ("host-wire", &["guest-sdk-types"]),
    ("host-core", &["host-wire"]),
    ("host-sandbox", &[]),
    ("host-server", &["host-wire"]),
    ("host-worker", &["guest-sdk-types", "host-activities", "host-core", "host-sandbox", "host-wire"]),
    (
        "host",
        &[
            "guest-sdk",
            "guest-sdk-types",
            "host-activities",
            "host-sandbox",
            "host-server",
            "host-wire",
            "host-worker",
        ],
    ),
];

/// Prefixes of packages that stand outside: samples and tests may depend on anything but each other.
const OUTSIDE: &[&str] = &["sample-workflows/", "tests/"];

/// What `core` must never reach, through however many crates.
const NOT_IN_CORE: &[&str] = &["wasmtime", "rusqlite", "notify"];

#[test]
fn crates_know_only_what_they_may() {
    let metadata = MetadataCommand::new().exec().unwrap();
    let members: BTreeSet<_> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let folder =
            package.manifest_path.strip_prefix(&metadata.workspace_root).unwrap().as_str().to_owned();
        if OUTSIDE.iter().any(|outside| folder.starts_with(outside)) {
            continue;
        }
        let Some(allowed) = arrows.get(package.name.as_str()) else {
            wrong.push(format!("{} is not in the table", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Development || !members.contains(&dependency.name) {
                continue;
            }
            if !allowed.contains(&dependency.name.as_str()) {
                wrong.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that must not be: {wrong:#?}");
}

#[test]
fn core_reaches_no_engine_and_no_store() {
    let metadata = MetadataCommand::new().exec().unwrap();
    let resolve = metadata.resolve.as_ref().unwrap();
    let names: BTreeMap<_, _> =
        metadata.packages.iter().map(|package| (&package.id, &package.name)).collect();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut queue: Vec<_> = metadata
        .packages
        .iter()
        .filter(|package| package.name.as_str() == "host-core")
        .map(|package| &package.id)
        .collect();
    assert_eq!(queue.len(), 1);
    let mut seen = BTreeSet::new();
    while let Some(id) = queue.pop() {
        if !seen.insert(id) {
            continue;
        }
        for dependency in &nodes[id].deps {
            if dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal) {
                queue.push(&dependency.pkg);
            }
        }
    }
    let reached: Vec<_> = seen.iter().map(|id| names[*id].to_string()).collect();
    for forbidden in NOT_IN_CORE {
        assert!(!reached.iter().any(|name| name == forbidden), "host-core reaches {forbidden}");
    }
}
