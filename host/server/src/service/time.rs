//! Lets time pass for runs whose deadlines come.

use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::Inner;

/// Longest sleep, so that a clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
/// How often unused things are forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// Runs until the service is gone. Does not keep it alive while there is nothing to do.
pub(crate) async fn run_deadlines(inner: Weak<Inner>) {
    let Some((changed, mut closing)) =
        inner.upgrade().map(|inner| (inner.deadlines.clone(), inner.closing.subscribe()))
    else {
        return;
    };
    let mut next_sweep = Instant::now() + SWEEP_INTERVAL;
    loop {
        let wait = {
            let Some(inner) = inner.upgrade() else { return };
            if Instant::now() >= next_sweep {
                let synced = inner.log.synced().borrow().position;
                let now = inner.clock.now();
                inner.lock().sweep(synced, now);
                next_sweep = Instant::now() + SWEEP_INTERVAL;
            }
            pass_time(&inner)
        };
        tokio::select! {
            () = changed.notified() => {}
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
