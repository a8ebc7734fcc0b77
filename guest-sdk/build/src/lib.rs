//! Builds workflow crates to WebAssembly components, for tests, tasks and replay tests of users.
//!
//! [`build`] runs cargo for one package and says where the component is. It is called when a component
//! is needed, not from a build script: that would wait for ever for the lock of the target folder.
//!
//! Owns: how cargo is called, so that the same source gives the same bytes whoever builds it. Does not
//! know what is in a component. Has no dependencies, so that nothing has to be built before it.
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

/// What [`build`] builds: a library package with workflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package<'a> {
    /// The workspace of the package, or any folder in it. A package that is no member of a workspace is
    /// one of its own.
    pub workspace: &'a Path,
    /// The name of the package.
    pub name: &'a str,
    /// The cargo profile. [`PROFILE`] is defined by this crate if the workspace does not define it.
    pub profile: &'a str,
}

impl<'a> Package<'a> {
    /// The package `name` of `workspace`, built with [`PROFILE`].
    #[must_use]
    pub fn new(workspace: &'a Path, name: &'a str) -> Self {
        Self { workspace, name, profile: PROFILE }
    }
}

/// Builds a workflow crate, or finds that it is up to date, and returns the path of the component.
///
/// Components lie in the target folder of the workspace, or in `CARGO_TARGET_DIR`. Cargo's lock makes
/// calls wait for each other, in this process and in others. Installs the target with rustup when it is
/// missing.
///
/// # Errors
///
/// When the target can not be installed, cargo can not be run, or the package does not compile.
pub fn build(package: &Package<'_>) -> Result<PathBuf, Error> {
    target::ensure_installed(package.workspace)?;
    let root_manifest = cargo::root_manifest(package.workspace)?;
    let stdout = cargo::rustc(package, &root_manifest)?;
    messages::last_component(&stdout).ok_or_else(|| Error::NoComponent { package: package.name.to_owned() })
}
