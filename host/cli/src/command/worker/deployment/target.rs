//! Which deployment, which version, and whether a change of it is asked for.

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use host_client::{Client, RpcError};
use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion,
    workflowservice::v1::{DescribeWorkerDeploymentRequest, DescribeWorkerDeploymentResponse},
};
use tonic::{Code, Request, Status};

use super::show::card;
use crate::output::{
    Output,
    question::{ask, is_yes},
};

/// A deployment.
#[derive(Args, Debug)]
pub(super) struct Name {
    /// Name of the deployment.
    #[arg(short = 'd', long, value_name = "NAME")]
    pub(super) name: String,
}

/// A version of a deployment.
#[derive(Args, Debug)]
pub(super) struct Version {
    /// Name of the deployment.
    #[arg(long, value_name = "NAME")]
    pub(super) deployment_name: String,
    /// Build id of the version.
    #[arg(long, value_name = "ID")]
    pub(super) build_id: String,
}

impl From<Version> for WorkerDeploymentVersion {
    fn from(version: Version) -> Self {
        Self { deployment_name: version.deployment_name, build_id: version.build_id }
    }
}

/// The version that is to get workflows.
#[derive(Args, Debug)]
pub(super) struct Target {
    /// Name of the deployment.
    #[arg(long, value_name = "NAME")]
    pub(super) deployment_name: String,
    /// Build id of the version.
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    pub(super) build_id: String,
    /// Workers without a version, instead of a build id.
    #[arg(long, conflicts_with = "build_id")]
    pub(super) unversioned: bool,
    /// Also where no worker of the version polls. A version that is not known yet comes to be.
    #[arg(long)]
    pub(super) allow_no_pollers: bool,
    /// Also where the version has no workers on a task queue that the current one has.
    #[arg(long)]
    pub(super) ignore_missing_task_queues: bool,
    #[command(flatten)]
    pub(super) consent: Consent,
}

/// Whether a change is asked for.
#[derive(Args, Debug)]
pub(super) struct Consent {
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

impl Consent {
    /// Shows the deployment as it is and asks whether to change it, unless that is given; answers the conflict token of
    /// what was shown.
    ///
    /// # Errors
    ///
    /// When the answer is not yes, nothing can be asked, or the service does not answer.
    pub(super) async fn ask(
        &self,
        client: &Client,
        deployment: &str,
        change: &str,
        output: Output,
    ) -> anyhow::Result<Bytes> {
        if self.yes {
            return Ok(Bytes::new());
        }
        let conflict_token = match describe(client, deployment.to_owned()).await {
            Ok(described) => {
                output.notes(card(&described.worker_deployment_info.unwrap_or_default()).text());
                described.conflict_token
            }
            // The change says so, or has it come to be.
            Err(status) if status.code() == Code::NotFound => Bytes::new(),
            Err(status) => return Err(RpcError::from(status)).context("failed to describe the deployment"),
        };
        if is_yes(&ask(&format!("{change}? y/N "), output).await?) {
            return Ok(conflict_token);
        }
        anyhow::bail!("nothing was changed: the answer was not yes (--yes changes without asking)")
    }
}

/// A deployment as it is.
///
/// # Errors
///
/// When there is none, or the service does not answer.
pub(super) async fn describe(
    client: &Client,
    deployment_name: String,
) -> Result<DescribeWorkerDeploymentResponse, Status> {
    let request =
        DescribeWorkerDeploymentRequest { namespace: client.namespace().to_owned(), deployment_name };
    Ok(client.service().describe_worker_deployment(Request::new(request)).await?.into_inner())
}
