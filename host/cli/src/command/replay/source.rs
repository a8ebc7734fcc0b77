//! Where histories come from: files, and runs of a service.

use std::path::PathBuf;

use anyhow::Context as _;
use guest_sdk_types::UntypedWorkflow;
use host_client::WorkflowHandle;
use host_codec::Chain;
use host_wire::{History, protojson};

use crate::exit::Usage;

/// Source of a history.
pub(super) enum Source {
    File(PathBuf),
    Run(WorkflowHandle<UntypedWorkflow>),
}

impl Source {
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Run(handle) => format!("workflow {}", handle.workflow_id()),
        }
    }

    /// The history, with payloads that `codecs` have decoded.
    pub(super) async fn history(&self, codecs: &Chain) -> anyhow::Result<History> {
        match self {
            Self::File(path) => {
                let history = protojson::read_history(std::fs::read(path)?.into())?;
                Ok(codecs.decode_history(history).await?)
            }
            // The client has decoded it.
            Self::Run(handle) => Ok(handle.fetch_history().await?),
        }
    }
}

/// The history files of the paths. A file that is not a history becomes a line of the report.
pub(super) fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
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
