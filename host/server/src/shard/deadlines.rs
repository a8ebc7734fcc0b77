//! The loop that handles deadlines of runs, sweeps memory and deletes old runs.

use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, sleep_until};

use crate::{
    execution::{pass_time, record::RunNumber},
    schedule::{
        apply,
        record::ScheduleNumber,
        step::{self, Wake},
    },
    shard::context::ShardContext,
    time::Time,
    time_skipping::TimeSkipping,
};

/// How often memory is swept, and the longest time until a change of the system clock is noticed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// The pause after a sweep that left something.
const SWEEP_PAUSE: Duration = Duration::from_millis(5);
/// How often old runs are deleted.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

/// Runs until the service is gone. Does not keep it alive while there is nothing to do.
pub(crate) async fn run_deadlines(context: Weak<ShardContext>) {
    let Some((changed, closing, skipping)) = context.upgrade().map(|context| {
        (context.deadlines().clone(), context.closing().clone(), context.time_skipping().cloned())
    }) else {
        return;
    };
    let mut next_sweep = Instant::now() + SWEEP_INTERVAL;
    let mut next_prune = Instant::now();
    loop {
        let wait = {
            let Some(context) = context.upgrade() else { return };
            if Instant::now() >= next_sweep {
                let more = context.sweep();
                next_sweep = Instant::now() + if more { SWEEP_PAUSE } else { SWEEP_INTERVAL };
            }
            if Instant::now() >= next_prune {
                // Time that was skipped is no reason to delete what a test looks at.
                if context.time_skipping().is_none() {
                    context.prune();
                }
                next_prune = Instant::now() + PRUNE_INTERVAL;
            }
            do_what_is_due(&context, next_sweep).await
        };
        tokio::select! {
            biased;
            () = changed.notified() => {}
            () = unlocked(skipping.as_deref()) => {}
            () = sleep_until(next_sweep.min(Instant::now() + wait)) => {}
            _ = closing.wait_for(|closing| closing) => return,
        }
    }
}

async fn unlocked(skipping: Option<&TimeSkipping>) {
    match skipping {
        Some(skipping) => skipping.unlocked().await,
        None => std::future::pending().await,
    }
}

/// Handles deadlines that have passed, until the next sweep at most; answers the time until the next deadline.
async fn do_what_is_due(context: &ShardContext, until: Instant) -> Duration {
    if context.storage().synced().get().is_full() {
        return Duration::from_secs(1);
    }
    loop {
        let now = context.now();
        match next_due(context, now) {
            Due::Schedule(number) => take_step(context, number).await,
            Due::Run(number) => {
                if let Err(status) = pass_time(context, number).await {
                    tracing::debug!(run = number, %status, "a deadline is put off");
                    context.lock().put_off(number, now.after(SWEEP_INTERVAL));
                }
            }
            Due::Skipped => continue,
            Due::Later(Some(time)) => return time.since(now),
            Due::Later(None) => return SWEEP_INTERVAL,
        }
        if Instant::now() >= until {
            return Duration::ZERO;
        }
    }
}

/// What is to be done next.
enum Due {
    Schedule(ScheduleNumber),
    Run(RunNumber),
    /// The time until the next deadline was skipped.
    Skipped,
    /// Nothing before this time.
    Later(Option<Time>),
}

fn next_due(context: &ShardContext, now: Time) -> Due {
    let mut shard = context.lock();
    let of_schedules = match shard.executions.schedules.due(now) {
        Ok(number) => return Due::Schedule(number),
        Err(next) => next,
    };
    let of_runs = match shard.due(now) {
        Ok(number) => return Due::Run(number),
        Err(next) => next,
    };
    let next = of_schedules.into_iter().chain(of_runs).min();
    match context.time_skipping() {
        Some(skipping) if shard.is_idle() && skipping.skip(next) => Due::Skipped,
        _ => Due::Later(next),
    }
}

/// Takes the step of a schedule that is due.
async fn take_step(context: &ShardContext, number: ScheduleNumber) {
    let stepped = context.transition(
        number,
        |executions, number| match executions.schedules.get(*number) {
            Some(schedule) => step::plan(executions, schedule, Wake, context.now()).map(Some),
            None => Ok(None),
        },
        |transition, _, plan| {
            if let Some(plan) = plan {
                apply::apply(transition, plan);
            }
            Ok(())
        },
        |_, _| {},
    );
    let refused = match stepped.await {
        Ok((result, _)) => result.err().map(tonic::Status::from),
        Err(status) => Some(status),
    };
    if let Some(status) = refused {
        tracing::warn!(schedule = number, %status, "a step of a schedule is put off");
        let until = context.now().after(SWEEP_INTERVAL);
        context.lock().executions.schedules.put_off(number, until);
    }
}

/// Handles the deadlines of one run, and watches its next one.
async fn pass_time(context: &ShardContext, number: RunNumber) -> Result<(), tonic::Status> {
    let passed = context.transition(
        number,
        |executions, number| pass_time::prepare(executions, *number, context.now()),
        |transition, number, is_due| {
            if is_due {
                transition.change(number, pass_time::pass_time);
            }
            Ok(())
        },
        |_, _| {},
    );
    // A damaged run is refused: then there is nothing to watch.
    let _refused = passed.await?;
    context.lock().rearm(number);
    Ok(())
}
