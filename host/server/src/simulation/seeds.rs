//! Many simulations, one for each seed. `HOST_SIMULATIONS` says how many, `HOST_SIMULATION_SEED` which is the first.

use std::{
    collections::BTreeMap,
    env,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    Outcome,
    plan::{Fault, Plan},
    shrink::Shrunk,
    simulate,
};
use crate::panics;

/// Seeds that a plain test run tries.
const SEEDS: u64 = 2_000;
/// Longest time of the wall clock for one seed, of which most take a twentieth of a second: one that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(300);

/// Why a seed failed.
#[derive(Debug)]
enum Failure {
    Violation(Box<Outcome>),
    Panic(String),
    Hangs,
}

/// What a thread that simulates says.
enum Said {
    Begins(usize, u64),
    Ended(usize, u64, Option<Failure>),
    /// There are no more seeds.
    Done,
}

/// Runs each seed, on as many threads as there are CPUs; answers the first that was seen to fail. A thread that hangs is
/// left behind.
fn first_failure(
    seeds: Range<u64>,
    longest: Duration,
    run: impl Fn(u64) -> Outcome + Clone + Send + 'static,
) -> Option<(u64, Failure)> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let next = Arc::new(AtomicU64::new(seeds.start));
    let (said, heard) = mpsc::channel();
    for number in 0..threads {
        let (next, said, run) = (next.clone(), said.clone(), run.clone());
        let simulate = move || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return said.send(Said::Done);
                }
                said.send(Said::Begins(number, seed))?;
                let failure = match catch_unwind(AssertUnwindSafe(|| run(seed))) {
                    Ok(outcome) => {
                        outcome.violation.is_some().then_some(Failure::Violation(Box::new(outcome)))
                    }
                    Err(panic) => Some(Failure::Panic(panics::message(&*panic))),
                };
                said.send(Said::Ended(number, seed, failure))?;
            }
        };
        thread::Builder::new().name(format!("simulation {number}")).spawn(simulate).unwrap();
    }
    let mut running = vec![None; threads];
    let mut done = 0;
    while done < threads {
        let first = running.iter().flatten().min_by_key(|(_, since)| *since);
        let wait =
            first.map_or(longest, |(_, since): &(u64, Instant)| longest.saturating_sub(since.elapsed()));
        match heard.recv_timeout(wait) {
            Ok(Said::Begins(thread, seed)) => running[thread] = Some((seed, now())),
            Ok(Said::Ended(thread, _, None)) => running[thread] = None,
            Ok(Said::Ended(_, seed, Some(failure))) => return Some((seed, failure)),
            Ok(Said::Done) => done += 1,
            Err(RecvTimeoutError::Timeout) => {
                if let Some((seed, _)) = first {
                    return Some((*seed, Failure::Hangs));
                }
            }
            Err(RecvTimeoutError::Disconnected) => unreachable!("a sender is here"),
        }
    }
    None
}

#[expect(clippy::disallowed_methods, reason = "what hangs does so by the machine's clock")]
fn now() -> Instant {
    Instant::now()
}

fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// Without this, nothing might be said of updates because none comes through.
#[test]
fn clients_hear_of_every_end_of_an_update() {
    let mut heard = BTreeMap::new();
    for seed in 0..100 {
        for (what, count) in simulate(Plan::of(seed)).heard {
            *heard.entry(what).or_insert(0) += count;
        }
    }
    assert_eq!(heard.keys().copied().collect::<Vec<_>>(), ["accepted", "completed", "failed"]);
    assert!(heard.values().all(|count| *count > 5), "{heard:?}");
}

#[test]
fn every_seed_keeps_what_is_promised() {
    let first = number("HOST_SIMULATION_SEED", 0);
    let seeds = first..first + number("HOST_SIMULATIONS", SEEDS);
    let Some((seed, failure)) = first_failure(seeds, LONGEST, |seed| simulate(Plan::of(seed))) else {
        return;
    };
    let repeat = format!(
        "to repeat it:\n  HOST_SIMULATION_SEED={seed} HOST_SIMULATIONS=1 cargo test -p host-server --lib \
         simulation::seeds::every_seed"
    );
    match failure {
        Failure::Hangs => panic!("seed {seed} does not end within {LONGEST:?}\n{repeat}"),
        Failure::Panic(message) => panic!("seed {seed} panics: {message}\n{repeat}"),
        Failure::Violation(outcome) => {
            let shrunk = Shrunk::of(Plan::of(seed), *outcome, simulate);
            let Outcome { violation, trace, calls, .. } = shrunk.outcome;
            panic!(
                "seed {seed}: {}\n{}\nshortened to {} calls of clients, {} without {:?}\n{repeat}",
                violation.unwrap_or_default(),
                trace.end(),
                calls.len(),
                shrunk.plan.cuts.chaos.map_or_else(String::new, |chaos| format!("chaos of {chaos:?},")),
                shrunk.plan.cuts.troubles,
            );
        }
    }
}

#[test]
fn a_seed_repeats_itself() {
    for seed in 0..10 {
        let (one, other) = (simulate(Plan::of(seed)).trace, simulate(Plan::of(seed)).trace);
        assert_eq!(one.hash(), other.hash(), "seed {seed}:\n{}", one.first_difference(&other));
    }
}

#[test]
fn what_is_wrong_on_purpose_is_found() {
    for (fault, expected) in [
        (Fault::AcknowledgesEarly, "is lost"),
        (Fault::ForgetsAnOpenRun, "do not get on"),
        (Fault::LosesAttempts, "handed out twice"),
        (Fault::ForgetsWorkers, "of a process that ended has a task"),
        (Fault::ClockRunsAhead, "is of the future"),
        (Fault::ClockGoesBack, "do not get on"),
    ] {
        let found = (0..200).find_map(|seed| {
            let violation = simulate(Plan { fault: Some(fault), ..Plan::of(seed) }).violation?;
            violation.contains(expected).then_some(seed)
        });
        assert!(found.is_some(), "{fault:?} was not found");
    }
}

#[test]
fn what_a_failure_does_not_need_is_left_out() {
    let plan = |seed| Plan { fault: Some(Fault::AcknowledgesEarly), ..Plan::of(seed) };
    let failed = (0..200).map(plan).map(|plan| (plan.clone(), simulate(plan)));
    // One that is short may get longer: calls are left out, not lines.
    let is_long = |outcome: &Outcome| outcome.violation.is_some() && outcome.trace.lines() > 100;
    let (plan, whole) = { failed }.find(|(_, outcome)| is_long(outcome)).unwrap();
    let (calls, lines) = (whole.calls.len(), whole.trace.lines());
    let shrunk = Shrunk::of(plan, whole, simulate);
    assert!(shrunk.outcome.calls.len() < calls, "{} of {calls} calls", shrunk.outcome.calls.len());
    assert!(shrunk.outcome.trace.lines() < lines, "{} of {lines} lines", shrunk.outcome.trace.lines());
    // What is left is still the whole of what decides.
    let again = simulate(shrunk.plan);
    assert_eq!(again.violation, shrunk.outcome.violation);
    assert_eq!(again.trace.hash(), shrunk.outcome.trace.hash());
}

#[test]
fn a_seed_that_hangs_or_panics_is_named() {
    let empty = || Outcome::default();
    let hangs = first_failure(0..8, Duration::from_millis(200), move |seed| {
        if seed == 5 {
            loop {
                thread::park();
            }
        }
        empty()
    });
    assert!(matches!(hangs, Some((5, Failure::Hangs))), "{hangs:?}");
    let panics = first_failure(0..8, LONGEST, move |seed| {
        if seed == 5 {
            std::panic::resume_unwind(Box::new("a bug"));
        }
        empty()
    });
    assert!(matches!(&panics, Some((5, Failure::Panic(message))) if message == "a bug"), "{panics:?}");
}
