//! Lets time pass for runs whose deadlines come.

use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::Inner;

/// Longest sleep, so that a clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
/// How often unused things are forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// Runs until the service is gone.
pub(crate) async fn run_deadlines(inner: Weak<Inner>) {
    let mut next_sweep = Instant::now() + SWEEP_INTERVAL;
    loop {
        let Some(strong) = inner.upgrade() else { return };
        let wait = pass_time(&strong);
        if Instant::now() >= next_sweep {
            let synced = strong.log.synced().borrow().position;
            let now = strong.clock.now();
            strong.lock().sweep(synced, now);
            next_sweep = Instant::now() + SWEEP_INTERVAL;
        }
        let mut closing = strong.closing.subscribe();
        tokio::select! {
            () = strong.deadlines.notified() => {}
            () = sleep_until(Instant::now() + wait.min(LONGEST_SLEEP)) => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
    }
}

/// Does what is due; answers how long there is nothing to do.
fn pass_time(inner: &Inner) -> Duration {
    if inner.log.synced().borrow().full {
        return Duration::from_secs(1);
    }
    loop {
        let now = inner.clock.now();
        let due = inner.lock().due(now);
        match due {
            Ok(number) => {
                inner.transition(|turn| turn.step(number, |step| step.pass_time()));
                inner.lock().rearm(number);
            }
            Err(Some(time)) => return time.since(now),
            Err(None) => return LONGEST_SLEEP,
        }
    }
}
