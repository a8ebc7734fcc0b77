//! `host modules prune`.

use anyhow::bail;
use clap::Args;
use host_worker::control::{Reply, Request};

use super::host::{OTHER_ANSWER, RunningHost};
use crate::{
    exit::Reported,
    output::{Output, card::Table, json::Object},
    settings::data_dir::DataDirArgs,
};

/// Removes modules that nothing needs from the data folder of a running host.
///
/// A module that serves, is tried, or has open runs stays. One that only closed runs within the retention were executed by
/// stays as well, for their queries and resets, unless --force. `host modules list` shows what each is needed for.
///
/// The exit code is 1 when a module that was named stays.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules prune
  host modules prune 5f3a9c --force")]
pub(crate) struct Prune {
    /// The first digits of digests; all modules without one.
    #[arg(value_name = "DIGEST")]
    digests: Vec<String>,
    /// Remove also what only closed runs need.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl Prune {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let Self { digests, force, data_dir } = self;
        let names_some = !digests.is_empty();
        let host = RunningHost::needed(&data_dir).await?;
        let Reply::Pruned { removed, kept } = host.ask(&Request::Prune { digests, force }, output).await?
        else {
            bail!(OTHER_ANSWER);
        };
        if output.is_text() {
            let mut table = Table::new(["Digest", "Pruned", "Needed"]);
            for digest in &removed {
                table.push([digest.clone(), "yes".to_owned(), String::new()]);
            }
            for module in &kept {
                table.push([module.digest.clone(), "no".to_owned(), module.needed.join("; ")]);
            }
            output.lines(table.text())?;
        } else {
            for digest in &removed {
                output.object(Object::new().field("digest", digest).field("pruned", true))?;
            }
            for module in &kept {
                let object = Object::new().field("digest", &module.digest).field("pruned", false);
                output.object(object.field("needed", &module.needed))?;
            }
        }
        if names_some && !kept.is_empty() { Err(Reported.into()) } else { Ok(()) }
    }
}
