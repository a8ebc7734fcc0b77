//! An inventory of a folder: activities hash and count every file in the thread pool, and compress it in the
//! process pool. Command-line tools give the same numbers: see [`Report`].

mod activities;
#[cfg(not(target_family = "wasm"))]
mod files;
mod report;

use std::collections::VecDeque;
use std::time::Duration;

pub use activities::InventoryActivities;
use guest_sdk::{
    ActivityExecutionError, ActivityHandle, ActivityOptions, WorkflowContext, WorkflowResult, workflow,
    workflow_methods,
};
pub use report::{Compressed, Counted, Folder, Page, Report};
use sha2::{Digest, Sha256};

/// The number of files in one call of an activity.
const BATCH: usize = 50;

/// The number of names in one page of the list.
const PAGE: usize = 1000;

/// The number of batches that run at once.
const IN_FLIGHT: usize = 200;

/// The workflow.
#[workflow]
#[derive(Debug, Default)]
pub struct Inventory {
    report: Report,
    manifest: Sha256,
}

/// A batch whose activities are running.
struct Batch {
    files: Vec<String>,
    counted: ActivityHandle<Vec<Option<Counted>>>,
    compressed: ActivityHandle<Compressed>,
}

#[workflow_methods]
impl Inventory {
    /// Lists the folder page by page, and runs a limited number of batches at once.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, folder: Option<Folder>) -> WorkflowResult<Report> {
        let folder = folder.unwrap_or_default();
        let mut in_flight = VecDeque::new();
        let mut after = String::new();
        loop {
            let list = (folder.clone(), after, PAGE);
            let page = ctx.execute_activity(InventoryActivities::list_files, list, minutes(5)).await?;
            ctx.state_mut(|state| state.report.left_out += page.left_out);
            after = page.files.last().cloned().unwrap_or_default();
            for files in page.files.chunks(BATCH) {
                if in_flight.len() * 2 >= IN_FLIGHT
                    && let Some(batch) = in_flight.pop_front()
                {
                    Self::add(ctx, batch).await?;
                }
                in_flight.push_back(Self::begin(ctx, &folder, files));
            }
            if page.last {
                break;
            }
        }
        for batch in in_flight {
            Self::add(ctx, batch).await?;
        }
        Ok(ctx.state_mut(|state| {
            state.report.manifest_sha256 = format!("{:x}", state.manifest.finalize_reset());
            state.report.clone()
        }))
    }

    /// The counts so far.
    #[query]
    pub fn report(&self, _ctx: &guest_sdk::WorkflowContextView) -> Report {
        self.report.clone()
    }
}

impl Inventory {
    fn begin(ctx: &WorkflowContext<Self>, folder: &Folder, files: &[String]) -> Batch {
        let work = (folder.clone(), files.to_vec());
        Batch {
            counted: ctx.start_activity(InventoryActivities::count_files, work.clone(), minutes(10)),
            compressed: ctx.start_activity(InventoryActivities::compress_files, work, minutes(10)),
            files: files.to_vec(),
        }
    }

    async fn add(ctx: &WorkflowContext<Self>, batch: Batch) -> Result<(), ActivityExecutionError> {
        let (counted, compressed) = (batch.counted.await?, batch.compressed.await?);
        ctx.state_mut(|state| {
            for (file, counted) in batch.files.iter().zip(counted) {
                let Some(counted) = counted else {
                    state.report.left_out += 1;
                    continue;
                };
                state.manifest.update(format!("{}  {file}\n", counted.sha256));
                state.report.files += 1;
                state.report.bytes += counted.bytes;
                state.report.lines += counted.lines;
            }
            state.report.compressed.deflate_1_bytes += compressed.deflate_1_bytes;
            state.report.compressed.deflate_9_bytes += compressed.deflate_9_bytes;
        });
        Ok(())
    }
}

fn minutes(count: u64) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(60 * count))
        .heartbeat_timeout(Duration::from_secs(30))
        .build()
}

guest_sdk::export!(Inventory);
