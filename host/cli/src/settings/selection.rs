//! Arguments that name one workflow, or all that a filter selects.

use clap::Args;

use crate::settings::execution::ExecutionArgs;

/// One workflow, or all that a list filter selects.
#[derive(Args, Clone, Debug)]
pub(crate) struct SelectionArgs {
    /// Workflow id.
    #[arg(short, long, alias = "id", value_name = "ID", required_unless_present = "query")]
    workflow_id: Option<String>,
    /// Run id; the current run if left out.
    #[arg(short, long, value_name = "ID", conflicts_with = "query")]
    run_id: Option<String>,
    #[command(flatten)]
    many: ManyArgs,
}

/// All workflows that a list filter selects.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Many workflows")]
pub(crate) struct ManyArgs {
    /// All workflows that this list filter selects, by a batch operation.
    #[arg(short, long, value_name = "FILTER", conflicts_with = "workflow_id")]
    pub(crate) query: Option<String>,
    /// Do not ask before the batch operation starts.
    #[arg(short, long, conflicts_with = "workflow_id")]
    pub(crate) yes: bool,
    /// Most operations per second; the service has a limit of its own.
    #[arg(long, value_name = "NUMBER", conflicts_with = "workflow_id")]
    pub(crate) rps: Option<f32>,
}

/// What was named.
#[derive(Debug)]
pub(crate) enum Selection {
    One(ExecutionArgs),
    Many(Many),
}

/// Workflows that a filter selects, and how they are gone through.
#[derive(Debug)]
pub(crate) struct Many {
    pub(crate) query: String,
    /// Whether nothing is asked.
    pub(crate) yes: bool,
    /// Most operations per second, if the user gave a number.
    pub(crate) rps: Option<f32>,
}

impl From<SelectionArgs> for Selection {
    fn from(arguments: SelectionArgs) -> Self {
        let SelectionArgs { workflow_id, run_id, many: ManyArgs { query, yes, rps } } = arguments;
        match query {
            Some(query) => Self::Many(Many { query, yes, rps }),
            // One of both is required.
            None => Self::One(ExecutionArgs { workflow_id: workflow_id.unwrap_or_default(), run_id }),
        }
    }
}
