//! `smith FOLDER COUNT [SEED]`: writes random core modules that fit into the component of the guest
//! `tests/guests/script`, one file a seed. `host/sandbox/tests/smith.rs` puts them there, and executes them.

mod guest;
mod module;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().context("usage: smith FOLDER COUNT [SEED]")?);
    let count: u64 = arguments.next().context("no count")?.parse().context("the count is no number")?;
    let first = arguments.next().map_or(Ok(0), |seed| seed.parse()).context("the seed is no number")?;
    std::fs::create_dir_all(&folder)?;
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../guests"));
    let script = guest_build::build(&guest_build::Package::new(workspace, "script"))?;
    let shape = guest::core_module(&std::fs::read(script)?)?;
    let mut written = 0;
    for seed in first..first + count {
        // Some seeds have no module: wasm-smith gives up on them.
        if let Some(module) = module::generate(&shape, seed)? {
            std::fs::write(folder.join(format!("{seed:06}.wasm")), module)?;
            written += 1;
        }
    }
    eprintln!("{written} modules of {count} seeds from {first} in {}", folder.display());
    Ok(())
}
