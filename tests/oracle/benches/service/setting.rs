//! Services and workers, as processes of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use tempfile::TempDir;
use test_harness::free_port;

use crate::{child::Process, client::TASK_QUEUE};

/// A service, and the worker on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `host run`: the embedded service and our worker in one process.
    InProcess,
    /// `host server`, and `host run --address` in another process.
    Grpc,
    /// `host server`, and Temporal's Rust SDK: what is left of the difference is the worker's.
    GrpcRustSdk,
    /// Temporal's development server and its Rust SDK.
    StartDev,
    /// The same, on a file.
    StartDevFile,
}

/// What settings are made of.
#[derive(Debug)]
pub struct Tools {
    /// The `temporal` binary, where there is one.
    pub temporal: Option<PathBuf>,
    /// The module with the workloads.
    pub module: PathBuf,
    /// Where folders with data are made; they are what is synced, so not in memory.
    pub folder: PathBuf,
}

impl Setting {
    pub const ALL: [Self; 5] =
        [Self::InProcess, Self::Grpc, Self::GrpcRustSdk, Self::StartDev, Self::StartDevFile];

    /// As arguments and scripts have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Grpc => "grpc",
            Self::GrpcRustSdk => "grpc-rust-sdk",
            Self::StartDev => "start-dev",
            Self::StartDevFile => "start-dev-file",
        }
    }

    pub fn description(self) -> &'static str {
        match self {
            Self::InProcess => "embedded service and our worker, one process",
            Self::Grpc => "embedded service, our worker over gRPC",
            Self::GrpcRustSdk => "embedded service, Rust SDK",
            Self::StartDev => "start-dev in memory, Rust SDK",
            Self::StartDevFile => "start-dev on a file, Rust SDK",
        }
    }

    pub fn is_ours(self) -> bool {
        !self.needs_temporal()
    }

    pub fn needs_temporal(self) -> bool {
        matches!(self, Self::StartDev | Self::StartDevFile)
    }

    /// Whether what it acknowledges is on disk.
    pub fn is_durable(self) -> bool {
        self != Self::StartDev
    }

    /// Starts it in a folder of its own.
    pub fn start(self, tools: &Tools) -> Result<Running> {
        let folder = TempDir::new_in(&tools.folder)?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let (service, worker) = match self {
            Self::InProcess => {
                let mut host = host_run(tools, folder.path());
                host.args(["--listen", &address]);
                (host, None)
            }
            Self::Grpc => {
                let mut worker = host_run(tools, &folder.path().join("worker"));
                worker.args(["--address", &address]);
                (host_server(folder.path(), &address), Some(worker))
            }
            Self::GrpcRustSdk => (host_server(folder.path(), &address), Some(rust_sdk_worker(&address))),
            Self::StartDev | Self::StartDevFile => {
                let binary = tools.temporal.as_deref().context("there is no `temporal` binary")?;
                let mut server = start_dev(binary, &address);
                if self.is_durable() {
                    fs::create_dir(service_folder(folder.path()))?;
                    server.arg("--db-filename").arg(service_folder(folder.path()).join("temporal.db"));
                }
                (server, Some(rust_sdk_worker(&address)))
            }
        };
        Ok(Running { service: Process::start(service)?, worker: None, later: worker, address, folder })
    }
}

/// The folder with the service's data, in ours.
fn service_folder(folder: &Path) -> PathBuf {
    folder.join("service")
}

fn bench_host() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-host"));
    command.args(["--log-level", "warn"]);
    command
}

fn host_run(tools: &Tools, data_folder: &Path) -> Command {
    let mut command = bench_host();
    // What the environment names would be used instead.
    command.args(["run", "--disable-config-env", "--disable-config-file", "--task-queue", TASK_QUEUE]);
    command.arg("--modules").arg(&tools.module).arg("--data-dir").arg(data_folder);
    command
}

fn host_server(data_folder: &Path, address: &str) -> Command {
    let mut command = bench_host();
    command.args(["server", "--listen", address]).arg("--data-dir").arg(data_folder);
    command
}

fn start_dev(binary: &Path, address: &str) -> Command {
    let mut command = Command::new(binary);
    // It logs errors whenever it is stopped.
    command.args(["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "never"]);
    command.arg("--port").args(address.rsplit_once(':').map(|(_, port)| port));
    command
}

fn rust_sdk_worker(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-sdk-worker"));
    command.args([address, TASK_QUEUE]);
    command
}

/// A setting that has been started.
#[derive(Debug)]
pub struct Running {
    pub service: Process,
    /// Nothing where the service's process is the worker as well.
    pub worker: Option<Process>,
    /// The worker, until the service answers.
    later: Option<Command>,
    pub address: String,
    folder: TempDir,
}

impl Running {
    /// Starts the worker, once the service answers.
    pub fn start_worker(&mut self) -> Result<()> {
        self.worker = self.later.take().map(Process::start).transpose()?;
        Ok(())
    }

    /// Stops it, and says how many bytes the service leaves on disk.
    pub fn stop(self) -> Result<u64> {
        if let Some(worker) = self.worker {
            worker.stop()?;
        }
        self.service.stop()?;
        size(&service_folder(self.folder.path()))
    }
}

/// Bytes of the files in a folder, which need not be there.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).into_iter().flatten() {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
