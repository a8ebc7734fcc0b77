//! Temporal's Rust SDK as one engine of the benchmark.

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use oracle::native::{Chain, Fan, Hello};
use prost::Message;
use temporalio_client::WorkflowHistory;
use temporalio_protos::temporal::api::history::v1::History;
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};
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
