//! Arguments that name an execution.

use clap::Args;
use guest_sdk_types::UntypedWorkflow;
use host_client::{Client, WorkflowHandle};

/// A workflow id and perhaps a run id.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExecutionArgs {
    /// Workflow id.
    #[arg(short, long, alias = "id", value_name = "ID")]
    pub(crate) workflow_id: String,
    /// Run id; the current run if left out.
    #[arg(short, long, value_name = "ID")]
    pub(crate) run_id: Option<String>,
}

impl ExecutionArgs {
    pub(crate) fn handle(&self, client: &Client) -> WorkflowHandle<UntypedWorkflow> {
        client.workflow_handle(self.workflow_id.as_str(), self.run_id.clone())
    }
}
