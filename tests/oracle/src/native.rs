//! The benchmarks' workflows on Temporal's Rust SDK. `guest` has the same ones on ours.

use std::time::Duration;

use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError, activities},
    workflows::{join_all, workflow, workflow_methods},
};

/// What an activity takes and gives back.
const TEXT_BYTES: usize = 100;

fn options() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(10))
}

/// One activity.
#[workflow]
#[derive(Default)]
pub struct Hello;

#[workflow_methods]
impl Hello {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, text: String) -> WorkflowResult<String> {
        Ok(ctx.execute_activity(Echo::echo, text, options()).await?)
    }
}

/// Activities one after another.
#[workflow]
#[derive(Default)]
pub struct Chain;

#[workflow_methods]
impl Chain {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, count: u32) -> WorkflowResult<String> {
        let mut text = "x".repeat(TEXT_BYTES);
        for _ in 0..count {
            text = ctx.execute_activity(Echo::echo, text, options()).await?;
        }
        Ok(text)
    }
}

/// Activities at once.
#[workflow]
#[derive(Default)]
pub struct Fan;

#[workflow_methods]
impl Fan {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, count: u32) -> WorkflowResult<usize> {
        let text = "x".repeat(TEXT_BYTES);
        let texts: Vec<_> =
            (0..count).map(|_| ctx.execute_activity(Echo::echo, text.clone(), options())).collect();
        let mut bytes = 0;
        for text in join_all(texts).await {
            bytes += text?.len();
        }
        Ok(bytes)
    }
}

/// What the workflows ask for.
pub struct Echo;

#[activities]
impl Echo {
    #[activity(name = "echo")]
    pub async fn echo(_ctx: ActivityContext, text: String) -> Result<String, ActivityError> {
        Ok(text)
    }
}
