//! Lets time pass for runs whose deadlines come.

use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, sleep_until};

use crate::shard::context::ShardContext;

/// How often unused things are forgotten, and a clock that was set is noticed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// The pause after a sweep that left something.
const SWEEP_PAUSE: Duration = Duration::from_millis(5);
/// How often old runs are deleted.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

/// Runs until the service is gone. Does not keep it alive while there is nothing to do.
pub(crate) async fn run_deadlines(inner: Weak<ShardContext>) {
    let Some((changed, closing)) =
        inner.upgrade().map(|inner| (inner.deadlines.clone(), inner.closing.clone()))
    else {
        return;
    };
    let mut next_sweep = Instant::now() + SWEEP_INTERVAL;
    let mut next_prune = Instant::now();
    loop {
        let wait = {
            let Some(inner) = inner.upgrade() else { return };
            if Instant::now() >= next_sweep {
                let more = inner.sweep();
                next_sweep = Instant::now() + if more { SWEEP_PAUSE } else { SWEEP_INTERVAL };
            }
            if Instant::now() >= next_prune {
                inner.prune();
                next_prune = Instant::now() + PRUNE_INTERVAL;
            }
            pass_time(&inner)
        };
        tokio::select! {
            biased;
            () = changed.notified() => {}
            () = sleep_until(next_sweep.min(Instant::now() + wait)) => {}
            _ = closing.wait_for(|closing| closing) => return,
        }
    }
}

/// Does what is due; answers how long there is nothing to do.
fn pass_time(inner: &ShardContext) -> Duration {
    if inner.storage.synced().get().is_full() {
        return Duration::from_secs(1);
    }
    loop {
        let now = inner.environment.clock.now();
        let due = inner.lock().due(now);
        match due {
            Ok(number) => {
                inner.transition(|transition| transition.change(number, |run| run.pass_time()));
                inner.lock().rearm(number);
            }
            Err(Some(time)) => return time.since(now),
            Err(None) => return SWEEP_INTERVAL,
        }
    }
}
