//! Guests that are real ones: modules in the sandbox.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use guest_build::Package;
use host_core::{Activation, Command, RunConfig};
use host_sandbox::{Config, Engine};
use host_wire::temporal::api::history::v1::HistoryEvent;
use host_worker::{
    modules::LoadedModule,
    workflow::run::{RunDriver, RunIdentity},
};

use crate::{histories, player::Player};

/// The package with the workflows of the benchmarks.
const BENCH_GUEST: &str = "bench-guest";

/// The folder of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The guest whose histories [`written`](crate::written) writes.
///
/// # Errors
///
/// When it cannot be built or loaded.
pub fn bench_guest() -> Result<Arc<LoadedModule>> {
    load(&guest_folder(), BENCH_GUEST)
}

/// The file of that guest's module.
///
/// # Errors
///
/// When it cannot be built.
pub fn bench_module() -> Result<PathBuf> {
    Ok(guest_build::build(&Package::new(&guest_folder(), BENCH_GUEST))?)
}

fn guest_folder() -> PathBuf {
    root().join("tests/oracle/guest")
}

/// A package's module.
///
/// # Errors
///
/// When it cannot be built or loaded.
pub fn load(workspace: &Path, package: &str) -> Result<Arc<LoadedModule>> {
    read(guest_build::build(&Package::new(workspace, package))?)
}

/// The module in a file.
///
/// # Errors
///
/// When it cannot be read or loaded.
pub fn read(path: PathBuf) -> Result<Arc<LoadedModule>> {
    let module = Engine::new(Config::for_tests())?.load(&std::fs::read(&path)?)?;
    Ok(Arc::new(LoadedModule::new(module, Some(path))))
}

/// One run of a module's workflow.
#[derive(Debug)]
pub struct SandboxPlayer {
    guest: RunDriver,
}

impl SandboxPlayer {
    /// The run that a history is of, before its start.
    pub fn new(module: &Arc<LoadedModule>, history: &[HistoryEvent]) -> Self {
        let identity = RunIdentity {
            namespace: "default".to_owned(),
            workflow_id: histories::workflow_id(history).to_owned(),
            run_id: histories::run_id(history).to_owned(),
        };
        Self { guest: RunDriver::new(Arc::clone(module), identity, RunConfig::default()) }
    }
}

impl Player for SandboxPlayer {
    fn play(&mut self, activation: &Activation) -> Result<Vec<Command>, String> {
        self.guest.activate(activation.clone()).map_err(|failure| failure.to_string())
    }
}
