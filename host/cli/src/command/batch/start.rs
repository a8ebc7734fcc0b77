//! Starts a batch operation, for `--query` of other commands.

use anyhow::Context as _;
use host_client::{Client, RpcError};
use host_wire::temporal::api::workflowservice::v1::{
    CountWorkflowExecutionsRequest, StartBatchOperationRequest, start_batch_operation_request::Operation,
};
use tonic::Request;
use uuid::Uuid;

use crate::{
    output::{
        Output,
        json::Object,
        question::{ask, is_yes},
    },
    settings::{reason::default_reason, selection::Many},
};

/// Asks whether it is meant, and starts the operation. It goes on in the service.
pub(crate) async fn start(
    client: &Client,
    many: Many,
    reason: Option<String>,
    operation: Operation,
    output: Output,
) -> anyhow::Result<()> {
    if !many.yes {
        confirm(client, &many, output).await?;
    }
    let job_id = Uuid::new_v4().to_string();
    let request = StartBatchOperationRequest {
        namespace: client.namespace().to_owned(),
        job_id: job_id.clone(),
        visibility_query: many.query,
        reason: reason.filter(|reason| !reason.is_empty()).unwrap_or_else(default_reason),
        max_operations_per_second: many.rps.unwrap_or_default(),
        operation: Some(operation),
        ..StartBatchOperationRequest::default()
    };
    let answer = client.service().start_batch_operation(Request::new(request)).await;
    answer.map_err(RpcError::from).context("failed to start the batch operation")?;
    if output.is_text() {
        output.line(format!("Started batch for job ID: {job_id}"))?;
    } else {
        output.object(Object::new().field("batchJobId", job_id))?;
    }
    Ok(())
}

async fn confirm(client: &Client, many: &Many, output: Output) -> anyhow::Result<()> {
    let question = if output.is_text() {
        let request = CountWorkflowExecutionsRequest {
            namespace: client.namespace().to_owned(),
            query: many.query.clone(),
        };
        let answer = client.service().count_workflow_executions(Request::new(request)).await;
        let answer = answer.map_err(RpcError::from).context("failed to count the workflows")?;
        format!("Start batch against approximately {} workflow(s)? y/N ", answer.get_ref().count)
    } else {
        // Nothing is asked.
        String::new()
    };
    if is_yes(&ask(&question, output).await?) {
        return Ok(());
    }
    Err(anyhow::anyhow!("nothing was started: the answer was not yes (--yes starts without asking)"))
}
