//! Calls cargo.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{Error, PROFILE, Package, TARGET};

/// Environment variables that cargo, clippy or a coverage tool sets for the caller's own build, and that
/// would change the bytes of the component.
const REMOVED: [&str; 10] = [
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS",
    "CLIPPY_ARGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

/// The prefix of variables that change profiles, and so the bytes of the component.
const REMOVED_PREFIX: &str = "CARGO_PROFILE_";

/// The settings of [`PROFILE`] for a workspace that does not define it.
const PROFILE_SETTINGS: [&str; 6] = [
    "inherits=\"release\"",
    "opt-level=3",
    "lto=true",
    "codegen-units=1",
    "panic=\"abort\"",
    "debug=\"line-tables-only\"",
];

/// The root `Cargo.toml` of the workspace of `folder`.
pub(crate) fn root_manifest(folder: &Path) -> Result<PathBuf, Error> {
    let output = output(
        Command::new(cargo())
            .args(["locate-project", "--workspace", "--message-format", "plain"])
            .current_dir(folder),
    )?;
    if !output.status.success() {
        return Err(Error::NoWorkspace { stderr: text(&output.stderr) });
    }
    Ok(PathBuf::from(text(&output.stdout)))
}

/// Builds `package`. Returns cargo's messages, one JSON object in each line.
pub(crate) fn rustc(package: &Package<'_>, root_manifest: &Path) -> Result<String, Error> {
    let root = root_manifest.parent().unwrap_or(root_manifest);
    let mut command = Command::new(cargo());
    command
        .current_dir(root)
        .args(["rustc", "--package", package.name, "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--profile", package.profile])
        // Renders compiler errors to standard error instead of JSON.
        .args(["--message-format", "json-render-diagnostics"])
        .args(["--config", &remap_setting(root)])
        // Incremental builds have other code generation units, and so other bytes.
        .env("CARGO_INCREMENTAL", "0");
    let manifest = fs::read_to_string(root_manifest).map_err(Error::Manifest)?;
    if package.profile == PROFILE && !manifest.contains(&format!("[profile.{PROFILE}]")) {
        for setting in PROFILE_SETTINGS {
            command.arg("--config").arg(format!("profile.{PROFILE}.{setting}"));
        }
    }
    for name in REMOVED {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(REMOVED_PREFIX) {
            command.env_remove(name);
        }
    }
    let output = output(&mut command)?;
    if !output.status.success() {
        let package = package.name.to_owned();
        return Err(Error::Compile { package, stderr: text(&output.stderr) });
    }
    Ok(text(&output.stdout))
}

/// Runs `command` and waits until it ends.
pub(crate) fn output(command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(|source| {
        let program = command.get_program().to_string_lossy().into_owned();
        Error::Start { program, source }
    })
}

/// The cargo that runs this process, or the one in `PATH`.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The compiler flags that replace the paths of this machine, so that two checkouts give the same bytes.
fn remap_setting(root: &Path) -> String {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let target = std::env::var_os("CARGO_TARGET_DIR").map(|folder| root.join(folder));
    // The compiler uses the last prefix that matches. The workspace is first, because it may contain the
    // others.
    let folders = [(Some(root.to_owned()), "/workspace"), (cargo_home, "/cargo"), (target, "/target")];
    let mut flags = String::new();
    for (folder, name) in folders {
        if let Some(folder) = folder {
            let flag = format!("--remap-path-prefix={}={name}", folder.display());
            let separator = if flags.is_empty() { "" } else { "," };
            // The debug form of a string without control characters is a basic string of TOML.
            let _ = write!(flags, "{separator}{flag:?}");
        }
    }
    format!("target.{TARGET}.rustflags=[{flags}]")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
