//! How cargo is called.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{Error, PROFILE, Package, TARGET};

/// What a caller under cargo, clippy or a coverage tool has in its environment for its own build, and
/// what would change the bytes of ours.
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

/// Variables that begin so change profiles, and with them the bytes.
const REMOVED_PREFIX: &str = "CARGO_PROFILE_";

/// [`PROFILE`] for workspaces that do not define it.
const PROFILE_SETTINGS: [&str; 6] = [
    "inherits=\"release\"",
    "opt-level=3",
    "lto=true",
    "codegen-units=1",
    "panic=\"abort\"",
    "debug=\"line-tables-only\"",
];

/// The `Cargo.toml` of the workspace that `folder` is in.
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

/// Builds `package`. Returns cargo's messages, one JSON object a line.
pub(crate) fn rustc(package: &Package<'_>, root_manifest: &Path) -> Result<String, Error> {
    let root = root_manifest.parent().unwrap_or(root_manifest);
    let mut command = Command::new(cargo());
    command
        .current_dir(root)
        .args(["rustc", "--package", package.name, "--lib", "--crate-type", "cdylib"])
        .args(["--target", TARGET, "--profile", package.profile])
        // Errors as a person reads them go to stderr.
        .args(["--message-format", "json-render-diagnostics"])
        .args(["--config", &remap_setting(root)])
        // Incremental builds are cut into other units, which makes other bytes.
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

/// Runs `command` to its end.
pub(crate) fn output(command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(|source| {
        let program = command.get_program().to_string_lossy().into_owned();
        Error::Start { program, source }
    })
}

/// The cargo that called us, if one did.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Takes the paths of this machine out of the component, so that two checkouts make the same bytes.
fn remap_setting(root: &Path) -> String {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let target = std::env::var_os("CARGO_TARGET_DIR").map(|folder| root.join(folder));
    // The compiler takes the last one that fits, so the workspace goes first: the others may lie in it.
    let folders = [(Some(root.to_owned()), "/workspace"), (cargo_home, "/cargo"), (target, "/target")];
    let mut flags = String::new();
    for (folder, name) in folders {
        if let Some(folder) = folder {
            let flag = format!("--remap-path-prefix={}={name}", folder.display());
            let separator = if flags.is_empty() { "" } else { "," };
            // Debug formatting of a string is a basic string of TOML, up to control characters.
            let _ = write!(flags, "{separator}{flag:?}");
        }
    }
    format!("target.{TARGET}.rustflags=[{flags}]")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
