//! `host modules log`.

use anyhow::Context as _;
use clap::Args;
use host_worker::{
    gate::GateReport,
    modules::{
        audit::AuditEntry,
        store::{ModuleStore, StoreAccess},
    },
};

use crate::{
    output::{
        Output,
        escape::{Place, escape},
        event::milliseconds,
        json::Object,
    },
    settings::data_dir::DataDirArgs,
};

/// Prints what was done to the modules of a data folder, the latest last: who swapped which module for which, and what
/// the check of open runs found; runs that moved because their module failed them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules log
  host modules log --limit 1 -o json --data-dir /srv/host")]
pub(crate) struct Log {
    /// Print at most so many entries.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl Log {
    pub(super) fn run(self, output: Output) -> anyhow::Result<()> {
        let folder = self.data_dir.path()?;
        // Opening would make it. A host that runs shares the list.
        let entries = if folder.join("modules").is_dir() {
            ModuleStore::open(&folder, StoreAccess::AsItIs)
                .and_then(|store| store.audit_log(self.limit))
                .context("failed to read the audit")?
        } else {
            Vec::new()
        };
        if output.is_text() && entries.is_empty() {
            output.note(format!("Nothing was done to modules of {} yet.", folder.display()));
        }
        for entry in &entries {
            if output.is_text() {
                output.lines(text(entry))?;
            } else {
                output.object(object(entry))?;
            }
        }
        Ok(())
    }
}

fn text(entry: &AuditEntry) -> String {
    let line = |text: &str| escape(text, Place::Line).into_owned();
    let short = |digest: &String| digest.chars().take(12).collect::<String>();
    let from: Vec<String> = entry.from.iter().map(short).collect();
    let from = if from.is_empty() { "nothing".to_owned() } else { from.join(", ") };
    let mut text = format!(
        "{}  {:<11}  {} -> {}",
        milliseconds(&entry.time().into()),
        entry.action.name(),
        line(&from),
        line(&short(&entry.to))
    );
    if !entry.policy.is_empty() {
        text.push_str(&format!("  policy {}", line(&entry.policy)));
    }
    text.push_str(&format!("  by {}", line(&entry.who)));
    if !entry.note.is_empty() {
        text.push_str(&format!("\n  {}", line(&entry.note)));
    }
    if let Some(run) = &entry.run {
        text.push_str(&format!("\n  workflow {}, run {}", line(&run.workflow_id), line(&run.run_id)));
        text.push_str(&format!("\n  {}", line(&run.why)));
    }
    let report = entry.report.clone().and_then(|report| serde_json::from_value::<GateReport>(report).ok());
    if let Some(report) = report {
        text.push_str(&format!("\n  open runs: {}", report.runs));
        for run in &report.disagree {
            text.push_str(&format!("\n  workflow {}, run {}: ", line(&run.workflow_id), line(&run.run_id)));
            text.push_str(&line(&run.verdict.to_string().replace('\n', "; ")));
        }
    }
    text
}

fn object(entry: &AuditEntry) -> Object {
    Object::new()
        .field("time", milliseconds(&entry.time().into()))
        .field("who", &entry.who)
        .field("action", entry.action)
        .field("from", &entry.from)
        .field("to", &entry.to)
        .field("policy", &entry.policy)
        .field("note", &entry.note)
        .field("run", &entry.run)
        .field("report", &entry.report)
}
