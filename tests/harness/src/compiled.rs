//! What hosts of tests compile once for all of them: the compiler takes seconds where it is not optimized.

use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};

/// Folder in a host's data folder.
const COMPILED: &str = "compiled";
/// Folder beside the test programs: that of `host_sandbox::Config::for_tests`.
const COMPILED_BY_TESTS: &str = "compiled-modules";

/// Lets hosts on a data folder, which need not be there, find what tests compiled before, and keep what they compile.
///
/// # Errors
/// A folder cannot be made.
pub fn share_compiled(data_dir: &Path) -> Result<()> {
    let program = std::env::current_exe()?;
    let shared = program.parent().context("the test program is in no folder")?.join(COMPILED_BY_TESTS);
    for folder in [data_dir, &shared] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let link = data_dir.join(COMPILED);
    if !link.exists() {
        symlink(&shared, &link).with_context(|| format!("cannot make {}", link.display()))?;
    }
    Ok(())
}
