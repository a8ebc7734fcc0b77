//! Whether the standard library for the target is installed, and installing it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use crate::{Error, TARGET, cargo::output};

/// One thread at a time asks rustup: it does not wait for itself.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs the target if it is missing. `folder` decides on the toolchain, by its `rust-toolchain.toml`.
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
        Err(_) => "there is no rustup to install it".to_owned(),
    };
    // Another process may have been faster, which makes rustup fail.
    if is_installed(folder)? { Ok(()) } else { Err(Error::TargetMissing { reason }) }
}

fn is_installed(folder: &Path) -> Result<bool, Error> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = output(
        Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).current_dir(folder),
    )?;
    // A compiler too old to know the target fails here; rustup then says so.
    let libdir = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(output.status.success() && libdir.is_dir())
}
