//! `host workflow update result`.

use anyhow::Context as _;
use clap::Args;
use guest_sdk_types::UntypedUpdate;
use host_client::Error;

use crate::{
    exit::Reported,
    output::{Output, json::Object},
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Waits for an update that was sent before, and prints its result.
///
/// The exit code is 1, and JSON has the failure, when the workflow rejected or failed the update.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow update result --workflow-id order-17 --update-id pack-1")]
pub(super) struct ShowResult {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Update id.
    #[arg(long, value_name = "ID")]
    update_id: String,
}

impl ShowResult {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let handle = self.execution.handle(&client);
        let result = handle.update_handle::<UntypedUpdate>(self.update_id.as_str()).result().await;
        let object = Object::new().field("updateId", &self.update_id);
        if let Err(Error::Update(failed)) = &result
            && !output.is_text()
        {
            output.object(object.raw("failure", &super::failure_json(*failed.clone())?))?;
            return Err(Reported.into());
        }
        super::print(result, object, output)
            .with_context(|| format!("failed to get the result of update {}", self.update_id))
    }
}
