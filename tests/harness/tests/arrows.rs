//! Which crate may know which: the arrows of ARCHITECTURE.md, held against `cargo metadata`.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// A crate, and the crates of this workspace that it may depend on outside its tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("guest-build", &[]),
    ("guest-sdk-types", &[]),
    ("guest-sdk-macros", &[]),
    ("guest-sdk", &["guest-sdk-macros", "guest-sdk-types", "host-activities"]),
    ("replay-test", &["guest-build", "host-sandbox", "host-wire", "host-worker"]),
    (
        "workflow-test",
        &[
            "guest-build",
            "guest-sdk-types",
            "host-activities",
            "host-client",
            "host-nexus",
            "host-sandbox",
            "host-server",
            "host-wire",
            "host-worker",
        ],
    ),
    ("host-activities", &["guest-sdk-types"]),
    ("host-wire", &["guest-sdk-types"]),
    ("host-service", &["host-wire"]),
    ("host-client", &["guest-sdk-types", "host-service", "host-wire"]),
    ("host-codec", &["host-service", "host-wire"]),
    ("host-core", &["host-wire"]),
    ("host-nexus", &["guest-sdk-types", "host-client", "host-service", "host-wire"]),
    ("host-oci", &[]),
    ("host-sandbox", &[]),
    ("host-telemetry", &[]),
    ("host-http", &["host-service", "host-wire"]),
    ("host-server", &["host-service", "host-telemetry", "host-wire"]),
    (
        "host-worker",
        &[
            "guest-sdk-types",
            "host-activities",
            "host-core",
            "host-sandbox",
            "host-service",
            "host-telemetry",
            "host-wire",
        ],
    ),
    ("host-text", &["guest-sdk-types", "host-client", "host-wire"]),
    (
        "host-page",
        &[
            "guest-sdk-types",
            "host-client",
            "host-sandbox",
            "host-service",
            "host-text",
            "host-wire",
            "host-worker",
        ],
    ),
    (
        "host",
        &[
            "guest-sdk",
            "guest-sdk-types",
            "host-activities",
            "host-client",
            "host-codec",
            "host-http",
            "host-nexus",
            "host-oci",
            "host-page",
            "host-sandbox",
            "host-server",
            "host-service",
            "host-telemetry",
            "host-text",
            "host-wire",
            "host-worker",
        ],
    ),
];

/// Prefixes of packages that stand outside: samples and tests may depend on anything but each other.
const OUTSIDE: &[&str] = &["sample-workflows/", "tests/"];

/// A crate, and what it must not reach, through however many crates.
const NEVER_REACHED: &[(&str, &[&str])] = &[
    ("guest-sdk-types", &["clap", "notify", "prost", "rand", "rusqlite", "tokio", "tonic", "wasmtime"]),
    // Decides by what it is given: no time, no randomness, no I/O.
    ("host-core", &["clap", "http", "notify", "rand", "rusqlite", "tokio", "tonic", "wasmtime"]),
    ("host-wire", &["clap", "http", "notify", "rand", "rusqlite", "tokio", "tonic", "wasmtime"]),
    ("host-service", &["clap", "notify", "rusqlite", "wasmtime"]),
    ("host-client", &["clap", "notify", "rusqlite", "wasmtime"]),
    ("host-codec", &["clap", "notify", "rusqlite", "wasmtime"]),
    ("host-nexus", &["clap", "notify", "rusqlite", "wasmtime"]),
    ("host-oci", &["clap", "notify", "rusqlite", "tonic", "wasmtime"]),
    ("host-server", &["clap", "notify", "wasmtime"]),
    ("host-sandbox", &["clap", "notify", "prost", "rusqlite", "tonic"]),
    ("host-activities", &["clap", "notify", "prost", "rand", "rusqlite", "tonic", "wasmtime"]),
    ("host-worker", &["clap"]),
    ("host-text", &["clap", "notify", "rusqlite", "wasmtime"]),
    ("host-page", &["clap"]),
    ("host-http", &["clap", "notify", "rusqlite", "wasmtime"]),
];

/// A crate, and what it must not name as its dependency, although a dependency of it does.
const NEVER_NAMED: &[(&str, &[&str])] = &[
    // wasmtime-wasi depends on it, for what workflows do not get.
    ("host-sandbox", &["tokio"]),
];

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
fn crates_reach_no_engine_network_or_store_that_is_not_theirs() {
    let metadata = MetadataCommand::new().exec().unwrap();
    let names: BTreeMap<_, _> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let mut wrong = Vec::new();
    for &(from, forbidden) in NEVER_REACHED {
        for path in paths_from(&metadata, from).values() {
            let last = names[path.last().unwrap()];
            if forbidden.contains(&last) {
                let path: Vec<_> = path.iter().map(|id| names[id]).collect();
                wrong.push(path.join(" -> "));
            }
        }
    }
    assert!(wrong.is_empty(), "dependencies that must not be: {wrong:#?}");
}

#[test]
fn crates_name_no_engine_network_or_store_that_is_not_theirs() {
    let metadata = MetadataCommand::new().exec().unwrap();
    let mut wrong = Vec::new();
    for &(from, forbidden) in NEVER_NAMED {
        let package = metadata
            .workspace_packages()
            .into_iter()
            .find(|package| package.name.as_str() == from)
            .unwrap_or_else(|| panic!("there is no crate {from}"));
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Normal && forbidden.contains(&dependency.name.as_str()) {
                wrong.push(format!("{from} -> {}", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "dependencies that must not be: {wrong:#?}");
}

/// Every package that a crate of the workspace depends on outside its tests and build scripts, with one
/// path to it.
fn paths_from<'a>(metadata: &'a Metadata, name: &str) -> BTreeMap<&'a PackageId, Vec<&'a PackageId>> {
    let nodes: BTreeMap<_, _> =
        metadata.resolve.as_ref().unwrap().nodes.iter().map(|node| (&node.id, node)).collect();
    let start = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == name)
        .unwrap_or_else(|| panic!("there is no crate {name}"));
    let mut paths = BTreeMap::new();
    let mut queue = vec![vec![&start.id]];
    while let Some(path) = queue.pop() {
        let last = *path.last().unwrap();
        if paths.contains_key(last) {
            continue;
        }
        for dependency in &nodes[last].deps {
            if dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal) {
                queue.push([path.clone(), vec![&dependency.pkg]].concat());
            }
        }
        paths.insert(last, path);
    }
    paths
}
