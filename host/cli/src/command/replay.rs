//! `host replay`.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use guest_sdk_types::UntypedWorkflow;
use host_client::{ListOptions, WorkflowHandle};
use host_sandbox::{Config, Engine};
use host_wire::{History, protojson};
use host_worker::{
    modules::{self, LoadedModule},
    workflow::replay::{RecordedCommand, Report, SourceLine, Verdict, replay},
};

use crate::{
    exit::{Reported, Usage, chain},
    output::{
        Output,
        escape::{Place, escape},
        json::Object,
    },
    settings::{connection::ConnectionArgs, data_dir::DataDirArgs, duration, size},
};

/// Replays histories on a module and says whether they agree: whether the module would have done what
/// the history says.
///
/// Histories are files as `host workflow show --output json` or `temporal workflow show --output json`
/// write them, encoded messages, or come from a service. The exit code is 1 when one of them does not
/// agree with the module.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host replay --module orders.wasm histories/*.json
  host replay --module orders.wasm --workflow-id order-17 --address temporal.example:7233
  host replay --module orders.wasm --query 'WorkflowType = \"Orders\" AND ExecutionStatus = \"Running\"'
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

/// Source of a history.
enum Source {
    File(PathBuf),
    Run(WorkflowHandle<UntypedWorkflow>),
}

impl Replay {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let modules = self.load()?;
        let mut sources = files(&self.histories)?;
        if self.workflow_id.is_some() || self.query.is_some() {
            sources.extend(self.runs().await?);
        }
        let total = sources.len();
        let mut agreed = 0;
        for source in sources {
            let report = source.history().await.map(|history| replay_on(&modules, &history));
            agreed += usize::from(report.as_ref().is_ok_and(|report| report.verdict.is_ok()));
            if output.is_text() {
                output.lines(text(&source.name(), &report))?;
            } else {
                output.object(object(&source.name(), &report))?;
            }
        }
        output.note(format!("{agreed} of {total} agree"));
        if agreed == total { Ok(()) } else { Err(Reported.into()) }
    }

    fn load(&self) -> anyhow::Result<Vec<Arc<LoadedModule>>> {
        let engine = Engine::new(Config {
            // One history after another: one guest at a time, and room for one to be dropped.
            instances: 2,
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

impl Source {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Run(handle) => format!("workflow {}", handle.workflow_id()),
        }
    }

    async fn history(&self) -> anyhow::Result<History> {
        match self {
            Self::File(path) => Ok(protojson::read_history(std::fs::read(path)?.into())?),
            Self::Run(handle) => Ok(handle.fetch_history().await?),
        }
    }
}

/// The history files of the paths. A file that is not a history becomes a line of the report.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        let entries = path.read_dir().with_context(|| format!("failed to read folder {}", path.display()))?;
        for entry in entries {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "json") {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(Usage(format!("there is no *.json file in folder {}", path.display())).into());
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files.into_iter().map(Source::File).collect())
}

/// Replays on the first module that defines the type.
fn replay_on(modules: &[Arc<LoadedModule>], history: &History) -> Report {
    let mut known = Vec::new();
    let mut report = None;
    for module in modules {
        match replay(module, history.clone()) {
            Report { verdict: Verdict::UnknownType { known: types }, workflow_type, statistics } => {
                known.extend(types);
                let verdict = Verdict::UnknownType { known: known.clone() };
                report = Some(Report { verdict, workflow_type, statistics });
            }
            report => return report,
        }
    }
    // There is at least one module: clap requires it, and an empty folder is an error.
    report.unwrap_or_else(|| Report {
        verdict: Verdict::UnknownType { known },
        workflow_type: String::new(),
        statistics: host_worker::workflow::replay::Statistics::default(),
    })
}

/// Word and explanation of a verdict.
fn explain(report: &anyhow::Result<Report>) -> (&'static str, String) {
    let report = match report {
        Ok(report) => report,
        Err(error) => return ("unreadable", chain(error)),
    };
    let name = match &report.verdict {
        Verdict::Ok => return ("ok", String::new()),
        Verdict::Nondeterminism(_) => "differs",
        Verdict::GuestFault { .. } => "faulted",
        Verdict::BrokenHistory { .. } => "broken",
        Verdict::UnknownType { .. } => "unknown type",
        Verdict::HostFault { .. } => "host fault",
        // The list is open for verdicts of later versions.
        _ => "not ok",
    };
    (name, report.verdict.to_string())
}

fn text(name: &str, report: &anyhow::Result<Report>) -> String {
    let (verdict, explanation) = explain(report);
    let mut text = format!("{verdict:<12}  {}", escape(name, Place::Line));
    if let Ok(report) = report {
        let statistics = &report.statistics;
        text.push_str(&format!(
            ": {}, {} events, {} activations, {:.1?}",
            escape(&report.workflow_type, Place::Line),
            statistics.events,
            statistics.activations,
            statistics.elapsed
        ));
    }
    for line in explanation.lines() {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

fn object(name: &str, report: &anyhow::Result<Report>) -> Object {
    let (verdict, explanation) = explain(report);
    let object = Object::new().field("history", name).field("verdict", verdict);
    let Ok(report) = report else { return object.field("message", explanation) };
    let object = object
        .field("workflowType", &report.workflow_type)
        .field("events", report.statistics.events)
        .field("activations", report.statistics.activations);
    match &report.verdict {
        Verdict::Ok => object,
        Verdict::Nondeterminism(difference) => object
            .field("eventId", difference.event_id)
            .field("expected", &difference.expected)
            .field("actual", &difference.actual)
            .raw("askedAt", &source_line(difference.asked_at.as_ref()))
            .raw("before", &recorded_commands(&difference.before))
            .raw("beforeAt", &source_line(difference.before_at.as_ref()))
            .field("cause", difference.cause),
        _ => object.field("message", explanation),
    }
}

fn source_line(line: Option<&SourceLine>) -> String {
    let Some(SourceLine { function, file, line }) = line else { return "null".to_owned() };
    Object::new().field("function", function).field("file", file).field("line", line).finish()
}

fn recorded_commands(commands: &[RecordedCommand]) -> String {
    let object = |RecordedCommand { event_id, command }: &RecordedCommand| {
        Object::new().field("eventId", event_id).field("command", command).finish()
    };
    format!("[{}]", commands.iter().map(object).collect::<Vec<_>>().join(","))
}
