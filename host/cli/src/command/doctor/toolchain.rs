//! What modules are built with: rustc, cargo and the standard library of the target.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use super::finding::Finding;

/// What workflow modules are built for.
const TARGET: &str = "wasm32-wasip2";

/// The oldest Rust that builds the crates of this version.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

/// Longest wait for an answer; a proxy of rustup may take a second when its files are not in memory.
const PATIENCE: Duration = Duration::from_secs(10);

const INSTALL: &str = "a host needs none; to build modules here, install Rust from https://rustup.rs";

/// rustc, cargo, and the target where there is a rustc.
pub(super) async fn look() -> Vec<Finding> {
    let rustc = version("rustc").await;
    let mut findings =
        vec![tool("rustc", rustc.as_deref()), tool("cargo", version("cargo").await.as_deref())];
    if rustc.is_some() {
        let folder = answer("rustc", &["--print", "target-libdir", "--target", TARGET]).await;
        findings.push(target(folder.is_some_and(|folder| Path::new(folder.trim()).is_dir())));
    }
    findings
}

/// The version that a tool says it has.
async fn version(tool: &str) -> Option<String> {
    // `rustc 1.95.0 (59807616e 2026-04-14)`
    answer(tool, &["--version"]).await?.split_whitespace().nth(1).map(str::to_owned)
}

/// What a tool prints; nothing if it is not there, fails, or takes too long.
async fn answer(tool: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(tool);
    command
        .args(arguments)
        // rustup would download the toolchain that a `rust-toolchain.toml` of this folder names.
        .env("RUSTUP_AUTO_INSTALL", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn tool(name: &'static str, version: Option<&str>) -> Finding {
    let Some(version) = version else { return Finding::warning(name, "not found", INSTALL) };
    if numbers(version) < numbers(OLDEST) {
        let found = format!("{version}, and {OLDEST} is needed");
        return Finding::failed(name, found, "rustup update stable");
    }
    Finding::ok(name, version)
}

fn target(is_installed: bool) -> Finding {
    if is_installed {
        return Finding::ok(TARGET, "installed");
    }
    let cure =
        format!("rustup target add {TARGET}, or your system's package of Rust's standard library for it");
    Finding::failed(TARGET, "not installed, so no module can be built", cure)
}

/// The numbers of a version, without what stands behind them: `1.96.0-nightly`.
fn numbers(version: &str) -> Vec<u64> {
    let numbers = version.split(|character: char| !character.is_ascii_digit());
    numbers.take(3).map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::doctor::finding::Status::{self, Failed, Ok, Warning};

    fn check(version: Option<&str>, expected: Status) {
        assert_eq!(tool("rustc", version).status, expected, "{version:?}");
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        check(Some("1.95.0"), Ok);
        check(Some("1.95.0-beta.2"), Ok);
        check(Some("1.100.0-nightly"), Ok);
        check(Some("2.0.0"), Ok);
        check(Some("1.94.9"), Failed);
        check(Some("1.9.99"), Failed);
        check(None, Warning);
    }
}
