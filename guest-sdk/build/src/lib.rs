//! Builds workflow crates to WebAssembly components, for tests and tasks.
//!
//! [`build`] runs cargo for one package and returns the path of the component. Call it when a component is
//! needed, not in a build script: there it would wait for ever for the lock of the target folder.
//!
//! Owns the arguments and the environment of cargo, so that the same source gives the same bytes on every
//! machine. Does not read components. Has no dependencies, so that it builds in a second.
//!
//! ```no_run
//! use guest_build::{Package, build};
//! use std::path::Path;
//!
//! let package = Package::new(Path::new(env!("CARGO_MANIFEST_DIR")), "greetings");
//! let component = build(&package)?;
//! # Ok::<(), guest_build::Error>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod cargo;
mod error;
mod messages;
mod target;

use std::path::{Path, PathBuf};

pub use error::Error;

/// The target that workflow crates are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// The cargo profile that workflow crates are built with.
pub const PROFILE: &str = "workflow";

/// A library package with workflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package<'a> {
    /// The workspace of the package, or any folder in it. A package that is not a member of a workspace is a
    /// workspace of its own.
    pub workspace: &'a Path,
    /// The name of the package.
    pub name: &'a str,
    /// The cargo profile. If it is [`PROFILE`] and the workspace does not define it, this crate does.
    pub profile: &'a str,
}

impl<'a> Package<'a> {
    /// The package `name` of `workspace`, built with [`PROFILE`].
    #[must_use]
    pub fn new(workspace: &'a Path, name: &'a str) -> Self {
        Self { workspace, name, profile: PROFILE }
    }
}

/// Builds a workflow crate, unless it is up to date, and returns the path of the component.
///
/// The component is in the target folder of the workspace, or in `CARGO_TARGET_DIR`. Cargo's lock makes
/// concurrent calls wait for each other, across processes too. Installs the target with rustup if it is
/// missing.
///
/// # Errors
///
/// The target cannot be installed, cargo does not start, or the package does not compile.
pub fn build(package: &Package<'_>) -> Result<PathBuf, Error> {
    target::ensure_installed(package.workspace)?;
    let root_manifest = cargo::root_manifest(package.workspace)?;
    let stdout = cargo::rustc(package, &root_manifest)?;
    messages::last_component(&stdout).ok_or_else(|| Error::NoComponent { package: package.name.to_owned() })
}
