//! Replays recorded histories on a workflow crate: each file of a folder is a test case.
//!
//! A history is the output of `host workflow show --output json` or `temporal workflow show --output json`.
//! Each is replayed twice on the component of the crate, and the guest's memory must be bit-identical after
//! every activation.
//!
//! In `Cargo.toml` of the workflow crate:
//!
//! ```toml
//! [dev-dependencies]
//! replay-test = { … }
//!
//! [[test]]
//! name = "replay"
//! harness = false
//! ```
//!
//! and in `tests/replay.rs`:
//!
//! ```no_run
//! replay_test::main!("histories");
//! ```
//!
//! The test lists the folder when it runs, so a new file needs no build. `main!(module = "reminder.wasm"; "histories")`
//! replays on a component that is there already, such as one of another language.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, anyhow, ensure};
use host_sandbox::{Config, Engine};
use host_wire::protojson;
use host_worker::modules::LoadedModule;
use host_worker::workflow::replay::replay_verifying_state;
use libtest_mimic::{Arguments, Failed, Trial};

/// Defines the `main` of a test target without a harness. It replays the histories of folders, whose paths
/// are relative to the crate's manifest; on the component of the crate, or on the one at `module`.
#[macro_export]
macro_rules! main {
    (module = $module:literal; $($folder:literal),+ $(,)?) => {
        fn main() -> std::process::ExitCode {
            $crate::run_module(
                std::path::Path::new(env!("CARGO_MANIFEST_DIR")),
                std::path::Path::new($module),
                &[$($folder),+],
            )
        }
    };
    ($($folder:literal),+ $(,)?) => {
        fn main() -> std::process::ExitCode {
            $crate::run(
                std::path::Path::new(env!("CARGO_MANIFEST_DIR")),
                env!("CARGO_PKG_NAME"),
                &[$($folder),+],
            )
        }
    };
}

/// Builds the component of `package` and replays the histories of `folders`; for [`main!`].
#[must_use]
pub fn run(manifest_dir: &Path, package: &'static str, folders: &[&str]) -> ExitCode {
    run_source(manifest_dir, Source::Package(package), folders)
}

/// Replays the histories of `folders` on the component at `module`; for [`main!`].
#[must_use]
pub fn run_module(manifest_dir: &Path, module: &Path, folders: &[&str]) -> ExitCode {
    run_source(manifest_dir, Source::File(manifest_dir.join(module)), folders)
}

fn run_source(manifest_dir: &Path, source: Source, folders: &[&str]) -> ExitCode {
    let arguments = Arguments::from_args();
    let histories = match histories(manifest_dir, folders) {
        Ok(histories) => histories,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let module = Arc::new(Module { manifest_dir: manifest_dir.to_owned(), source, loaded: OnceLock::new() });
    let trials = histories
        .into_iter()
        .map(|path| {
            let module = module.clone();
            let name = path.strip_prefix(manifest_dir).unwrap_or(&path).display().to_string();
            Trial::test(name, move || {
                module.replay(&path).map_err(|error| Failed::from(format!("{error:#}")))
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// All histories of the folders. A folder without histories is an error.
fn histories(manifest_dir: &Path, folders: &[&str]) -> Result<Vec<PathBuf>> {
    let mut histories = Vec::new();
    for folder in folders {
        let folder = manifest_dir.join(folder);
        let before = histories.len();
        let entries = folder.read_dir().with_context(|| format!("failed to read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json" || extension == "bin") {
                histories.push(path);
            }
        }
        ensure!(histories.len() > before, "there is no *.json or *.bin in {}", folder.display());
    }
    histories.sort();
    Ok(histories)
}

/// Where the component is from.
enum Source {
    /// Built of the package with this name.
    Package(&'static str),
    File(PathBuf),
}

/// The component, built and loaded by the first case that needs it.
struct Module {
    manifest_dir: PathBuf,
    source: Source,
    loaded: OnceLock<Result<Arc<LoadedModule>, String>>,
}

impl Module {
    fn replay(&self, path: &Path) -> Result<()> {
        let history = protojson::read_history(std::fs::read(path)?.into())?;
        let module = self.loaded.get_or_init(|| self.load().map_err(|error| format!("{error:#}")));
        let module = module.as_ref().map_err(|error| anyhow!("{error}"))?;
        let report = replay_verifying_state(module, &history);
        ensure!(report.verdict.is_ok(), "{}", report.verdict);
        Ok(())
    }

    fn load(&self) -> Result<Arc<LoadedModule>> {
        let path = match &self.source {
            Source::Package(name) => {
                guest_build::build(&guest_build::Package::new(&self.manifest_dir, name))?
            }
            Source::File(path) => path.clone(),
        };
        let engine = Engine::new(Config::for_tests())?;
        let bytes = std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
        Ok(Arc::new(LoadedModule::new(engine.load(&bytes)?, Some(path))))
    }
}
