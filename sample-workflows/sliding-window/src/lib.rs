//! A sliding window: a batch of records, each processed by a child workflow, with a bounded number at once. The batch
//! continues as new after some starts, so that no history grows with the number of records; children outlive the run
//! that started them, and tell the batch by a signal that they are done.

use std::collections::BTreeSet;
use std::time::Duration;

use guest_sdk::{
    ChildWorkflowOptions, ContinueAsNewOptions, ParentClosePolicy, SignalWorkflowOptions,
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, workflow, workflow_methods,
};
use serde::{Deserialize, Serialize};

/// A batch, and how far it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// The number of records.
    pub records: u32,
    /// The number of children at once.
    pub window: usize,
    /// The number of starts in one run.
    pub starts_per_run: u32,
    /// The first record that was not started yet.
    #[serde(default)]
    pub next: u32,
    /// The records that are being processed.
    #[serde(default)]
    pub running: BTreeSet<u32>,
    /// The number of records that are processed.
    #[serde(default)]
    pub done: u32,
}

/// Processes a batch.
#[workflow]
#[derive(Debug)]
pub struct SlidingWindow {
    batch: Batch,
}

#[workflow_methods]
impl SlidingWindow {
    #[init]
    fn new(_ctx: &WorkflowContextView, batch: Batch) -> Self {
        Self { batch }
    }

    /// Returns the number of records that were processed, over all runs.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        let (records, window) = ctx.state(|state| (state.batch.records, state.batch.window));
        let mut starts = ctx.state(|state| state.batch.starts_per_run);
        loop {
            let record = ctx.state(|state| state.batch.next);
            if record == records {
                break;
            }
            if starts == 0 {
                let batch = ctx.state(|state| state.batch.clone());
                ctx.continue_as_new(batch, ContinueAsNewOptions::default())?;
            }
            starts -= 1;
            ctx.wait_condition(|state| state.batch.running.len() < window).await?;
            // Before the start, because the child may be done before the start is known here.
            ctx.state_mut(|state| {
                state.batch.running.insert(record);
                state.batch.next = record + 1;
            });
            let options = ChildWorkflowOptions::workflow_id(format!("{}/{record}", ctx.workflow_id()))
                .with_parent_close_policy(ParentClosePolicy::Abandon);
            ctx.start_child_workflow(ProcessRecord::run, record, options).await?;
        }
        ctx.wait_condition(|state| state.batch.running.is_empty()).await?;
        Ok(ctx.state(|state| state.batch.done))
    }

    /// A child is done with a record. A signal that comes twice counts once.
    #[signal]
    pub fn processed(&mut self, _ctx: &mut SyncWorkflowContext<Self>, record: u32) {
        if self.batch.running.remove(&record) {
            self.batch.done += 1;
        }
    }

    /// The batch, and how far it is.
    #[query]
    pub fn progress(&self, _ctx: &WorkflowContextView) -> Batch {
        self.batch.clone()
    }
}

/// Processes a record.
#[workflow]
#[derive(Debug, Default)]
pub struct ProcessRecord;

#[workflow_methods]
impl ProcessRecord {
    /// Takes up to a second.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, record: u32) -> WorkflowResult<()> {
        let millis = ctx.random::<u64>() % 1_000;
        ctx.timer(Duration::from_millis(millis)).await;
        if let Some(batch) = ctx.parent() {
            // Without a run id: the batch may have continued as new meanwhile.
            let batch = ctx.external_workflow(&batch.workflow_id, None);
            batch.signal(SlidingWindow::processed, record, SignalWorkflowOptions::default()).await?;
        }
        Ok(())
    }
}

guest_sdk::export!(SlidingWindow, ProcessRecord);
