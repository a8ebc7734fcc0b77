//! The whole service above storage, simulated: clients and workers, good and bad, a network that
//! loses calls, a disk that is slow and full, crashes at any step, bugs that panic, all drawn from one seed, on one
//! thread with a clock that moves on by itself when every task waits.
//!
//! What is seen and what is promised goes into a [`model::Model`], which says what must follow. When
//! the chaos is over, workers are honest: then every run has to get on, and in the end to close.
//!
//! `HOST_SIMULATIONS` says how many seeds, `HOST_SIMULATION_SEED` which is the first. The same seed is
//! the same simulation, line by line.

mod activity_worker;
mod client;
mod commands;
mod disk;
mod model;
mod network;
pub(crate) mod random;
mod requests;
mod trace;
mod worker;

use std::{
    env, fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

use self::{
    activity_worker::ActivityWorker,
    client::Client,
    disk::Disk,
    model::Model,
    network::{Line, Network},
    random::Random,
    trace::Trace,
    worker::WorkflowWorker,
};
use crate::time::Time;

const NAMESPACE: &str = "default";
const QUEUE: &str = "queue";
/// When simulations begin, in nanoseconds since 1970.
const START: i64 = 1_700_000_000_000_000_000;
/// Seeds that a plain test run tries.
const SEEDS: u64 = 2_000;
/// Longest time until no run has a task, once workers are honest: workflow tasks that failed often
/// have ten minutes.
const SETTLED_WITHIN: Duration = Duration::from_secs(2_000);
/// Signals after which every run has to be closed.
const LAST_SIGNALS: u64 = 40;

/// Something that is wrong on purpose, to show that the simulation sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Storage says that a transition is on disk before it is.
    AcknowledgesEarly,
    /// A start does not bring the last run that was in memory back.
    ForgetsAnOpenRun,
    /// Storage does not keep that attempts of activities were started.
    LosesAttempts,
    /// The clock is sometimes three seconds ahead.
    ClockRunsAhead,
}

/// What all actors share.
#[derive(Debug)]
struct Simulation {
    network: Network,
    model: Mutex<Model>,
    trace: Mutex<Trace>,
    phase: AtomicU8,
}

const CHAOS: u8 = 0;
const SETTLING: u8 = 1;
const FINISHING: u8 = 2;
const OVER: u8 = 3;

#[derive(Debug)]
struct Outcome {
    violation: Option<String>,
    trace: Trace,
}

impl Simulation {
    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    fn now(&self) -> Time {
        Time(START).after(self.network.elapsed())
    }

    fn say(&self, what: fmt::Arguments<'_>) {
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

fn simulate(seed: u64, fault: Option<Fault>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(live(seed, fault))
}

async fn live(seed: u64, fault: Option<Fault>) -> Outcome {
    let mut random = Random::new(seed);
    let simulation = Arc::new(Simulation {
        network: Network::new(Disk::default(), fault),
        model: Mutex::default(),
        trace: Mutex::default(),
        phase: AtomicU8::new(CHAOS),
    });
    let mut actors = JoinSet::new();
    let remote = Line { in_process: false, is_bad: true };
    for worker in 0..1 + random.below(2) {
        spawn_worker(
            &mut actors,
            &simulation,
            &format!("worker-{worker}"),
            random.fork(100 + worker),
            remote,
        );
    }
    let mut clients = JoinSet::new();
    for number in 0..1 + random.below(3) {
        let mut client = Client::new(simulation.clone(), number, random.fork(200 + number), true);
        clients.spawn(async move { client.run().await });
    }
    let chaos = Duration::from_secs(5 + random.below(25));
    cause_chaos(&simulation, &mut random, chaos).await;
    simulation.enter(SETTLING);
    let mut here = JoinSet::new();
    start(&simulation, &mut here, &mut random, None);
    while let Some(ended) = clients.join_next().await {
        simulation.check(ended.is_ok(), "a client panicked");
    }
    let mut last = Client::new(simulation.clone(), 9, random.fork(300), false);
    settle(&simulation, &mut last).await;
    simulation.enter(FINISHING);
    finish(&simulation, &mut last).await;
    check_all(&simulation, &mut last).await;
    // Whatever was seen outlives one more crash.
    crash(&simulation, &mut random, &mut here);
    start(&simulation, &mut here, &mut random, None);
    check_all(&simulation, &mut last).await;
    simulation.model().check_end();
    simulation.enter(OVER);
    crash(&simulation, &mut random, &mut here);
    check_panics(&simulation, &mut actors);
    let violation = simulation.model().violation.clone();
    let trace = std::mem::take(&mut *simulation.trace.lock().unwrap());
    Outcome { violation, trace }
}

/// A worker with all its pollers.
fn spawn_worker(
    tasks: &mut JoinSet<()>,
    simulation: &Arc<Simulation>,
    name: &str,
    random: Random,
    line: Line,
) {
    let workflows = WorkflowWorker::new(simulation.clone(), name, random.fork(1), line);
    let (mut normal, mut sticky) = (workflows.again(2), workflows.again(3));
    tasks.spawn(async move { normal.run(false).await });
    tasks.spawn(async move { sticky.run(true).await });
    for number in 0..2 {
        let (random, workflows) = (random.fork(10 + number), workflows.clone());
        let mut activities = ActivityWorker::new(simulation.clone(), name, random, line, workflows);
        tasks.spawn(async move { activities.run().await });
    }
}

/// A life of the service, with the worker that is part of it.
fn start(
    simulation: &Arc<Simulation>,
    here: &mut JoinSet<()>,
    random: &mut Random,
    steps: Option<u64>,
) -> Arc<network::Life> {
    simulation.say(format_args!("the service starts"));
    let panics = simulation.is_chaos() && random.percent(50);
    let life = simulation.network.start(steps, panics, &random.fork(400));
    let line = Line { in_process: true, is_bad: false };
    let name = format!("here-{}", random.below(1_000));
    spawn_worker(here, simulation, &name, Random::new(random.next()), line);
    life
}

/// Lives and crashes until the time is over. The last life ends as well.
async fn cause_chaos(simulation: &Arc<Simulation>, random: &mut Random, time: Duration) {
    while simulation.network.elapsed() < time && !simulation.has_failed() {
        let mut here = JoinSet::new();
        let steps = random.percent(50).then(|| random.below(100));
        let life = start(simulation, &mut here, random, steps);
        let lasts = Duration::from_millis(random.below(20_000));
        tokio::select! {
            biased;
            _ = life.crashed.wait_for(|crashed| crashed) => {}
            () = sleep(lasts) => {}
        }
        simulation.say(format_args!("the service crashes"));
        crash(simulation, random, &mut here);
        let longest = if random.percent(20) { 5_000 } else { 200 };
        sleep(Duration::from_millis(random.below(longest))).await;
    }
}

/// Ends a life, and the worker that is part of it.
fn crash(simulation: &Simulation, random: &mut Random, here: &mut JoinSet<()>) {
    simulation.check(simulation.network.crash(random), "the task of the deadlines ended");
    check_panics(simulation, here);
    here.abort_all();
}

fn check_panics(simulation: &Simulation, tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.try_join_next() {
        simulation.check(!ended.is_err_and(|error| error.is_panic()), "a call panicked");
    }
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

fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn every_seed_keeps_what_is_promised() {
    let first = number("HOST_SIMULATION_SEED", 0);
    let next = AtomicU64::new(first);
    let end = first + number("HOST_SIMULATIONS", SEEDS);
    let failed = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failed.lock().unwrap().is_none() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let outcome = simulate(seed, None);
                    if let Some(violation) = outcome.violation {
                        failed.lock().unwrap().get_or_insert((seed, violation, outcome.trace));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    if let Some((seed, violation, trace)) = failed {
        panic!(
            "seed {seed}: {violation}\n{}\nto repeat it:\n  HOST_SIMULATION_SEED={seed} HOST_SIMULATIONS=1 \
             cargo test -p host-server --lib simulation::every_seed",
            trace.end()
        );
    }
}

#[test]
fn a_seed_repeats_itself() {
    for seed in 0..10 {
        let (one, other) = (simulate(seed, None).trace, simulate(seed, None).trace);
        assert_eq!(one.hash(), other.hash(), "seed {seed}:\n{}", one.first_difference(&other));
    }
}

#[test]
fn what_is_wrong_on_purpose_is_found() {
    for (fault, expected) in [
        (Fault::AcknowledgesEarly, "is lost"),
        (Fault::ForgetsAnOpenRun, "do not get on"),
        (Fault::LosesAttempts, "handed out twice"),
        (Fault::ClockRunsAhead, "is of the future"),
    ] {
        let found = (0..200).find_map(|seed| {
            let violation = simulate(seed, Some(fault)).violation?;
            violation.contains(expected).then_some(seed)
        });
        assert!(found.is_some(), "{fault:?} was not found");
    }
}
