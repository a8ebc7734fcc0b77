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
#[derive(Debug)]
pub(crate) struct LocalActivities {
    /// By sequence number. Dropping a sender stops the activity.
    running: HashMap<u32, watch::Sender<Stop>>,
    /// Asked for while the run answered a query on its own, which starts none.
    waiting: Vec<(u32, LocalActivity)>,
    results: mpsc::UnboundedReceiver<LocalActivityResult>,
    report: mpsc::UnboundedSender<LocalActivityResult>,
}

impl LocalActivities {
    pub(crate) fn new() -> Self {
        let (report, results) = mpsc::unbounded_channel();
        Self { running: HashMap::new(), waiting: Vec::new(), results, report }
    }

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

    /// Starts what waits, for a workflow task.
    pub(crate) fn start(&mut self, run: &Arc<LocalRun>) {
        for (seq, activity) in self.waiting.drain(..) {
            let (stop, stopped) = watch::channel(Stop::No);
            let attempts = LocalAttempts::new(seq, activity, Arc::clone(run), stopped);
            let report = self.report.clone();
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
        let result = self.results.recv().await?;
        self.running.remove(&result.seq);
        Some(result)
    }
}
