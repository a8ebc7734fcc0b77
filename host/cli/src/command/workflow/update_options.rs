//! `host workflow update-options`.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use host_client::RpcError;
use host_wire::temporal::api::{
    batch::v1::BatchOperationUpdateWorkflowExecutionOptions,
    common::v1::WorkflowExecution,
    deployment::v1::WorkerDeploymentVersion,
    workflow::v1::{
        VersioningOverride, WorkflowExecutionOptions,
        versioning_override::{Override, PinnedOverride, PinnedOverrideBehavior},
    },
    workflowservice::v1::{UpdateWorkflowExecutionOptionsRequest, start_batch_operation_request::Operation},
};
use prost_types::FieldMask;
use tonic::Request;

use crate::{
    command::batch::start::start,
    exit::Usage,
    output::{Output, Payloads},
    settings::{
        connection::ConnectionArgs,
        selection::{Selection, SelectionArgs},
    },
};

/// Overrides the versioning behavior of an open workflow, or of all that a filter selects.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow update-options --workflow-id order-17 --versioning-override-behavior auto_upgrade
  host workflow update-options --workflow-id order-17 --versioning-override-behavior unspecified")]
pub(crate) struct UpdateOptions {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Why the batch operation is done.
    #[arg(long, value_name = "TEXT", conflicts_with = "workflow_id")]
    reason: Option<String>,
    /// The behavior; `unspecified` removes the override.
    #[arg(long, value_name = "BEHAVIOR", ignore_case = true)]
    versioning_override_behavior: Behavior,
    /// Deployment of the version to which the workflow is pinned.
    #[arg(long, value_name = "NAME")]
    versioning_override_deployment_name: Option<String>,
    /// Build id of the version to which the workflow is pinned.
    #[arg(long, value_name = "ID")]
    versioning_override_build_id: Option<String>,
}

/// Versioning behaviors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Behavior {
    #[value(name = "unspecified")]
    Unspecified,
    #[value(name = "pinned")]
    Pinned,
    #[value(name = "auto_upgrade")]
    AutoUpgrade,
}

impl UpdateOptions {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let versioning_override = self.versioning_override()?;
        let client = connection.connect().await?;
        let identity = client.identity().to_owned();
        let workflow_execution_options =
            Some(WorkflowExecutionOptions { versioning_override, ..WorkflowExecutionOptions::default() });
        let update_mask = Some(FieldMask { paths: vec!["versioning_override".to_owned()] });
        let execution = match self.selection.into() {
            Selection::One(execution) => execution,
            Selection::Many(many) => {
                let operation = BatchOperationUpdateWorkflowExecutionOptions {
                    identity,
                    workflow_execution_options,
                    update_mask,
                };
                let operation = Operation::UpdateWorkflowOptionsOperation(operation);
                return start(&client, many, self.reason, operation, output).await;
            }
        };
        let request = UpdateWorkflowExecutionOptionsRequest {
            namespace: client.namespace().to_owned(),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: execution.workflow_id,
                run_id: execution.run_id.unwrap_or_default(),
            }),
            workflow_execution_options,
            update_mask,
            identity,
        };
        let answer = client.service().update_workflow_execution_options(Request::new(request)).await;
        let answer =
            answer.map_err(RpcError::from).context("failed to change the options of the workflow")?;
        if output.is_text() {
            output.line("Update workflow options succeeded")?;
        } else {
            output.message(&answer.into_inner(), Payloads::AsJson)?;
        }
        Ok(())
    }

    fn versioning_override(&self) -> Result<Option<VersioningOverride>, Usage> {
        let version = (&self.versioning_override_deployment_name, &self.versioning_override_build_id);
        let given = match (self.versioning_override_behavior, version) {
            (Behavior::Unspecified, (None, None)) => return Ok(None),
            (Behavior::AutoUpgrade, (None, None)) => Override::AutoUpgrade(true),
            (Behavior::Pinned, (Some(deployment_name), Some(build_id))) => Override::Pinned(PinnedOverride {
                behavior: PinnedOverrideBehavior::Pinned.into(),
                version: Some(WorkerDeploymentVersion {
                    build_id: build_id.clone(),
                    deployment_name: deployment_name.clone(),
                }),
            }),
            (Behavior::Pinned, _) => {
                let needed = "--versioning-override-deployment-name and --versioning-override-build-id";
                return Err(Usage(format!("pinned needs {needed}")));
            }
            (_, _) => return Err(Usage("only pinned takes a deployment name and a build id".to_owned())),
        };
        Ok(Some(VersioningOverride { r#override: Some(given), ..VersioningOverride::default() }))
    }
}
