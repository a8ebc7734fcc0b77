//! `host modules swap`, `host modules rollback` and `host modules promote`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use host_worker::{
    control::{Reply, Request},
    modules::policy::SwapPolicy,
};

use super::{
    check::SelectionArgs,
    host::{OTHER_ANSWER, RunningHost, target},
    report::{Checked, Printer},
};
use crate::{exit::Reported, output::Output, settings::data_dir::DataDirArgs};

/// Has a module take the new runs of its workflow types in the host that runs on the data folder.
///
/// Open runs stay on their module (`pin`), or move at their next task where the module replays them (`upgrade`); with
/// `require` nothing happens unless every open run agrees with the module. The host remembers it until the module's file
/// changes.
///
/// The exit code is 1 when the module was not taken.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules swap orders.wasm
  host modules swap orders.wasm --policy require --data-dir /srv/host
  host modules swap 5f3a9c")]
pub(crate) struct Swap {
    /// Module file, or the first digits of the digest of a module that was admitted.
    #[arg(value_name = "PATH|DIGEST")]
    module: String,
    #[command(flatten)]
    terms: TermsArgs,
}

/// Has a module that was admitted before take the new runs of its workflow types again, in the host that runs on the
/// data folder.
///
/// As `host modules swap`, with the same policies. Without a digest it is the module that served before the last swap.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules rollback
  host modules rollback 5f3a9c --policy upgrade")]
pub(crate) struct Rollback {
    /// The first digits of the digest of a module that was admitted.
    #[arg(value_name = "DIGEST")]
    digest: Option<String>,
    #[command(flatten)]
    terms: TermsArgs,
}

/// Has the canary, or without one the shadow, take all new runs of its workflow types, in the host that runs on the data
/// folder.
///
/// As `host modules swap`, with the same policies and checks; without --policy it is that of `host modules canary start`.
/// When it is refused, the canary or shadow goes on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules promote
  host modules promote --policy upgrade")]
pub(crate) struct Promote {
    #[command(flatten)]
    terms: TermsArgs,
}

#[derive(Args, Clone, Debug)]
struct TermsArgs {
    /// What becomes of open runs: pin, upgrade or require [default: that of the host, --swap-policy].
    #[arg(long, value_name = "POLICY")]
    policy: Option<SwapPolicy>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl Swap {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let Self { module, terms } = self;
        let path = PathBuf::from(&module);
        let target = target(&module)?;
        let (policy, selection) = (terms.policy, terms.selection.selection());
        swap(&terms, &Request::Swap { target, policy, selection }, path, output).await
    }
}

impl Rollback {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let Self { digest, terms } = self;
        let name = PathBuf::from(digest.clone().unwrap_or_else(|| "the module before".to_owned()));
        let (policy, selection) = (terms.policy, terms.selection.selection());
        swap(&terms, &Request::Rollback { to: digest, policy, selection }, name, output).await
    }
}

impl Promote {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let Self { terms } = self;
        let (policy, selection) = (terms.policy, terms.selection.selection());
        swap(&terms, &Request::Promote { policy, selection }, "the candidate".into(), output).await
    }
}

async fn swap(terms: &TermsArgs, request: &Request, name: PathBuf, output: Output) -> anyhow::Result<()> {
    let host = RunningHost::needed(&terms.data_dir).await?;
    let Reply::Swapped(outcome) = host.ask(request, output).await? else {
        bail!(OTHER_ANSWER);
    };
    let mut printer = Printer::new(output);
    printer.print(&Checked::swapped(name, outcome))?;
    if printer.finish()? { Ok(()) } else { Err(Reported.into()) }
}
