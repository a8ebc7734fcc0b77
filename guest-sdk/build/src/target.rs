//! Installs the standard library of the target, if it is missing.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use crate::{Error, TARGET, cargo::output};

/// Held while rustup runs: a second rustup would fail instead of waiting.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs the target, if it is missing, for the toolchain that the `rust-toolchain.toml` of `folder`
/// selects.
pub(crate) fn ensure_installed(folder: &Path) -> Result<(), Error> {
    if is_installed(folder)? {
        return Ok(());
    }
    let _one_at_a_time = INSTALLING.lock();
    if is_installed(folder)? {
        return Ok(());
    }
    let reason = match output(Command::new("rustup").args(["target", "add", TARGET]).current_dir(folder)) {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(_) => "rustup, which would install it, was not found".to_owned(),
    };
    // rustup also fails if another process has installed the target meanwhile.
    if is_installed(folder)? { Ok(()) } else { Err(Error::TargetMissing { reason }) }
}

fn is_installed(folder: &Path) -> Result<bool, Error> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = output(
        Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).current_dir(folder),
    )?;
    // A compiler that does not know the target fails here; rustup then reports that.
    let libdir = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(output.status.success() && libdir.is_dir())
}
