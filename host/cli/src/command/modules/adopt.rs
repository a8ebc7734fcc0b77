//! `host modules adopt`.

use clap::Args;
use host_worker::control::Request;

use super::host::RunningHost;
use crate::{output::Output, settings::data_dir::DataDirArgs};

/// Lets the open runs of one module move to another: each at its next workflow task, if the other module replays it and
/// completes that task. The others stay where they are.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules adopt --from 5f3a9c --to 77e01b")]
pub(crate) struct Adopt {
    /// The first digits of the digest of the module that the runs are on; all of them if it was never here.
    #[arg(long, value_name = "DIGEST")]
    from: String,
    /// The first digits of the digest of the module that they may move to.
    #[arg(long, value_name = "DIGEST")]
    to: String,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl Adopt {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let Self { from, to, data_dir } = self;
        let host = RunningHost::needed(&data_dir).await?;
        host.ask(&Request::Adopt { from, to }, output).await?;
        output.note("Open runs move at their next workflow task, where the module replays them.");
        Ok(())
    }
}
