//! The host under test: `host run` with the embedded service, as a process.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, ensure};
use guest_build::Package;
use tempfile::TempDir;
use test_harness::{Host, HostOptions, Service, free_port, renamed_script, workspace_root};
use tokio::sync::Mutex;

/// The queue of all workflows.
pub(crate) const TASK_QUEUE: &str = "soak";
/// Hostile modules; without optimization the compiler takes long for each.
const HOSTILE_MODULES: usize = if cfg!(debug_assertions) { 4 } else { 12 };
/// The file of the module that keeps the compiler busy.
pub(crate) const BOMB: &str = "bomb.wasm";
/// Lines of the host: errors, and the one that says that it polls.
const LOG_LEVEL: &str = "error,host_worker::worker=info";

/// What a host is started with, again and again.
pub(crate) struct Setup {
    program: PathBuf,
    pub(crate) address: String,
    /// The folder that the host watches.
    pub(crate) modules: PathBuf,
    /// The types of the hostile modules.
    pub(crate) hostile_types: Vec<String>,
    /// Held while the module that keeps the compiler busy is changed.
    pub(crate) bomb: Arc<Mutex<()>>,
    folder: TempDir,
}

impl Setup {
    pub(crate) fn new() -> Result<Self> {
        let program = if cfg!(debug_assertions) {
            test_harness::binary("host")
        } else {
            test_harness::optimized_binary("host")
        };
        let folder = tempfile::tempdir()?;
        let modules = folder.path().join("modules");
        fs::create_dir(&modules)?;
        let script = guest_build::build(&Package::new(&workspace_root().join("tests/guests"), "script"))?;
        let script = fs::read(script)?;
        fs::write(modules.join("honest.wasm"), &script)?;
        let mut hostile_types = Vec::new();
        for number in 0..HOSTILE_MODULES {
            let (hostile_type, module) = renamed_script(&script, number);
            fs::write(modules.join(format!("hostile-{number}.wasm")), module)?;
            hostile_types.push(hostile_type);
        }
        let address = format!("127.0.0.1:{}", free_port()?);
        Ok(Self { program: program?, address, modules, hostile_types, bomb: Arc::default(), folder })
    }

    fn start(&self) -> Result<Host> {
        let arguments = ["--watch", "--compile-timeout", "20s", "--log-level", LOG_LEVEL];
        let options = HostOptions {
            binary: String::new(),
            service: Service::Embedded { listen: self.address.clone() },
            task_queue: TASK_QUEUE.to_owned(),
            modules: vec![self.modules.clone()],
            data_dir: self.folder.path().join("data"),
            arguments: arguments.map(str::to_owned).to_vec(),
        };
        Host::start_program(&self.program, &options)
    }
}

/// A host that runs.
pub(crate) struct SoakHost(Host);

/// What a host has of the system.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) resident_bytes: u64,
    pub(crate) files: u64,
    pub(crate) threads: u64,
}

impl SoakHost {
    /// Starts a host, and waits until it polls.
    pub(crate) async fn start(setup: &Setup) -> Result<Self> {
        Ok(Self(tokio::task::block_in_place(|| setup.start())?))
    }

    /// Kills it, and starts another one on the same folder.
    pub(crate) async fn restart(self, setup: &Setup) -> Result<Self> {
        self.check_log()?;
        tokio::task::block_in_place(|| self.0.kill())?;
        // A host does not start with a module that does not load.
        let _unchanged = setup.bomb.lock().await;
        if let Err(error) = fs::remove_file(setup.modules.join(BOMB)) {
            ensure!(error.kind() == ErrorKind::NotFound, "remove the bomb: {error}");
        }
        Self::start(setup).await
    }

    pub(crate) fn sample(&self) -> Result<Sample> {
        let process = PathBuf::from(format!("/proc/{}", self.0.pid()));
        let status = fs::read_to_string(process.join("status")).context("the host has ended")?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such field")?;
            Ok(line.split_whitespace().next().context("no value")?.parse()?)
        };
        let files = entries(&process.join("fd"))?;
        Ok(Sample { resident_bytes: field("VmRSS:")? << 10, files, threads: field("Threads:")? })
    }

    /// Ends it as a user does.
    pub(crate) async fn stop(self) -> Result<()> {
        self.check_log()?;
        let code = tokio::task::block_in_place(|| self.0.stop())?;
        ensure!(code == 0, "the host ends with {code}");
        Ok(())
    }

    fn check_log(&self) -> Result<()> {
        let log = self.0.log();
        let panic = log.lines().find(|line| line.contains("panicked"));
        ensure!(panic.is_none(), "the host panicked: {}", panic.unwrap_or_default());
        Ok(())
    }
}

fn entries(folder: &Path) -> Result<u64> {
    Ok(fs::read_dir(folder)?.count().try_into()?)
}
