//! Replays one open run on a module, page by page.

use std::sync::Arc;

use bytes::Bytes;
use host_core::{RunConfig, Task};
use host_service::WorkflowService;
use host_wire::History;
use tonic::Code;

use super::{
    runs::OpenRun,
    verdict::{RunVerdict, WhyUnknown},
};
use crate::{
    connection::history_page,
    modules::LoadedModule,
    workflow::{
        Lane, SandboxThreads, WorkError,
        run::{Advance, RunDriver, RunFailure, RunIdentity},
    },
};

/// What every replay of a check uses.
#[derive(Clone)]
pub(super) struct Replays {
    pub(super) service: Arc<dyn WorkflowService>,
    pub(super) namespace: String,
    pub(super) module: Arc<LoadedModule>,
    pub(super) threads: Arc<SandboxThreads>,
    pub(super) lane: Lane,
}

/// How far a page of history leads.
enum Replay {
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
                Ok(Err(failure)) => return (*failure).into(),
                Err(error) => return unworked(&error),
            };
        }
    }

    fn driver(&self, run: &OpenRun) -> RunDriver {
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

fn feed(
    mut driver: Box<RunDriver>,
    begins: bool,
    events: Vec<Bytes>,
    is_last: bool,
) -> Result<Replay, Box<RunFailure>> {
    if begins {
        driver.start_task(Task::replay()).map_err(Box::new)?;
    }
    driver.feed(events, is_last);
    loop {
        match driver.advance().map_err(Box::new)? {
            Advance::Idle => return Ok(Replay::Ended),
            Advance::NeedEvents if !is_last => return Ok(Replay::Goes(driver)),
            Advance::NeedEvents => {
                let what = "more events are needed than there are".to_owned();
                return Err(Box::new(host_core::Error::BrokenHistory { event_id: 0, what }.into()));
            }
            // A replay responds to nothing, and its history resolves what it starts.
            Advance::LocalActivities(_)
            | Advance::Respond(_)
            | Advance::RespondQuery(_)
            | Advance::Validated(_) => {}
        }
    }
}

fn unworked(error: &WorkError) -> RunVerdict {
    RunVerdict::unknown(WhyUnknown::Host, error.to_string())
}
