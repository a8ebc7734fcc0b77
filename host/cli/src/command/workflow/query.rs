//! `host workflow query`.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use guest_sdk_types::{RawValue, UntypedQuery, UntypedWorkflow};
use host_client::{QueryOptions, WorkflowHandle};
use host_wire::temporal::api::{enums::v1::QueryRejectCondition, workflowservice::v1::QueryWorkflowResponse};

use super::outcome;
use crate::{
    output::{Output, Payloads},
    settings::{connection::ConnectionArgs, execution::ExecutionArgs, input::InputArgs},
};

/// Asks a workflow for something, open or closed. A worker answers, so one must run.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host workflow query --workflow-id order-17 --name status")]
pub(crate) struct Query {
    #[command(flatten)]
    execution: ExecutionArgs,
    /// Name of the query.
    #[arg(long, alias = "type", value_name = "NAME")]
    name: String,
    #[command(flatten)]
    input: InputArgs,
    /// Fail instead of asking a workflow in this state.
    #[arg(long, value_name = "CONDITION")]
    reject_condition: Option<Reject>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
#[value(rename_all = "snake_case")]
pub(super) enum Reject {
    /// It is closed.
    NotOpen,
    /// It is closed, and neither completed nor continued as new.
    NotCompletedCleanly,
}

impl Query {
    pub(super) async fn run(self, connection: &ConnectionArgs, output: Output) -> anyhow::Result<()> {
        let input = self.input.payloads()?;
        let client = connection.connect().await?;
        let handle = self.execution.handle(&client);
        print(ask(&handle, &self.name, input, self.reject_condition).await?, output)
    }
}

pub(super) async fn ask(
    handle: &WorkflowHandle<UntypedWorkflow>,
    name: &str,
    input: RawValue,
    reject: Option<Reject>,
) -> anyhow::Result<RawValue> {
    let options = QueryOptions {
        reject_condition: match reject {
            None => QueryRejectCondition::None,
            Some(Reject::NotOpen) => QueryRejectCondition::NotOpen,
            Some(Reject::NotCompletedCleanly) => QueryRejectCondition::NotCompletedCleanly,
        },
    };
    let answer = handle.query(UntypedQuery::new(name), input, options).await;
    answer.with_context(|| format!("failed to query {name}"))
}

pub(super) fn print(answer: RawValue, output: Output) -> anyhow::Result<()> {
    if output.is_text() {
        return Ok(output.lines(outcome::result_text(answer.0)?)?);
    }
    let response =
        QueryWorkflowResponse { query_result: Some(answer.0.into()), ..QueryWorkflowResponse::default() };
    output.message(&response, Payloads::AsJson)
}
