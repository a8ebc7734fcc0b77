//! `host modules shadow …`.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use host_worker::{
    control::{CandidateReport, Reply, Request},
    shadow::ShadowReport,
};

use super::{
    host::{OTHER_ANSWER, RunningHost, target},
    report::{Checked, Printer},
};
use crate::{exit::Reported, output::Output, settings::data_dir::DataDirArgs};

/// Has a module replay what live runs do, as they do it. What it would have done otherwise is reported, and thrown away.
#[derive(Args, Debug)]
pub(crate) struct ShadowArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Start(Start),
    Status(Status),
    Stop(Stop),
}

/// Has a module follow the live runs of its workflow types in the host that runs on the data folder.
///
/// After each workflow task its run is replayed on the module as well, in the background: live runs never wait for it, and
/// what finds no room is dropped, counted, and fetched again later. It ends with `host modules shadow stop`, `host modules
/// promote`, or the host.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules shadow start orders.wasm
  host modules shadow status
  host modules promote --policy upgrade")]
struct Start {
    /// Module file, or the first digits of the digest of a module that was admitted.
    #[arg(value_name = "PATH|DIGEST")]
    module: String,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

/// Prints what the shadow of the host that runs on the data folder has found out so far.
///
/// Runs that it followed to their end agree; those that differ are printed with the event and the line of its source. The
/// exit code is 1 when a run does not agree.
#[derive(Args, Debug)]
struct Status {
    #[command(flatten)]
    data_dir: DataDirArgs,
}

/// Ends the shadow of the host that runs on the data folder, and prints what it has found out. Exit codes as for `status`.
#[derive(Args, Debug)]
struct Stop {
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl ShadowArgs {
    /// Whether the command can print JUnit's XML.
    pub(super) fn prints_junit(&self) -> bool {
        match self.command {
            Command::Status(_) | Command::Stop(_) => true,
            Command::Start(_) => false,
        }
    }

    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let (request, data_dir) = match self.command {
            Command::Start(Start { module, data_dir }) => {
                (Request::StartShadow { target: target(&module)? }, data_dir)
            }
            Command::Status(Status { data_dir }) => (Request::Shadow, data_dir),
            Command::Stop(Stop { data_dir }) => (Request::StopShadow, data_dir),
        };
        let host = RunningHost::needed(&data_dir).await?;
        let Reply::Shadow { shadow } = host.ask(&request, output).await? else { bail!(OTHER_ANSWER) };
        let Some(shadow) = shadow else {
            output.note("There is no shadow.");
            return Ok(());
        };
        let ShadowReport { digest, file, workflow_types, tasks, dropped, report, .. } = *shadow;
        output.note(format!("{tasks} workflow tasks were followed, {dropped} found no room."));
        let mut printer = Printer::new(output);
        printer.print(&Checked::by_host(
            PathBuf::from(file),
            CandidateReport { digest, workflow_types, report },
        ))?;
        if printer.finish()? { Ok(()) } else { Err(Reported.into()) }
    }
}
