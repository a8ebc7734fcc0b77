//! `host workflow download`.

use std::{
    fs, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use host_client::{ListOptions, UntypedWorkflow};
use host_wire::temporal::api::common::v1::WorkflowExecution;

use crate::{
    exit::Reported,
    output::{Output, Payloads, json::Object, progress::Progress},
    settings::connection::ConnectionArgs,
};

/// Bytes of a workflow id in a file name; of a longer one the rest is left out. File systems take 255 for a name.
const MAX_ID_BYTES: usize = 180;

/// Saves the histories of workflows in a folder, each in a file: as `host workflow show --output json` prints them, and
/// `host replay` and replay tests read them.
///
/// A file is named for workflow id and run id, and replaced if it is there. The exit code is 1 when a history could not be
/// fetched.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow download 'WorkflowType = \"Orders\"' histories --limit 100
  host workflow download 'ExecutionStatus = \"Running\"' histories && host replay --module orders.wasm histories")]
pub(crate) struct Download {
    /// Which workflows, as a list filter.
    #[arg(value_name = "FILTER")]
    query: String,
    /// The folder; it is made if it is missing.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Save at most this many, those that started last.
    #[arg(long, value_name = "COUNT")]
    limit: Option<NonZeroUsize>,
}

impl Download {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let limit = self.limit.map_or(usize::MAX, NonZeroUsize::get);
        let options = ListOptions { query: self.query.clone(), limit, ..ListOptions::default() };
        let workflows = client.list_workflows(options).await.context("failed to list workflows")?;
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("failed to make folder {}", self.folder.display()))?;
        let mut progress = Progress::new(output, "histories");
        progress.begin(u64::try_from(workflows.len()).ok());
        let mut saved = 0;
        let total = workflows.len();
        for execution in workflows.into_iter().filter_map(|workflow| workflow.execution) {
            let WorkflowExecution { workflow_id, run_id } = execution.clone();
            // A run may be deleted after it was listed.
            let handle = client.workflow_handle::<UntypedWorkflow>(workflow_id, Some(run_id));
            match handle.fetch_history().await {
                Ok(history) => {
                    let text = crate::output::message_text(&history, Payloads::Raw)?;
                    let path = self.folder.join(file_name(&execution));
                    write(&path, &text).with_context(|| format!("failed to write {}", path.display()))?;
                    saved += 1;
                    progress.hide();
                    if output.is_text() {
                        output.line(path.display().to_string())?;
                    } else {
                        output.object(object(&execution, &path))?;
                    }
                }
                Err(error) => {
                    progress.hide();
                    output.note(format!("workflow {}: {error}", execution.workflow_id));
                }
            }
            progress.step(saved, &"saved");
        }
        progress.end();
        output.note(format!("{saved} of {total} saved"));
        if usize::try_from(saved) == Ok(total) { Ok(()) } else { Err(Reported.into()) }
    }
}

fn object(execution: &WorkflowExecution, path: &Path) -> Object {
    Object::new()
        .field("workflowId", &execution.workflow_id)
        .field("runId", &execution.run_id)
        .field("path", path.display().to_string())
}

/// Writes a file whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("json.part");
    fs::write(&partial, text)?;
    fs::rename(partial, path)
}

/// Workflow id and run id. A byte that may not be in a file name everywhere is written as in a URL: `%2f`.
fn file_name(execution: &WorkflowExecution) -> String {
    let mut name = String::new();
    for byte in execution.workflow_id.bytes() {
        if name.len() >= MAX_ID_BYTES {
            break;
        }
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if !name.is_empty() => name.push('.'),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    format!("{name}.{}.json", execution.run_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        let check = |workflow_id: &str, expected: &str| {
            let execution = WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id: "r".to_owned() };
            assert_eq!(file_name(&execution), expected);
        };
        check("order-17.a", "order-17.a.r.json");
        check("../etc/passwd", "%2e.%2fetc%2fpasswd.r.json");
        check("ä b", "%c3%a4%20b.r.json");
        check(&"x".repeat(1_000), &format!("{}.r.json", "x".repeat(MAX_ID_BYTES)));
    }
}
