//! The module of the crate that is tested: built and compiled once for each test program.

use std::path::PathBuf;

use guest_build::Package;
use host_sandbox::{Config, Engine};
use tokio::sync::OnceCell;

use crate::error::Error;

/// The engine of all environments: they share its room for guests, and compile a module once.
static ENGINE: OnceCell<Engine> = OnceCell::const_new();

/// The module of the crate whose tests run.
static MODULE: OnceCell<PathBuf> = OnceCell::const_new();

pub(crate) async fn engine() -> Result<Engine, Error> {
    let engine = ENGINE.get_or_try_init(|| async {
        Engine::new(Config::for_tests()).map_err(|error| Error::Engine(error.into()))
    });
    engine.await.cloned()
}

/// Builds the module of the crate that cargo tests, unless it is up to date.
pub(crate) async fn of_this_crate() -> Result<PathBuf, Error> {
    let module = MODULE.get_or_try_init(|| async {
        let variable = |name| std::env::var(name).map_err(|_| Error::NotCargo(name));
        let (folder, package) = (variable("CARGO_MANIFEST_DIR")?, variable("CARGO_PKG_NAME")?);
        let build = move || guest_build::build(&Package::new(folder.as_ref(), &package));
        let built = tokio::task::spawn_blocking(build).await;
        Ok(built.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?)
    });
    module.await.cloned()
}
