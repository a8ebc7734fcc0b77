//! `host server check`.

use anyhow::Context as _;
use clap::Args;

use super::print;
use crate::{
    exit::Reported,
    output::Output,
    settings::{data_dir::DataDirArgs, embedded::FOLDER},
};

/// Reads all of the embedded service's data folder and says what is damaged. No process may use it.
///
/// The exit code is 1 when something is.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host server check
  host server check --data-dir /var/lib/workflow-host --output json")]
pub(super) struct Check {
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl Check {
    pub(super) fn run(self, output: Output) -> anyhow::Result<()> {
        let folder = self.data_dir.path()?.join(FOLDER);
        let problems = host_server::check_folder(&folder).context("failed to check the service's folder")?;
        print(&problems, output)?;
        if problems.is_empty() {
            output.note(format!("{} is sound", folder.display()));
            return Ok(());
        }
        Err(Reported.into())
    }
}
