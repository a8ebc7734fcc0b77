//! `host replay`.

mod report;
mod source;

use std::{collections::VecDeque, num::NonZeroUsize, path::PathBuf, sync::Arc, thread};

use anyhow::Context as _;
use clap::Args;
use host_client::ListOptions;
use host_codec::Chain;
use host_sandbox::{Config, Engine};
use host_wire::{
    History,
    temporal::api::{
        common::v1::{self, Payloads},
        query::v1::{WorkflowQuery, WorkflowQueryResult},
    },
};
use host_worker::{
    modules::{self, LoadedModule},
    workflow::replay::{Report, Verdict, query_at_end, replay},
};

use self::{report::Replayed, source::Source};
use crate::{
    exit::Reported,
    output::{
        Format, Output,
        junit::{self, Suite},
        progress::Progress,
    },
    settings::{connection::ConnectionArgs, data_dir::DataDirArgs, duration, input::InputArgs, size},
};

/// Replays histories on a module and says whether they agree: whether the module would have done what
/// the history says.
///
/// Histories are files as `host workflow show --output json` or `temporal workflow show --output json`
/// write them, encoded messages, or come from a service. Payloads that a codec encoded need it here too. The exit code is
/// 1 when one of them does not agree with the module.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host replay --module orders.wasm histories/*.json
  host replay --module orders.wasm --workflow-id order-17 --address temporal.example:7233
  host replay --module orders.wasm --query 'WorkflowType = \"Orders\" AND ExecutionStatus = \"Running\"'
  host replay --module orders.wasm --workflow-id order-17 --until 23 --call-query status
  host replay --module orders.wasm --codec aes-gcm --codec-key k1=file:k1.key encrypted/*.json
  host workflow show --workflow-id order-17 -o json > history.json && host replay --module orders.wasm history.json")]
pub(crate) struct Replay {
    /// Module file. Again for each module; a history is replayed on the first that defines its type.
    #[arg(short, long = "module", value_name = "PATH", required = true)]
    modules: Vec<PathBuf>,
    /// History files, or folders of *.json files.
    #[arg(value_name = "HISTORY", required_unless_present_any = ["workflow_id", "query"])]
    histories: Vec<PathBuf>,
    /// Replay the history of this workflow, from the service.
    #[arg(short, long, alias = "id", value_name = "ID")]
    workflow_id: Option<String>,
    /// Run id; the current run if left out.
    #[arg(short, long, value_name = "ID", requires = "workflow_id")]
    run_id: Option<String>,
    /// Replay the histories of all workflows that a list filter finds, from the service.
    #[arg(short, long, value_name = "FILTER")]
    query: Option<String>,
    /// Replay at most this many of those that the filter finds.
    #[arg(long, value_name = "COUNT", requires = "query")]
    limit: Option<NonZeroUsize>,
    /// Replay as far as this event.
    #[arg(long, value_name = "EVENT_ID", value_parser = clap::value_parser!(i64).range(1..))]
    until: Option<i64>,
    /// Ask the workflow this query at the end, as it is then: with --until, as it was at that event.
    #[arg(long, value_name = "NAME")]
    call_query: Option<String>,
    #[command(flatten)]
    input: InputArgs,
    /// Longest time of one call into a workflow.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration::parse)]
    activation_timeout: std::time::Duration,
    /// Memory that one workflow may have.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = size::parse)]
    memory_limit: usize,
    #[command(flatten)]
    data_dir: DataDirArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl Replay {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let replayer = Arc::new(Replayer {
            modules: self.load()?,
            until: self.until,
            query: self.question()?,
            codecs: self.connection.codecs()?,
        });
        let mut sources = source::files(&self.histories)?;
        if self.workflow_id.is_some() || self.query.is_some() {
            sources.extend(self.runs().await?);
        }
        let mut printer = Printer::new(output, sources.len());
        let mut running = VecDeque::new();
        for source in sources {
            if running.len() >= at_once()
                && let Some(first) = running.pop_front()
            {
                printer.print(joined(first).await?)?;
            }
            running.push_back(tokio::spawn(replayer.clone().replay(source)));
        }
        for last in running {
            printer.print(joined(last).await?)?;
        }
        printer.finish()
    }

    fn load(&self) -> anyhow::Result<Vec<Arc<LoadedModule>>> {
        let engine = Engine::new(Config {
            // For each history the guest that differs, and one that explains where; and room for one to be dropped.
            instances: u32::try_from(3 * at_once()).unwrap_or(u32::MAX),
            deadline: self.activation_timeout,
            memory_bytes: self.memory_limit,
            cache: Some(self.data_dir.compiled()?),
            ..Config::default()
        })
        .context("failed to start the sandbox")?;
        let load = |path: PathBuf| {
            let bytes = modules::files::read(&path).context("failed to read the module")?;
            let module = engine
                .load(&bytes)
                .with_context(|| format!("{} is not a workflow module", path.display()))?;
            Ok(Arc::new(LoadedModule::new(module, Some(path))))
        };
        modules::files::list(&self.modules)?.into_iter().map(load).collect()
    }

    /// The query to ask at the end.
    fn question(&self) -> anyhow::Result<Option<WorkflowQuery>> {
        let Some(query_type) = self.call_query.clone() else { return Ok(None) };
        let payloads = self.input.payloads()?.0.into_iter().map(v1::Payload::from).collect();
        let query_args = Some(Payloads { payloads });
        Ok(Some(WorkflowQuery { query_type, query_args, ..WorkflowQuery::default() }))
    }

    /// Handles of the runs whose histories are fetched from the service.
    async fn runs(&self) -> anyhow::Result<Vec<Source>> {
        let client = self.connection.connect().await?;
        let mut runs = Vec::new();
        if let Some(workflow_id) = &self.workflow_id {
            runs.push(Source::Run(client.workflow_handle(workflow_id.as_str(), self.run_id.clone())));
        }
        if let Some(query) = &self.query {
            let options = ListOptions {
                query: query.clone(),
                limit: self.limit.map_or(usize::MAX, NonZeroUsize::get),
                ..ListOptions::default()
            };
            let found = client.list_workflows(options).await.context("failed to list workflows")?;
            runs.extend(found.into_iter().filter_map(|info| info.execution).map(|execution| {
                Source::Run(client.workflow_handle(execution.workflow_id, Some(execution.run_id)))
            }));
        }
        Ok(runs)
    }
}

/// Histories that are replayed at one time, each by one processor.
fn at_once() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

async fn joined(replayed: tokio::task::JoinHandle<Replayed>) -> anyhow::Result<Replayed> {
    replayed.await.context("a replay panicked")
}

/// Replays histories, all in the same way.
struct Replayer {
    modules: Vec<Arc<LoadedModule>>,
    /// The last event that is replayed.
    until: Option<i64>,
    query: Option<WorkflowQuery>,
    codecs: Chain,
}

impl Replayer {
    async fn replay(self: Arc<Self>, source: Source) -> Replayed {
        let name = source.name();
        let replayed = match source.history(&self.codecs).await {
            Ok(history) => tokio::task::spawn_blocking(move || self.replay_history(history))
                .await
                .context("the replay panicked"),
            Err(error) => Err(error),
        };
        match replayed {
            Ok((report, answer)) => Replayed { name, report: Ok(report), answer },
            Err(error) => Replayed { name, report: Err(error), answer: None },
        }
    }

    /// Replays on the first module that defines the type, and asks the query if history and module agree.
    fn replay_history(&self, history: History) -> (Report, Option<WorkflowQueryResult>) {
        let history = match self.until {
            Some(event_id) => history.up_to(event_id),
            None => history,
        };
        let mut known = Vec::new();
        let mut unknown = None;
        for module in &self.modules {
            match replay(module, &history) {
                Report { verdict: Verdict::UnknownType { known: types }, workflow_type, statistics } => {
                    known.extend(types);
                    unknown = Some((workflow_type, statistics));
                }
                report => return self.asked(module, &history, report),
            }
        }
        // There is at least one module: clap requires it, and an empty folder is an error.
        let (workflow_type, statistics) = unknown.unwrap_or_default();
        (Report { verdict: Verdict::UnknownType { known }, workflow_type, statistics }, None)
    }

    fn asked(
        &self,
        module: &Arc<LoadedModule>,
        history: &History,
        mut report: Report,
    ) -> (Report, Option<WorkflowQueryResult>) {
        let Some(query) = self.query.clone().filter(|_| report.verdict.is_ok()) else {
            return (report, None);
        };
        match query_at_end(module, history, query) {
            Ok(answer) => (report, Some(answer)),
            Err(verdict) => {
                report.verdict = verdict;
                (report, None)
            }
        }
    }
}

/// Prints the histories in the order in which they were given.
struct Printer {
    output: Output,
    total: usize,
    done: usize,
    agreed: usize,
    suite: Suite,
    progress: Progress,
}

impl Printer {
    fn new(output: Output, total: usize) -> Self {
        let mut progress = Progress::new(output, "histories");
        progress.begin(u64::try_from(total).ok());
        let suite = Suite { name: "replay".to_owned(), tests: 0, failures: 0, cases: Vec::new() };
        Self { output, total, done: 0, agreed: 0, suite, progress }
    }

    fn print(&mut self, replayed: Replayed) -> anyhow::Result<()> {
        let Self { output, progress, suite, .. } = self;
        self.done += 1;
        self.agreed += usize::from(replayed.is_good());
        progress.hide();
        match output.format() {
            Format::Text => output.lines(replayed.text()?)?,
            Format::Json | Format::Jsonl => output.object(replayed.object()?)?,
            Format::Junit => {
                suite.tests += 1;
                suite.failures += u64::from(!replayed.is_good());
                suite.cases.push(replayed.case());
            }
        }
        progress.step(self.done as u64, &format_args!("{} agree", self.agreed));
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        self.progress.end();
        if self.output.format() == Format::Junit {
            self.output.lines(junit::document(&[self.suite]))?;
        }
        self.output.note(format!("{} of {} agree", self.agreed, self.total));
        if self.agreed == self.total { Ok(()) } else { Err(Reported.into()) }
    }
}
