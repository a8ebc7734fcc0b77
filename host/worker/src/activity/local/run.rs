//! The local activities of one run.

use std::{collections::HashMap, sync::Arc};

use host_activities::Executors;
use host_core::{LocalActivity, LocalActivityRequests, LocalActivityResult};
use tokio::sync::{mpsc, watch};

use super::attempts::{LocalAttempts, Stop};

/// The names in the tasks of a run's local activities, and what executes them.
#[derive(Clone, Debug)]
pub(crate) struct LocalRun {
    pub(crate) namespace: String,
    pub(crate) task_queue: String,
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
    pub(crate) workflow_type: String,
    /// Nothing at a host without activities: then each local activity fails.
    pub(crate) executors: Option<Executors>,
}

/// The local activities of one run. It goes with the run from task to task; dropping it stops them, and their results
/// are lost: the run is replayed, and asks for them again.
#[derive(Debug, Default)]
pub(crate) struct LocalActivities {
    /// By sequence number. Dropping a sender stops the activity.
    running: HashMap<u32, watch::Sender<Stop>>,
    /// Asked for while the run answered a query on its own, which starts none.
    waiting: Vec<(u32, LocalActivity)>,
    /// Made for the first one: most runs have none.
    results: Option<Results>,
}

type Results = (mpsc::UnboundedSender<LocalActivityResult>, mpsc::UnboundedReceiver<LocalActivityResult>);

impl LocalActivities {
    /// Does what the run asks for. What is to be started waits for [`LocalActivities::start`].
    pub(crate) fn request(&mut self, requests: LocalActivityRequests) {
        let LocalActivityRequests { cancel, start, cancel_all } = requests;
        for seq in cancel {
            if let Some(stop) = self.running.get(&seq) {
                stop.send_replace(Stop::Cancel);
            }
        }
        if cancel_all {
            self.running.clear();
        }
        self.waiting.extend(start);
    }

    /// Starts what waits, for a workflow task of `run`.
    pub(crate) fn start(&mut self, run: impl FnOnce() -> LocalRun) {
        if self.waiting.is_empty() {
            return;
        }
        let run = Arc::new(run());
        let (report, _) = self.results.get_or_insert_with(mpsc::unbounded_channel);
        for (seq, activity) in self.waiting.drain(..) {
            let (stop, stopped) = watch::channel(Stop::No);
            let attempts = LocalAttempts::new(seq, activity, Arc::clone(&run), stopped);
            let report = report.clone();
            tokio::spawn(async move {
                if let Some(result) = attempts.run().await {
                    // The run may be gone: then the result is lost.
                    let _ = report.send(result);
                }
            });
            self.running.insert(seq, stop);
        }
    }

    /// Waits until a local activity closes. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<LocalActivityResult> {
        let (_, results) = self.results.as_mut()?;
        let result = results.recv().await?;
        self.running.remove(&result.seq);
        Some(result)
    }
}
