//! The host that runs on a data folder: what the commands ask of it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use host_worker::control::{AskError, ControlClient, Reply, Request, Target};

use crate::{
    exit::Usage,
    output::{Output, progress::Progress},
    settings::data_dir::DataDirArgs,
};

/// The answer is not one to the question.
pub(super) const OTHER_ANSWER: &str = "the host answered something else: is it of another version?";

/// A host that runs.
pub(super) struct RunningHost(ControlClient);

impl RunningHost {
    /// The host that runs on a data folder, if one does.
    pub(super) async fn find(data_dir: &DataDirArgs) -> anyhow::Result<Option<Self>> {
        let Ok(folder) = data_dir.path() else { return Ok(None) };
        Ok(ControlClient::connect(&folder).await?.map(Self))
    }

    /// The same, for commands that nothing else can carry out.
    pub(super) async fn needed(data_dir: &DataDirArgs) -> anyhow::Result<Self> {
        let folder = data_dir.path()?;
        let connected = ControlClient::connect(&folder).await?;
        connected.map(Self).ok_or_else(|| none_runs(&folder).into())
    }

    /// Asks it, and shows how far a check is.
    pub(super) async fn ask(self, request: &Request, output: Output) -> Result<Reply, AskError> {
        let mut progress = Progress::new(output, "open runs");
        let reply = self.0.ask(request, |about, runs| {
            progress.begin(about);
            progress.step(runs.checked(), &runs);
        });
        let reply = reply.await;
        progress.end();
        reply
    }
}

fn none_runs(folder: &Path) -> Usage {
    Usage(format!(
        "no host runs on data folder {}: name the folder of the host with --data-dir, or start one with `host run`",
        folder.display()
    ))
}

/// The module that a file is, or that has a digest with these first digits.
pub(super) fn target(module: &str) -> anyhow::Result<Target> {
    let path = Path::new(module);
    let is_digest = !path.exists() && module.chars().all(|digit| digit.is_ascii_hexdigit());
    Ok(if is_digest { Target::Digest(module.to_owned()) } else { Target::File(absolute(path)?) })
}

/// The path of a file as another process finds it.
pub(super) fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("failed to read the module: {}", path.display()))
}
