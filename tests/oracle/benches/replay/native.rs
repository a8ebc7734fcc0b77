//! The benchmark's workflows on Temporal's Rust SDK. `guest/src/lib.rs` has the same ones on ours.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use prost::Message;
use temporalio_client::WorkflowHistory;
use temporalio_protos::temporal::api::history::v1::History;
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError, activities},
    workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions},
    workflows::{join_all, workflow, workflow_methods},
};
use tokio::runtime::Runtime;

/// Replays with Temporal's SDK, from the bytes of a history on.
pub struct Native {
    runtime: Runtime,
    replayer: WorkflowReplayer,
}

impl Native {
    /// With all workflows of the benchmark.
    pub fn new() -> Result<Self> {
        let options = WorkflowReplayerOptions::new()
            .register_workflow::<Hello>()?
            .register_workflow::<Chain>()?
            .register_workflow::<Fan>()?
            .build();
        Ok(Self { runtime: Runtime::new()?, replayer: WorkflowReplayer::new(options)? })
    }

    /// Replays a history so many times, all on one worker.
    pub fn replay(&self, history: &Bytes, times: usize) -> Result<()> {
        let histories: Result<Vec<WorkflowHistory>, _> =
            (0..times).map(|_| History::decode(history.clone()).map(WorkflowHistory::from)).collect();
        let results = self.runtime.block_on(self.replayer.replay_workflows(histories?))?;
        match results.into_iter().find_map(|result| result.replay_failure) {
            Some(failure) => Err(anyhow!(failure)).context("the Rust SDK refuses a history"),
            None => Ok(()),
        }
    }
}

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
