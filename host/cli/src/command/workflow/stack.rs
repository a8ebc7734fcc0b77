//! `host workflow stack` and `host workflow metadata`: the queries that every workflow answers.

use clap::Args;
use guest_sdk_types::RawValue;

use super::query::{self, Reject};
use crate::{
    output::Output,
    settings::{connection::ConnectionArgs, execution::ExecutionArgs},
};

/// Shows where a workflow asked for each operation that it waits for: the functions of its code, with files and lines.
/// A worker answers, so one must run.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow stack --workflow-id order-17")]
pub(crate) struct Stack {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Fail instead of asking a workflow in this state.
    #[arg(long, value_name = "CONDITION")]
    reject_condition: Option<Reject>,
}

/// Shows the signals, queries and updates that a workflow handles, and its current details. A worker answers, so one
/// must run.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow metadata --workflow-id order-17")]
pub(crate) struct Metadata {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Fail instead of asking a workflow in this state.
    #[arg(long, value_name = "CONDITION")]
    reject_condition: Option<Reject>,
}

impl Stack {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let handle = self.execution.handle(&client);
        let answer =
            query::ask(&handle, "__stack_trace", RawValue(Vec::new()), self.reject_condition).await?;
        if output.is_text()
            && let Ok(stack) = answer.to_value::<String>()
        {
            return Ok(output.lines(stack)?);
        }
        query::print(answer, output)
    }
}

impl Metadata {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let client = connection.connect().await?;
        let handle = self.execution.handle(&client);
        let query = "__temporal_workflow_metadata";
        query::print(query::ask(&handle, query, RawValue(Vec::new()), self.reject_condition).await?, output)
    }
}
