//! Versions of the guest `tests/guests/script`: what a team does to a workflow between two deployments.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::workspace_root;

/// The guest that executes its argument line by line.
///
/// # Errors
/// It does not build.
pub fn script_guest() -> Result<Vec<u8>> {
    let path = guest_build::build(&guest_build::Package::new(
        Path::new(&workspace_root().join("tests/guests")),
        "script",
    ))?;
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// A module that does the same, and has another digest: a custom section says which version it is.
#[must_use]
pub fn compatible(module: &[u8], version: u8) -> Vec<u8> {
    const CUSTOM_SECTION: u8 = 0;
    let section = [1, b'v', version];
    [module, &[CUSTOM_SECTION, 3], &section].concat()
}

/// The guest that executes scripts, whose result of `complete-version` ends with a number of five digits.
#[must_use]
pub fn numbered(script: &[u8], version: u16) -> Vec<u8> {
    let to = format!("the-version-that-tests-number:{version:05}");
    patched(script, b"the-version-that-tests-number:00000", to.as_bytes())
}

/// The guest that executes scripts, which schedules another activity at the line `constant-activity`.
#[must_use]
pub fn incompatible(script: &[u8]) -> Vec<u8> {
    patched(script, b"the-activity-that-tests-rename", b"an-activity-that-tests-renamed")
}

/// The guest that executes scripts, which panics at the line `constant-line`.
#[must_use]
pub fn panicking(script: &[u8]) -> Vec<u8> {
    patched(script, b"random the-line-that-tests-turn", b"panic  the-line-that-tests-turn")
}

/// The guest that executes scripts, whose definition keeps runs on their module.
#[must_use]
pub fn pinned(script: &[u8]) -> Vec<u8> {
    patched(script, b"versioning-unspecified", b"versioning-pinned-----")
}

/// The guest that executes scripts, whose definition moves runs to the module that serves.
#[must_use]
pub fn auto_upgrade(script: &[u8]) -> Vec<u8> {
    patched(script, b"versioning-unspecified", b"versioning-autoupgrade")
}

/// The module with other bytes in the place of some, which must be as many.
fn patched(module: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "sections keep their sizes");
    let at = module.windows(from.len()).position(|window| window == from);
    let at = at.expect("the guest has these bytes: see its step.rs");
    [&module[..at], to, &module[at + from.len()..]].concat()
}
