//! Lives of the service: they begin, crash or are told to end, with the workers that are part of the process.

use std::{sync::Arc, time::Duration};

use fuzz::Random;
use tokio::{task::JoinSet, time::sleep};

use super::{
    Simulation,
    activity_worker::ActivityWorker,
    client::execution,
    model::Held,
    network::{Life, Line},
    plan::Trouble,
    worker::WorkflowWorker,
};

/// Longest time by which the machine's clock is set back while there is chaos: what waits across a restart is late by
/// as much, since a new process knows the machine's clock alone.
const SET_BACK_MILLIS: u64 = 10_000;
/// Longest time until the last call is answered once the service was told to end. The disk may be slow, and full for
/// two seconds.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// A worker with all its pollers; those of activities have no build.
pub(super) fn spawn_worker(
    tasks: &mut JoinSet<()>,
    simulation: &Arc<Simulation>,
    name: &str,
    random: Random,
    line: Line,
    build: Option<&'static str>,
) {
    let workflows = WorkflowWorker::new(simulation.clone(), name, random.fork(1), line, build);
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
pub(super) fn start(
    simulation: &Arc<Simulation>,
    random: &mut Random,
    steps: Option<u64>,
) -> (Arc<Life>, JoinSet<()>) {
    simulation.say(format_args!("the service starts"));
    let panics = simulation.is_chaos() && random.percent(50) && simulation.plan.has(Trouble::Panics);
    let life = simulation.network.start(steps, panics, &random.fork(400));
    let line = Line { in_process: true, is_bad: false };
    let name = format!("here-{}", random.below(1_000));
    let mut here = JoinSet::new();
    let held = simulation.model().take_held();
    if !panics {
        here.spawn(check_lost(simulation.clone(), life.clone(), held));
    }
    spawn_worker(&mut here, simulation, &name, Random::new(random.next()), line, None);
    (life, here)
}

/// Lives, and their ends, until the time is over. Answers the workers that are part of the last life if that goes on.
pub(super) async fn cause_chaos(
    simulation: &Arc<Simulation>,
    random: &mut Random,
    time: Duration,
) -> Option<JoinSet<()>> {
    while simulation.network.elapsed() < time && !simulation.has_failed() {
        let steps = random.percent(50).then(|| random.below(100));
        let steps = steps.filter(|_| simulation.plan.has(Trouble::DiskCrashes));
        let (life, mut here) = start(simulation, random, steps);
        let lasts = Duration::from_millis(random.below(20_000));
        let set_back = random.percent(30).then(|| Duration::from_millis(random.below(SET_BACK_MILLIS)));
        let set_back = set_back.filter(|_| simulation.plan.has(Trouble::ClockSetBack));
        tokio::select! {
            biased;
            _ = life.crashed.wait_for(|crashed| crashed) => {}
            () = pass(simulation, lasts, set_back) => {}
        }
        let is_last = simulation.network.elapsed() >= time;
        if is_last && life.is_sound && random.percent(80) {
            return Some(here);
        }
        if random.percent(30) && simulation.plan.has(Trouble::Stops) {
            stop(simulation, &life).await;
        }
        simulation.say(format_args!("the service ends"));
        crash(simulation, random, &mut here);
        let longest = if random.percent(20) { 5_000 } else { 200 };
        // Two processes never have a task since the same millisecond.
        sleep(Duration::from_millis(1 + random.below(longest))).await;
    }
    None
}

/// Lets time pass; in the middle of it the machine's clock is set.
async fn pass(simulation: &Simulation, time: Duration, set_back: Option<Duration>) {
    sleep(time / 2).await;
    if let Some(set_back) = set_back {
        simulation.say(format_args!("the clock is set to {} ms ago", set_back.as_millis()));
        simulation.network.set_clock_back(set_back);
    }
    sleep(time / 2).await;
}

/// Tells the service to end: open calls are answered, no others reach it, and all that happened is on disk in the end.
async fn stop(simulation: &Simulation, life: &Life) {
    simulation.say(format_args!("the service is told to end"));
    life.hang_up();
    life.service.close();
    let until = simulation.network.elapsed() + STOPS_WITHIN;
    while life.open_calls() > 0 && !life.crashed.get() {
        sleep(Duration::from_millis(10)).await;
        if simulation.network.elapsed() > until {
            let what = format!("{} calls are open after the service was told to end", life.open_calls());
            return simulation.model().fail(what);
        }
    }
    if life.is_sound
        && let Err(what) = life.finish().await
    {
        simulation.model().fail(what);
    }
}

/// Ends a life, and the worker that is part of it.
pub(super) fn crash(simulation: &Simulation, random: &mut Random, here: &mut JoinSet<()>) {
    simulation.check(
        simulation.network.crash(random),
        "the task of the deadlines, or that of batch operations, ended",
    );
    check_panics(simulation, here);
    here.abort_all();
}

pub(super) fn check_panics(simulation: &Simulation, tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.try_join_next() {
        simulation.check(!ended.is_err_and(|error| error.is_panic()), "a call panicked");
    }
}

/// What workers of the last process had is not theirs any more: no task waits for its timeout because of that.
async fn check_lost(simulation: Arc<Simulation>, life: Arc<Life>, held: Vec<Held>) {
    for held in held {
        let described = life.describe(execution(&held.workflow_id, &held.run_id)).await;
        // What the process had not synced is gone, with the run itself where that was new.
        if let Ok(described) = described
            && held.is_in(&described)
        {
            let Held { workflow_id, run_id, .. } = &held;
            let what = format!("{workflow_id} {run_id}: a worker of a process that ended has a task");
            simulation.model().fail(what);
        }
    }
}
