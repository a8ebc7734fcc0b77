//! `cargo xtask dist`: the `host` binary as users get it, with its line tables beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use test_harness::workspace_root;

/// Files that accompany the binary.
const TEXTS: [&str; 5] = ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// Builds `host` for release into `target/dist`, stripped. Its line tables are in `host.debug`: the standard
/// library's backtraces find them there by name, debuggers too.
pub(crate) fn dist() -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "`dist` splits ELF files: it works on Linux only");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--package", "host", "--bin", "host", "--message-format=json"])
        .current_dir(workspace_root())
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "the host does not build");
    let built = executable(&output.stdout).context("cargo names no binary")?;

    let folder = built.ancestors().nth(2).context("no target folder")?.join("dist");
    std::fs::create_dir_all(&folder)?;
    split(&built, &folder)?;
    for text in TEXTS {
        std::fs::copy(workspace_root().join(text), folder.join(text)).context(text)?;
    }
    for file in ["host", "host.debug"] {
        let path = folder.join(file);
        eprintln!("{:>12} bytes  {}", path.metadata()?.len(), path.display());
    }
    Ok(())
}

/// Copies a binary without symbols and line tables, which go into `<name>.debug`.
fn split(binary: &Path, folder: &Path) -> Result<()> {
    let name = binary.file_name().context("no name")?;
    let stripped = folder.join(name);
    let tables = stripped.with_extension("debug");
    run(Command::new("objcopy").arg("--only-keep-debug").arg(binary).arg(&tables))?;
    run(Command::new("objcopy").arg("--strip-all").arg(binary).arg(&stripped))?;
    // A second step: the link holds a checksum of the tables, and is found by their bare name.
    let link = format!("--add-gnu-debuglink={}", tables.display());
    run(Command::new("objcopy").arg(link).arg(&stripped))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}: binutils bring it", command.get_program().display()))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

/// The one executable in what cargo reports.
fn executable(report: &[u8]) -> Option<PathBuf> {
    report.split(|byte| *byte == b'\n').find_map(|line| {
        let message: serde_json::Value = serde_json::from_slice(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    })
}
