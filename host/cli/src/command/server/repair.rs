//! `host server repair`.

use anyhow::Context as _;
use clap::Args;

use super::print;
use crate::{
    output::Output,
    settings::{data_dir::DataDirArgs, embedded::FOLDER},
};

/// Sets aside what is damaged in the embedded service's data folder. No process may use it.
///
/// Damaged workflows leave lists, and their ids can be used again; what is stored of them is moved to the table
/// `set_aside` of `runs.sqlite`, with the reason. Copy the folder before.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host server repair --data-dir /var/lib/workflow-host")]
pub(super) struct Repair {
    #[command(flatten)]
    data_dir: DataDirArgs,
    /// Go on with a log that lost what was acknowledged.
    #[arg(long)]
    accept_loss: bool,
}

impl Repair {
    pub(super) fn run(self, output: Output) -> anyhow::Result<()> {
        let folder = self.data_dir.path()?.join(FOLDER);
        let set_aside = host_server::repair_folder(&folder, self.accept_loss)
            .context("failed to repair the service's folder")?;
        print(&set_aside, output)?;
        output.note(format!("{} problems were set aside", set_aside.len()));
        Ok(())
    }
}
