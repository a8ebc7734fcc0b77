//! Paths of binaries and components. Each is built when a test asks for it, so that none is stale.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow, ensure};

/// The root of this repository.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// A binary of this workspace, such as `host` or `greetings`. Each is built once in a process.
///
/// # Errors
/// It does not build, or there is no binary of that name.
pub fn binary(name: &str) -> Result<PathBuf> {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    // Held while cargo builds: another cargo would wait for this one anyway.
    let mut built = BUILT.lock().map_err(|_| anyhow!("an earlier build panicked"))?;
    if let Some(path) = built.get(name) {
        return Ok(path.clone());
    }
    let path = build_binary(name, &[])?;
    built.insert(name.to_owned(), path.clone());
    Ok(path)
}

/// The same as it is for users: built for release, which takes some minutes.
///
/// # Errors
/// It does not build, or there is no binary of that name.
pub fn optimized_binary(name: &str) -> Result<PathBuf> {
    build_binary(name, &["--release"])
}

/// The component of a sample, such as `greetings`.
///
/// # Errors
/// It does not build.
pub fn component(package: &str) -> Result<PathBuf> {
    Ok(guest_build::build(&guest_build::Package::new(&workspace_root(), package))?)
}

/// A command of cargo that compiles what cargo itself would on a command line. Cargo tells tests and programs that it runs which
/// package they are of, in variables that build scripts look at (that of `ring` does): with these they would run again, and all
/// that depends on them would be compiled anew, in each direction.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let is_of_package =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_of_package) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Without `--package`, so that its dependencies have the features that `cargo test` gives them, and nothing
/// is built twice.
fn build_binary(name: &str, profile: &[&str]) -> Result<PathBuf> {
    let output = cargo()
        .args(["build", "--bin", name, "--message-format=json", "--quiet"])
        .args(profile)
        .current_dir(workspace_root())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "{name} does not build: {}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let mut messages = lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    messages
        .find(|message| message["target"]["name"] == name && message["executable"].is_string())
        .and_then(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo names no binary {name}"))
}
