//! What all pollers of a worker share: how they stop, and where polled tasks go.

use std::{future::Future, sync::Arc, time::Duration};

use host_service::{Backoff, CallFailure};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::outage::Outage;
use crate::{activity::task::PolledActivity, workflow::cached_run::PolledWorkflow};

/// A task, and the slot in which it is worked on.
#[derive(Debug)]
pub(crate) enum PolledTask {
    Workflow(PolledWorkflow),
    Activity(PolledActivity),
}

/// The shared part of a worker's pollers.
#[derive(Clone, Debug)]
pub(crate) struct Polls {
    task_queue: String,
    /// No new polls.
    stop: CancellationToken,
    /// Polls under way are dropped.
    abort: CancellationToken,
    outage: Arc<Outage>,
    tasks: mpsc::Sender<PolledTask>,
}

impl Polls {
    pub(crate) fn new(task_queue: String, tasks: mpsc::Sender<PolledTask>) -> Self {
        Self {
            task_queue,
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            outage: Arc::default(),
            tasks,
        }
    }

    /// No new polls from here on.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Polls under way are dropped, and none follow.
    pub(crate) fn abort(&self) {
        self.stop.cancel();
        self.abort.cancel();
    }

    /// Waits for what a poll needs, unless polling stops first.
    pub(crate) async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            value = wait => Some(value),
        }
    }

    /// Polls once. `None`: nothing came, and the poller may ask again unless polling has stopped.
    pub(crate) async fn poll<T>(
        &self,
        backoff: &mut Backoff,
        poll: impl Future<Output = Result<T, Status>>,
    ) -> Option<T> {
        let answer = tokio::select! {
            biased;
            () = self.abort.cancelled() => return None,
            answer = poll => answer,
        };
        match answer {
            Ok(task) => {
                backoff.reset();
                self.outage.answered(&self.task_queue);
                Some(task)
            }
            // How some services and proxies end an idle poll.
            Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => None,
            Err(status) => {
                self.outage.failed(&self.task_queue, &status);
                let pause: Duration = backoff.next(CallFailure::of(&status));
                self.unless_stopped(sleep(pause)).await;
                None
            }
        }
    }

    /// Hands a task on.
    pub(crate) async fn deliver(&self, task: PolledTask) {
        if self.tasks.send(task).await.is_err() {
            // The worker has ended; the service gives the task out again after its timeout.
            self.abort();
        }
    }
}
