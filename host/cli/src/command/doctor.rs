//! `host doctor`.

mod finding;
mod folder;
mod ports;
mod service;
mod toolchain;

use std::net::SocketAddr;

use clap::Args;
use host_sandbox::CONTRACT_VERSION;

use self::finding::{Finding, Status};
use crate::{
    exit::Reported,
    output::{Output, json::Object},
    settings::{connection::ConnectionArgs, data_dir::DataDirArgs, embedded, page::PageArgs},
};

/// Says whether this machine has what a host and its users need, and what to do about what it lacks.
///
/// Looks at the Rust toolchain, the limit of open files, the data folder, its free space and how fast its disk syncs, the ports,
/// and the service that flags, variables or the profile name. Changes nothing. The exit code is 1 when something failed; warnings
/// leave it 0.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host doctor
  host doctor --data-dir /var/lib/workflow-host --listen 0.0.0.0:7233
  host doctor --profile cloud
  host doctor --output json | jq '.checks[] | select(.status != \"OK\")'")]
pub(crate) struct Doctor {
    #[command(flatten)]
    data_dir: DataDirArgs,
    /// Address on which `host run` or `host server` is to listen; looked at where no service is named.
    #[arg(long, value_name = "HOST:PORT", default_value_t = embedded::DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Address on which metrics are to be served.
    #[arg(long, value_name = "HOST:PORT", env = "HOST_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl Doctor {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        self.page.check()?;
        let mut report = Report { output, findings: Vec::new() };
        let versions = format!("{}, contract {CONTRACT_VERSION}", env!("CARGO_PKG_VERSION"));
        report.add(Finding::ok("host", versions))?;
        for finding in toolchain::look().await {
            report.add(finding)?;
        }
        report.add(folder::open_files())?;
        let folder = self.data_dir.path()?;
        // Syncs block the thread.
        for finding in tokio::task::spawn_blocking(move || folder::look(&folder)).await? {
            report.add(finding)?;
        }
        // A host for another service has none of its own; what is wrong with the profile is told further down.
        if let Ok(None) = self.connection.names_service() {
            report.add(ports::listen(self.listen).await)?;
        }
        if let Some(address) = self.page.address_of_page() {
            report.add(ports::page(address))?;
        }
        if let Some(address) = self.metrics_listen {
            report.add(ports::metrics(address))?;
        }
        for finding in service::look(&self.connection).await {
            report.add(finding)?;
        }
        report.finish()
    }
}

/// The findings, which are printed as they come where people read them.
struct Report {
    output: Output,
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, finding: Finding) -> anyhow::Result<()> {
        if self.output.is_text() {
            self.output.line(finding.line())?;
        }
        self.findings.push(finding);
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        let status = self.findings.iter().map(|finding| finding.status).max().unwrap_or(Status::Ok);
        if !self.output.is_text() {
            let checks: Vec<String> = self.findings.iter().map(Finding::json).collect();
            let checks = format!("[{}]", checks.join(","));
            self.output.object(Object::new().field("status", status.json()).raw("checks", &checks))?;
        }
        if status == Status::Failed { Err(Reported.into()) } else { Ok(()) }
    }
}
