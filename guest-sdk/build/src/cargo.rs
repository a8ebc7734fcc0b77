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
    // What only the bodies of activities use, which the sandbox does not have. The native build warns of the rest.
    command.args(["--", "--allow=unused_imports"]);
    let output = output(&mut command)?;
    if !output.status.success() {
        let package = package.name.to_owned();
        return Err(Error::Compile { package, stderr: with_advice(text(&output.stderr)) });
    }
    Ok(text(&output.stdout))
}

/// Parts of what compiler and linker say of crates that are not for the sandbox, and what to do.
const ADVICE: [(&str, &str); 4] = [
    ("This wasm target is unsupported by mio", NATIVE_ONLY),
    ("Only features sync,macros,io-util,rt,time are supported on wasm", NATIVE_ONLY),
    ("`host` is for the native build", NATIVE_ONLY),
    (
        "__wbindgen_placeholder__",
        "a dependency is for browsers when it is built for WebAssembly, as clients of HTTP are: call services in an activity, \
         and put what activities need under [target.'cfg(not(target_family = \"wasm\"))'.dependencies]",
    ),
];

/// For crates whose dependencies include the host, or what activities need.
const NATIVE_ONLY: &str = "workflows are built without the host and without what activities need: put those dependencies \
                           under [target.'cfg(not(target_family = \"wasm\"))'.dependencies]";

/// The words of the compiler, and behind them what to do, where that is known.
fn with_advice(mut stderr: String) -> String {
    if let Some((_, advice)) = ADVICE.iter().find(|(part, _)| stderr.contains(part)) {
        // Formatting into a string does not fail.
        let _ = write!(stderr, "\nhelp: {advice}");
    }
    stderr
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_that_are_not_for_the_sandbox_get_advice() {
        let advised = |stderr: &str| with_advice(stderr.to_owned());
        assert_eq!(advised("error: mismatched types"), "error: mismatched types");
        for (part, _) in ADVICE {
            let text = advised(part);
            assert!(text.contains("[target.'cfg(not(target_family = \"wasm\"))'.dependencies]"), "{text}");
        }
    }
}
