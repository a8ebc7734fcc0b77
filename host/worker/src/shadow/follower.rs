//! Follows live runs on a candidate: a replay of each, which goes on with every task that is shown.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use host_wire::{History, RawEvent};
use tokio::sync::mpsc;

use super::{
    feed::{Seen, SeenEnd},
    report::ShadowReport,
};
use crate::{
    connection::history_page,
    gate::{CheckedRun, OpenRun, Replay, Replays, RunVerdict, WhyUnknown, feed, unworked},
    workflow::run::RunDriver,
};

/// Runs that a shadow has a guest for. The one whose last task is the oldest makes room, and is fetched again with its next.
pub const MAX_FOLLOWED_RUNS: usize = 64;

/// Runs of which a verdict is known that are remembered until they close. Beyond, all are forgotten, and may be reported
/// again.
const MAX_JUDGED_RUNS: usize = 100_000;

/// Follows runs on a candidate.
pub(crate) struct Follower {
    pub(crate) replays: Replays,
    pub(crate) report: Arc<Mutex<ShadowReport>>,
    /// By run id.
    runs: HashMap<String, Followed>,
    /// Runs of which a verdict is known.
    judged: HashSet<String>,
    /// Grows with every task.
    clock: u64,
}

/// A run that agrees so far.
struct Followed {
    driver: Box<RunDriver>,
    /// The last event that it was fed.
    known: i64,
    used: u64,
}

/// How a run goes on after a task.
enum Next {
    Goes(Box<RunDriver>, i64),
    Known(RunVerdict),
    /// The run was deleted.
    Gone,
}

impl Follower {
    pub(crate) fn new(replays: Replays, report: Arc<Mutex<ShadowReport>>) -> Self {
        Self { replays, report, runs: HashMap::new(), judged: HashSet::new(), clock: 0 }
    }

    /// Follows what is shown, until nothing is any more.
    pub(crate) async fn run(mut self, mut shown: mpsc::Receiver<Seen>) {
        while let Some(task) = shown.recv().await {
            self.follow(task).await;
        }
    }

    async fn follow(&mut self, task: Seen) {
        let run_id = task.execution.run_id.clone();
        self.clock += 1;
        self.report().tasks += 1;
        host_telemetry::SHADOW_TASKS.count(["followed"]);
        if self.judged.contains(&run_id) {
            if task.end == SeenEnd::Closed {
                self.judged.remove(&run_id);
            }
            return;
        }
        let run = OpenRun { execution: task.execution.clone(), workflow_type: task.workflow_type.clone() };
        if task.end == SeenEnd::Rewound {
            self.runs.remove(&run_id);
            return;
        }
        let closes = task.end == SeenEnd::Closed;
        let next = match self.runs.remove(&run_id) {
            Some(Followed { driver, known, .. }) if continues(&task, known) => {
                go_on(&self.replays, driver, known, task, &run).await
            }
            _ if continues(&task, 0) => {
                let driver = Box::new(self.replays.driver(&run));
                go_on(&self.replays, driver, 0, task, &run).await
            }
            _ => {
                let driver = Box::new(self.replays.driver(&run));
                let until = if closes { None } else { Some(task.started_event_id) };
                fetch(&self.replays, driver, 0, until, &run).await
            }
        };
        let verdict = match next {
            Next::Goes(driver, known) => {
                self.make_room();
                self.runs.insert(run_id, Followed { driver, known, used: self.clock });
                return;
            }
            Next::Gone => return,
            Next::Known(verdict) => verdict,
        };
        if !closes {
            if self.judged.len() >= MAX_JUDGED_RUNS {
                self.judged.clear();
            }
            self.judged.insert(run_id);
        }
        self.say(run, verdict);
    }

    fn make_room(&mut self) {
        while self.runs.len() >= MAX_FOLLOWED_RUNS {
            let oldest = self.runs.iter().min_by_key(|(_, run)| run.used).map(|(run_id, _)| run_id.clone());
            let Some(oldest) = oldest else { return };
            self.runs.remove(&oldest);
        }
    }

    fn say(&self, run: OpenRun, verdict: RunVerdict) {
        let OpenRun { execution, workflow_type } = run;
        let word = match verdict {
            RunVerdict::Agrees => "agrees",
            RunVerdict::Differs { .. } => "differs",
            RunVerdict::CannotTell { .. } => "cannot_tell",
        };
        host_telemetry::SHADOW_RUNS.count([word]);
        if verdict != RunVerdict::Agrees {
            let (workflow_id, run_id) = (&execution.workflow_id, &execution.run_id);
            let digest = self.replays.module.digest();
            tracing::warn!(workflow_id, run_id, %digest, %verdict, "a live run does not agree with the shadow");
        }
        let (workflow_id, run_id) = (execution.workflow_id, execution.run_id);
        self.report().report.add(&CheckedRun { workflow_id, run_id, workflow_type, verdict });
    }

    fn report(&self) -> std::sync::MutexGuard<'_, ShadowReport> {
        // Nothing is left half done where this is locked.
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Goes on with what came with a task, and with the end of the history once the run has closed.
async fn go_on(replays: &Replays, driver: Box<RunDriver>, known: i64, task: Seen, run: &OpenRun) -> Next {
    let last = task.events.last().map_or(known, |(id, _)| *id);
    let fresh = task.events.into_iter().filter(|(id, _)| *id > known).map(|(_, event)| event);
    match replay(replays, driver, known == 0, fresh.collect(), false, run).await {
        Next::Goes(driver, _) if task.end == SeenEnd::Closed => fetch(replays, driver, last, None, run).await,
        Next::Goes(driver, _) => Next::Goes(driver, last),
        other => other,
    }
}

/// Goes on with the history that the service has behind an event: to an event that stays, because its task was completed,
/// or to the end of a run that has closed.
async fn fetch(
    replays: &Replays,
    mut driver: Box<RunDriver>,
    mut known: i64,
    until: Option<i64>,
    run: &OpenRun,
) -> Next {
    let mut token = Bytes::new();
    loop {
        let Replays { service, namespace, .. } = replays;
        let page = match history_page(&**service, namespace, &run.execution, token).await {
            Ok(page) => page,
            Err(status) if status.code() == tonic::Code::NotFound => return Next::Gone,
            Err(status) => {
                let unknown = RunVerdict::unknown(WhyUnknown::Unavailable, status.message());
                return Next::Known(unknown);
            }
        };
        token = page.next_page_token;
        let before = known;
        let mut events = Vec::new();
        for event in page.history.map(History::into_encoded).unwrap_or_default() {
            let id = match RawEvent::new(event.clone()) {
                Ok(event) => event.event_id(),
                Err(error) => {
                    return Next::Known(RunVerdict::unknown(WhyUnknown::History, error.to_string()));
                }
            };
            if id > known && until.is_none_or(|until| id <= until) {
                known = id;
                events.push(event);
            }
        }
        let is_last = token.is_empty() || until.is_some_and(|until| known >= until);
        match replay(replays, driver, before == 0, events, is_last && until.is_none(), run).await {
            Next::Goes(replayed, _) if is_last => return Next::Goes(replayed, known),
            Next::Goes(replayed, _) => driver = replayed,
            other => return other,
        }
    }
}

async fn replay(
    replays: &Replays,
    driver: Box<RunDriver>,
    begins: bool,
    events: Vec<Bytes>,
    is_last: bool,
    run: &OpenRun,
) -> Next {
    let work = move || feed(driver, begins, events, is_last);
    match replays.threads.run(replays.lane, work).await {
        Ok(Ok(Replay::Goes(driver))) => Next::Goes(driver, 0),
        Ok(Ok(Replay::Ended)) => Next::Known(RunVerdict::Agrees),
        Ok(Err(failure)) => Next::Known(replays.explained(*failure, run).await),
        Err(error) => Next::Known(unworked(&error)),
    }
}

/// Whether what came with a task goes on where a run that was fed events up to `known` is.
fn continues(task: &Seen, known: i64) -> bool {
    !task.has_more && task.events.first().is_some_and(|(first, _)| *first <= known + 1)
}
