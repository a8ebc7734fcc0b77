//! The timeouts of an attempt that the host enforces itself, so that an activity that the service has given
//! up does not occupy its slot for ever. A state machine without a clock, which [`crate::attempt`] drives.

use std::time::Duration;

use tokio::time::Instant;

use crate::info::ActivityInfo;

/// The times at which the service has given an attempt up.
#[derive(Debug)]
pub(crate) struct Timers {
    attempt: Option<Instant>,
    heartbeat: Option<Instant>,
    heartbeat_timeout: Option<Duration>,
}

impl Timers {
    /// Starts the timers at `received`, when the service handed the task out. `margin` is added to each, so that
    /// the service enforces it first.
    pub(crate) fn new(info: &ActivityInfo, margin: Duration, received: Instant) -> Self {
        let with_margin = |timeout: Duration| timeout.saturating_add(margin);
        let heartbeat_timeout = info.heartbeat_timeout.map(with_margin);
        Self {
            attempt: after(received, info.attempt_timeout().map(with_margin)),
            heartbeat: after(received, heartbeat_timeout),
            heartbeat_timeout,
        }
    }

    /// The service has recorded a heartbeat.
    pub(crate) fn heartbeat_recorded(&mut self, now: Instant) {
        self.heartbeat = after(now, self.heartbeat_timeout);
    }

    /// When the first timeout ends.
    pub(crate) fn due(&self) -> Option<Instant> {
        [self.attempt, self.heartbeat].into_iter().flatten().min()
    }
}

/// `None` if there is no timeout, or it ends beyond the range of `Instant`.
fn after(now: Instant, timeout: Option<Duration>) -> Option<Instant> {
    now.checked_add(timeout?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_timeout_counts_and_heartbeats_put_theirs_off() {
        let check = |start_to_close: Option<u64>, heartbeat: Option<u64>, expected: [Option<u64>; 2]| {
            let info = ActivityInfo {
                start_to_close_timeout: start_to_close.map(Duration::from_secs),
                heartbeat_timeout: heartbeat.map(Duration::from_secs),
                ..ActivityInfo::default()
            };
            let now = Instant::now();
            let mut timers = Timers::new(&info, Duration::from_secs(5), now);
            let before = timers.due();
            timers.heartbeat_recorded(now + Duration::from_secs(8));
            let seconds = [before, timers.due()].map(|due| due.map(|due| (due - now).as_secs()));
            assert_eq!(seconds, expected);
        };
        check(None, None, [None, None]);
        check(Some(20), None, [Some(25), Some(25)]);
        check(None, Some(10), [Some(15), Some(23)]);
        check(Some(15), Some(10), [Some(15), Some(20)]);
        check(Some(u64::MAX), None, [None, None]);
    }

    #[test]
    fn what_is_left_of_all_attempts_is_a_timeout_of_this_one() {
        let at = |seconds| Some(std::time::UNIX_EPOCH + Duration::from_secs(seconds));
        let info = ActivityInfo {
            scheduled_time: at(100),
            started_time: at(107),
            schedule_to_close_timeout: Some(Duration::from_secs(10)),
            start_to_close_timeout: Some(Duration::from_secs(5)),
            ..ActivityInfo::default()
        };
        let now = Instant::now();
        let due = Timers::new(&info, Duration::from_secs(1), now).due();
        assert_eq!(due, Some(now + Duration::from_secs(4)));
    }
}
