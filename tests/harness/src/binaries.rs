//! Where binaries and components are. Both are built when a test asks, so that none is stale.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow, ensure};

/// The root of this repository.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// A binary of this workspace, such as `host` or `greetings`.
///
/// # Errors
/// It does not build.
pub fn binary(name: &str) -> Result<PathBuf> {
    static BUILT: LazyLock<Result<BTreeMap<String, PathBuf>, String>> =
        LazyLock::new(|| build_binaries().map_err(|error| format!("{error:#}")));
    let built = BUILT.as_ref().map_err(|error| anyhow!("{error}"))?;
    built.get(name).cloned().with_context(|| format!("no binary {name} in this workspace"))
}

/// The component of a sample, such as `greetings`.
///
/// # Errors
/// It does not build.
pub fn component(package: &str) -> Result<PathBuf> {
    Ok(guest_build::build(&guest_build::Package::new(&workspace_root(), package))?)
}

/// All of them with the features of `cargo test`, so that nothing is built twice.
fn build_binaries() -> Result<BTreeMap<String, PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--bins", "--message-format=json", "--quiet"])
        .current_dir(workspace_root())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "binaries do not build: {}", String::from_utf8_lossy(&output.stderr));
    let mut binaries = BTreeMap::new();
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        let (Some(name), Some(path)) = (message["target"]["name"].as_str(), message["executable"].as_str())
        else {
            continue;
        };
        binaries.insert(name.to_owned(), PathBuf::from(path));
    }
    Ok(binaries)
}
