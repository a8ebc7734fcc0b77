//! Replays one open run on a module, page by page.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use host_core::{RunConfig, Task};
use host_service::WorkflowService;
use host_wire::History;
use tonic::{Code, Status};

use super::{
    runs::OpenRun,
    verdict::{RunVerdict, WhyUnknown},
};
use crate::{
    connection::history_page,
    modules::LoadedModule,
    workflow::{
        Lane, SandboxThreads, WorkError,
        replay::{self, Difference, Stop},
        run::{RunDriver, RunFailure, RunIdentity},
    },
};

/// What every replay of a check uses.
#[derive(Clone)]
pub(crate) struct Replays {
    pub(crate) service: Arc<dyn WorkflowService>,
    pub(crate) namespace: String,
    pub(crate) module: Arc<LoadedModule>,
    pub(crate) threads: Arc<SandboxThreads>,
    pub(crate) lane: Lane,
    /// How many differences were explained.
    pub(crate) explained: Arc<AtomicUsize>,
}

/// Differences whose line in the module's source is looked for: each takes another two replays.
const MAX_EXPLAINED: usize = 100;

/// How far a page of history leads.
pub(crate) enum Replay {
    /// More events are needed.
    Goes(Box<RunDriver>),
    /// The history is at its end.
    Ended,
}

impl Replays {
    /// Replays a run. In memory is one page of its history, and its guest.
    pub(super) async fn verdict(&self, run: &OpenRun) -> RunVerdict {
        let mut driver = Box::new(self.driver(run));
        let mut token = Bytes::new();
        let mut is_first = true;
        loop {
            let page = match history_page(&*self.service, &self.namespace, &run.execution, token).await {
                Ok(page) => page,
                Err(status) => {
                    let why = match status.code() {
                        Code::NotFound => WhyUnknown::Gone,
                        _ => WhyUnknown::Unavailable,
                    };
                    return RunVerdict::unknown(why, status.message());
                }
            };
            token = page.next_page_token;
            let events = page.history.map(History::into_encoded).unwrap_or_default();
            let (begins, is_last) = (is_first, token.is_empty());
            is_first = false;
            let work = move || feed(driver, begins, events, is_last);
            driver = match self.threads.run(self.lane, work).await {
                Ok(Ok(Replay::Goes(driver))) => driver,
                Ok(Ok(Replay::Ended)) => return RunVerdict::Agrees,
                Ok(Err(failure)) => return self.explained(*failure, run).await,
                Err(error) => return unworked(&error),
            };
        }
    }

    /// The verdict of a failed replay, with the line of the module's source where it differs.
    pub(crate) async fn explained(&self, failure: RunFailure, run: &OpenRun) -> RunVerdict {
        let Some(difference) = failure.nondeterminism() else { return failure.into() };
        let mut difference = Difference::from(difference.clone());
        if self.explained.fetch_add(1, Ordering::Relaxed) >= MAX_EXPLAINED {
            return difference.into();
        }
        // What was found out stands, also if the history cannot be had again.
        let Ok(history) = self.history(run).await else { return difference.into() };
        let module = Arc::clone(&self.module);
        let work = move || {
            difference.explain(&module, &history);
            difference
        };
        self.threads.run(self.lane, work).await.map_or_else(|error| unworked(&error), RunVerdict::from)
    }

    async fn history(&self, run: &OpenRun) -> Result<History, Status> {
        let (mut events, mut token) = (Vec::new(), Bytes::new());
        loop {
            let page = history_page(&*self.service, &self.namespace, &run.execution, token).await?;
            events.extend(page.history.map(History::into_encoded).unwrap_or_default());
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(History::from_encoded(events));
            }
        }
    }

    /// A run that has been fed nothing yet.
    pub(crate) fn driver(&self, run: &OpenRun) -> RunDriver {
        let identity = RunIdentity {
            namespace: self.namespace.clone(),
            workflow_id: run.execution.workflow_id.clone(),
            run_id: run.execution.run_id.clone(),
        };
        let config = RunConfig {
            run_id: run.execution.run_id.clone(),
            writes_sdk_metadata: true,
            ..RunConfig::default()
        };
        RunDriver::new(Arc::clone(&self.module), identity, config)
    }
}

/// Feeds a page of history, and replays as far as it leads. Takes as long as the guest does.
pub(crate) fn feed(
    mut driver: Box<RunDriver>,
    begins: bool,
    events: Vec<Bytes>,
    is_last: bool,
) -> Result<Replay, Box<RunFailure>> {
    // So that the log tells these replays from the run itself, which may go on meanwhile.
    let _span = tracing::info_span!("check").entered();
    if begins {
        driver.start_task(Task::replay()).map_err(Box::new)?;
    }
    driver.feed(events, is_last);
    match replay::advance(&mut driver).map_err(Box::new)? {
        Stop::End | Stop::Query(_) => Ok(Replay::Ended),
        Stop::NeedEvents if !is_last => Ok(Replay::Goes(driver)),
        Stop::NeedEvents => Err(Box::new(replay::ends_too_early(0))),
    }
}

pub(crate) fn unworked(error: &WorkError) -> RunVerdict {
    RunVerdict::unknown(WhyUnknown::Host, error.to_string())
}
