//! `host modules check`.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, thread};

use anyhow::{Context as _, bail};
use clap::Args;
use host_client::Client;
use host_sandbox::{Config, Engine};
use host_worker::{
    control::{AskError, Reply, Request},
    gate::{Gate, GateProgress, GateReport, RunSelection, changes},
    modules::{
        LoadedModule, files,
        store::{ModuleStore, StoreAccess},
    },
    workflow::{Lane, SandboxThreads},
};

use super::{
    Examined, examine_file,
    host::{OTHER_ANSWER, RunningHost, absolute},
    report::{Checked, Printer},
};
use crate::{
    exit::{Reported, chain},
    output::{Output, progress::Progress},
    settings::{connection::ConnectionArgs, data_dir::DataDirArgs},
};

/// Says whether files are modules that a host would run, and whether open runs would go on with them. Changes nothing.
///
/// A module is a component that implements the contract and imports nothing that a workflow may not have. It is compared
/// with the module of the data folder that serves its workflow types. With a service, or a host that runs on the data
/// folder, all open runs of its types are replayed on it.
///
/// The exit code is 1 when a file is not a module, or an open run does not agree with it or cannot be told.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules check target/wasm32-wasip2/workflow/orders.wasm
  host modules check orders.wasm --address temporal.example:7233 --query 'TaskQueue = \"orders\"'
  host modules check orders.wasm --address temporal.example:7233 --sample 500 -o junit > report.xml
  host modules check modules/ && cp modules/*.wasm /srv/workflows/")]
pub(crate) struct Check {
    /// Module files, or folders of *.wasm files.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    data_dir: DataDirArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Which open runs are replayed.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct SelectionArgs {
    /// Replay only open runs that a list filter finds.
    #[arg(short, long, value_name = "FILTER")]
    query: Option<String>,
    /// Replay so many of the open runs, each as likely as any other.
    #[arg(long, value_name = "COUNT")]
    sample: Option<NonZeroUsize>,
    /// Replay at most so many of the open runs, those that started last.
    #[arg(long, value_name = "COUNT")]
    limit: Option<NonZeroUsize>,
}

impl SelectionArgs {
    pub(super) fn selection(&self) -> RunSelection {
        RunSelection {
            query: self.query.clone().unwrap_or_default(),
            sample: self.sample,
            limit: self.limit,
            ..RunSelection::default()
        }
    }
}

impl Check {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let client = match self.connection.names_a_service()? {
            true => Some(self.connection.connect().await?),
            false => None,
        };
        if client.is_none()
            && let Some(host) = RunningHost::find(&self.data_dir).await?
        {
            return self.by_host(host, output).await;
        }
        let engine = self.engine()?;
        let threads = SandboxThreads::start_with(cpus(), Arc::clone(engine.background()));
        let threads = Arc::new(threads.context("failed to start the sandbox's threads")?);
        let mut printer = Printer::new(output);
        for path in files::list(&self.paths)? {
            let Examined { path, module, .. } = examine_file(&engine, path)?;
            let checked = match module {
                Err(error) => Checked::refused(path, chain(&error.into())),
                Ok(module) => {
                    let module = Arc::new(LoadedModule::new(module, Some(path.clone())));
                    let former = self.former(&engine, &module)?;
                    let changes = former.map(|former| changes(&former, &module)).unwrap_or_default();
                    let mut report = GateReport::new(changes);
                    if let Some(client) = &client {
                        self.replay(client, &module, &threads, &mut report, output).await?;
                    }
                    Checked::module(path, &module, client.is_some().then_some(report.runs), report)
                }
            };
            printer.print(&checked)?;
        }
        if printer.finish()? { Ok(()) } else { Err(Reported.into()) }
    }

    /// Has the host that runs on the data folder check the files: with its service, on its task queues.
    async fn by_host(&self, host: RunningHost, output: Output) -> anyhow::Result<()> {
        let mut printer = Printer::new(output);
        let mut host = Some(host);
        for path in files::list(&self.paths)? {
            let request = Request::Check { path: absolute(&path)?, selection: self.selection.selection() };
            // A connection is for one request.
            let asked = match host.take() {
                Some(host) => host,
                None => RunningHost::needed(&self.data_dir).await?,
            };
            let checked = match asked.ask(&request, output).await {
                Ok(Reply::Checked(checked)) => Checked::by_host(path, checked),
                Ok(_) => bail!(OTHER_ANSWER),
                Err(AskError::Refused(problem)) => Checked::refused(path, problem),
                Err(error) => return Err(error.into()),
            };
            printer.print(&checked)?;
        }
        if printer.finish()? { Ok(()) } else { Err(Reported.into()) }
    }

    fn engine(&self) -> anyhow::Result<Engine> {
        let instances = u32::try_from(Gate::guests() + cpus().get()).unwrap_or(u32::MAX);
        // What a host has compiled is used, and a folder for that is not made.
        let cache = self.data_dir.compiled().ok().filter(|folder| folder.is_dir());
        Engine::new(Config { instances, cache, ..Config::default() }).context("failed to start the sandbox")
    }

    /// The module of the data folder that serves the types of a candidate: the one that was admitted last.
    fn former(&self, engine: &Engine, candidate: &LoadedModule) -> anyhow::Result<Option<LoadedModule>> {
        let Ok(folder) = self.data_dir.path() else { return Ok(None) };
        // Opening would make it.
        if !folder.join("modules").is_dir() {
            return Ok(None);
        }
        let store = ModuleStore::open(&folder, StoreAccess::AsItIs).context("failed to list modules")?;
        let admitted = store.admitted().context("failed to list modules")?;
        let types: Vec<&str> = candidate.types().collect();
        let former = admitted
            .iter()
            .rev()
            .find(|admitted| admitted.types.iter().any(|name| types.contains(&name.as_str())));
        let Some(former) = former.filter(|former| former.digest != candidate.digest()) else {
            return Ok(None);
        };
        let Some(bytes) = store.bytes(&former.digest).context("failed to read a module")? else {
            return Ok(None);
        };
        // One that this version of the host does not load is no reason not to look at the candidate.
        Ok(engine.load(&bytes).ok().map(|module| LoadedModule::new(module, Some(former.source.clone()))))
    }

    async fn replay(
        &self,
        client: &Client,
        module: &Arc<LoadedModule>,
        threads: &Arc<SandboxThreads>,
        report: &mut GateReport,
        output: Output,
    ) -> anyhow::Result<()> {
        let gate = Gate::new(
            Arc::clone(client.service()),
            client.namespace(),
            Arc::clone(module),
            Arc::clone(threads),
            Lane::Prompt,
        );
        let mut progress = Progress::new(output, "open runs");
        let selection = self.selection.selection();
        let checked = gate.check(&selection, |step| match step {
            GateProgress::Begins { about } => progress.begin(about),
            GateProgress::Checked(run) => {
                report.add(run);
                progress.step(report.runs.checked(), &report.runs);
            }
            // The list is open for steps of later versions.
            _ => {}
        });
        let checked = checked.await.context("failed to check open runs");
        progress.end();
        checked.map(drop)
    }
}

fn cpus() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
