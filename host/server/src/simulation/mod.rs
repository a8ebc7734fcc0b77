//! The whole service above storage, simulated: clients and workers, good and bad, a network that
//! loses calls, a disk that is slow and full, crashes at any step, bugs that panic, all drawn from one seed, on one
//! thread with a clock that moves on by itself when every task waits.
//!
//! What is seen and what is promised goes into a [`model::Model`], which says what must follow. When
//! the chaos is over, workers are honest: then every run has to get on, and in the end to close.
//!
//! The same plan is the same simulation, line by line; [`seeds`] tries many, and [`shrink`] leaves out of one that failed
//! what its failure does not need.

mod abandoned;
mod activity_worker;
mod batches;
mod client;
mod commands;
mod disk;
mod lives;
mod model;
mod network;
mod operations;
mod plan;
mod requests;
mod resets;
mod schedules;
mod seeds;
mod shrink;
mod trace;
mod updates;
mod versions;
mod worker;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use fuzz::Random;
use tokio::{task::JoinSet, time::sleep};

use self::{
    client::Client,
    disk::Disk,
    lives::{cause_chaos, check_panics, crash, spawn_worker, start},
    model::Model,
    network::{Line, Network},
    plan::{CallNumber, Plan, Trouble},
    trace::Trace,
};
use crate::time::Time;

const NAMESPACE: &str = "default";
const QUEUE: &str = "queue";
/// When simulations begin, in nanoseconds since 1970.
const START: i64 = 1_700_000_000_000_000_000;
/// Longest time until no run has a task, once workers are honest: workflow tasks that failed often
/// have ten minutes.
const SETTLED_WITHIN: Duration = Duration::from_secs(2_000);
/// Signals after which every run has to be closed.
const LAST_SIGNALS: u64 = 40;

/// What all actors share.
#[derive(Debug)]
struct Simulation {
    plan: Plan,
    network: Network,
    model: Mutex<Model>,
    trace: Mutex<Trace>,
    /// The calls of clients that were made while there was chaos.
    calls: Mutex<Vec<CallNumber>>,
    phase: AtomicU8,
}

const CHAOS: u8 = 0;
const SETTLING: u8 = 1;
const FINISHING: u8 = 2;
const OVER: u8 = 3;

/// The longest time by which the clock is set back once clients are gone.
const SET_BACK: Duration = Duration::from_secs(86_400);

#[derive(Debug, Default)]
struct Outcome {
    violation: Option<String>,
    /// What happened up to the violation.
    trace: Trace,
    calls: Vec<CallNumber>,
    /// How long there was chaos.
    chaos: Duration,
    /// How often clients heard of updates, by what they heard.
    heard: BTreeMap<&'static str, usize>,
}

impl Simulation {
    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    fn now(&self) -> Time {
        Time(START).after(self.network.elapsed())
    }

    /// A line of the trace, which ends with the first violation.
    fn say(&self, what: fmt::Arguments<'_>) {
        // One thread has all of the simulation: whoever holds the model here is the caller.
        if self.model.try_lock().is_ok_and(|model| model.violation.is_some()) {
            return;
        }
        self.trace.lock().unwrap().line(self.network.elapsed().as_millis(), what);
    }

    fn phase(&self) -> u8 {
        self.phase.load(Ordering::Relaxed)
    }

    fn enter(&self, phase: u8) {
        self.say(format_args!("phase {phase}"));
        self.phase.store(phase, Ordering::Relaxed);
    }

    fn is_chaos(&self) -> bool {
        self.phase() == CHAOS
    }

    fn is_finishing(&self) -> bool {
        self.phase() == FINISHING
    }

    fn is_over(&self) -> bool {
        self.phase() == OVER
    }

    fn check(&self, holds: bool, what: &str) {
        if !holds {
            self.model().fail(what.to_owned());
        }
    }

    fn has_failed(&self) -> bool {
        self.model().violation.is_some()
    }
}

fn simulate(plan: Plan) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(live(plan))
}

async fn live(plan: Plan) -> Outcome {
    let mut random = Random::new(plan.seed);
    let simulation = Arc::new(Simulation {
        network: Network::new(Disk::default(), plan.fault),
        plan,
        model: Mutex::default(),
        trace: Mutex::default(),
        calls: Mutex::default(),
        phase: AtomicU8::new(CHAOS),
    });
    let plan = &simulation.plan;
    let is_bad = plan.has(Trouble::Losses);
    let mut actors = JoinSet::new();
    let remote = Line { in_process: false, is_bad };
    for worker in 0..1 + random.below(2) {
        let random = random.fork(100 + worker);
        if plan.has(Trouble::RemoteWorkers) {
            spawn_worker(&mut actors, &simulation, &format!("worker-{worker}"), random, remote, None);
        }
    }
    for (number, build) in (0..).zip(versions::BUILDS) {
        let random = random.fork(150 + number);
        if plan.has(Trouble::RemoteWorkers) {
            spawn_worker(&mut actors, &simulation, build, random, remote, Some(build));
        }
    }
    let mut clients = JoinSet::new();
    for number in 0..1 + random.below(3) {
        let mut client = Client::new(simulation.clone(), number, random.fork(200 + number), is_bad);
        clients.spawn(async move { client.run().await });
    }
    let chaos = Duration::from_secs(5 + random.below(25));
    let chaos = plan.cuts.chaos.map_or(chaos, |most| most.min(chaos));
    let survivors = cause_chaos(&simulation, &mut random, chaos).await;
    simulation.enter(SETTLING);
    let mut here = match survivors {
        Some(here) => here,
        None => start(&simulation, &mut random, None).1,
    };
    if random.percent(20) && plan.has(Trouble::ClockSetBack) {
        simulation.network.set_clock_back(SET_BACK);
    }
    while let Some(ended) = clients.join_next().await {
        simulation.check(ended.is_ok(), "a client panicked");
    }
    let mut last = Client::new(simulation.clone(), 9, random.fork(300), false);
    settle(&simulation, &mut last).await;
    schedules::let_pass(&simulation, &mut last).await;
    batches::let_end(&simulation, &mut last).await;
    simulation.enter(FINISHING);
    finish(&simulation, &mut last).await;
    schedules::check(&simulation, &mut last).await;
    check_all(&simulation, &mut last).await;
    batches::check(&simulation, &mut last).await;
    // Whatever was seen outlives one more crash.
    crash(&simulation, &mut random, &mut here);
    here = start(&simulation, &mut random, None).1;
    check_all(&simulation, &mut last).await;
    batches::check(&simulation, &mut last).await;
    simulation.model().check_end();
    simulation.enter(OVER);
    crash(&simulation, &mut random, &mut here);
    check_panics(&simulation, &mut actors);
    let violation = simulation.model().violation.clone();
    let trace = std::mem::take(&mut *simulation.trace.lock().unwrap());
    let calls = std::mem::take(&mut *simulation.calls.lock().unwrap());
    let heard = simulation.model().heard.clone();
    Outcome { violation, trace, calls, chaos, heard }
}

/// Waits until no open run has a task: each was taken, and answered.
async fn settle(simulation: &Simulation, client: &mut Client) {
    let since = simulation.network.elapsed();
    let mut pause = Duration::from_secs(2);
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(60));
        let mut busy = Vec::new();
        for (workflow_id, run_id) in client.list().await.unwrap() {
            let described = client.described(&workflow_id, &run_id).await.unwrap();
            if described.pending_activities.iter().any(|activity| activity.paused) {
                drop(client.unpause(&workflow_id, &run_id, false).await);
            }
            if described.pending_workflow_task.is_some() || !described.pending_activities.is_empty() {
                busy.push(format!("{workflow_id} {run_id}"));
            }
        }
        if busy.is_empty() || simulation.has_failed() {
            return;
        }
        if simulation.network.elapsed() - since > SETTLED_WITHIN {
            simulation.model().fail(format!("workers are honest, and these do not get on: {busy:?}"));
        }
    }
}

/// Gives every open run a workflow task, which closes it.
async fn finish(simulation: &Simulation, client: &mut Client) {
    for number in 0..LAST_SIGNALS {
        let open = client.list().await.unwrap();
        if open.is_empty() || simulation.has_failed() {
            return;
        }
        for (workflow_id, run_id) in open {
            client.send_signal(&workflow_id, &run_id, &format!("last-{number}")).await;
        }
        sleep(Duration::from_secs(1 + number)).await;
    }
    simulation.model().fail("runs are open although workers close them".to_owned());
}

/// Reads every run that was ever seen.
async fn check_all(simulation: &Simulation, client: &mut Client) {
    drop(client.list().await.unwrap());
    let runs: Vec<_> =
        simulation.model().runs.iter().map(|(id, run)| (run.workflow_id.clone(), id.clone())).collect();
    for (workflow_id, run_id) in runs {
        let read = client.read_history(&workflow_id, &run_id, false).await;
        let mut model = simulation.model();
        let seen = model.runs[&run_id].events_seen();
        match read {
            Ok(events) if events == seen => {}
            Ok(events) => {
                model.fail(format!("{workflow_id} {run_id}: {events} events, and {seen} were seen before"));
            }
            Err(status) => model.fail(format!("{workflow_id} {run_id} is lost: {status:?}")),
        }
    }
}
