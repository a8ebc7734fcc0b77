//! Runs of a candidate that the service ended at their timeout: which of them are counted, and that each is so once.
//!
//! The service says how many there are in a span of time, not which. So time goes by in windows: what is kept is one number
//! for all that are over, and where the present one begins. Asking twice changes nothing, nor does a restart in between.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a window is. What timed out in it must not have been deleted before it is over: services keep closed runs
/// longer.
const WINDOW: Duration = Duration::from_secs(600);
/// How much later than at their end a service may list runs, and how far its clock may be behind or ahead of the host's.
const SLACK: Duration = Duration::from_secs(60);

/// Runs of a candidate that timed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimedOutRuns {
    /// Begin of the present window, in milliseconds since 1970 by the clock of the service.
    pub since_ms: u64,
    /// Those of the present window that timed out before the candidate was a canary. Nothing until the service has said so.
    pub before: Option<u64>,
    /// Those of earlier windows.
    pub settled: u64,
}

impl TimedOutRuns {
    /// None yet, of a canary that begins now, in milliseconds since 1970.
    pub(crate) fn from_now(now_ms: u64) -> Self {
        Self { since_ms: now_ms.saturating_sub(milliseconds(SLACK)), ..Self::default() }
    }

    /// How many there are, when so many are in the present window.
    pub(crate) fn all(&mut self, in_window: u64) -> u64 {
        let before = *self.before.get_or_insert(in_window);
        self.settled.saturating_add(in_window.saturating_sub(before))
    }

    /// The end of the present window, in milliseconds since 1970. What is asked up to there does not change any more, once
    /// [`TimedOutRuns::is_over`].
    pub(crate) fn end_ms(&self) -> u64 {
        self.since_ms.saturating_add(milliseconds(WINDOW))
    }

    /// Whether the present window is over, of which so much was seen.
    pub(crate) fn is_over(&self, seen: Duration) -> bool {
        self.before.is_some() && seen >= WINDOW + SLACK
    }

    /// The next window begins: the present one had so many.
    pub(crate) fn begin_next(&mut self, in_window: u64) {
        *self = Self { settled: self.all(in_window), before: Some(0), since_ms: self.end_ms() };
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a service is asked about runs that closed at these minutes, where the canary began at minute 100.
    struct Runs(Vec<u64>);

    impl Runs {
        fn count(&self, since_ms: u64, end_ms: Option<u64>) -> u64 {
            let is_in = |minute: &&u64| {
                let closed = **minute * 60_000;
                closed >= since_ms && end_ms.is_none_or(|end| closed < end)
            };
            self.0.iter().filter(is_in).count() as u64
        }
    }

    #[test]
    fn each_run_counts_once_over_all_windows() {
        let minute = |minutes: u64| minutes * 60_000;
        let mut kept = TimedOutRuns::from_now(minute(100));
        let mut runs = Runs(vec![50, 99, 99]);
        let mut seen_since = 100;
        // Minute, runs that close then, and how many have timed out since the canary began.
        for (now, closing, expected) in
            [(100, 0, 0), (105, 2, 2), (109, 1, 3), (110, 0, 3), (112, 1, 4), (125, 3, 7), (140, 0, 7)]
        {
            runs.0.extend(vec![now; closing]);
            for _ in 0..2 {
                let known = kept;
                assert_eq!(kept.all(runs.count(kept.since_ms, None)), expected, "minute {now}: {known:?}");
            }
            // As after a restart of the host.
            kept = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
            if kept.is_over(Duration::from_secs((now - seen_since) * 60)) {
                kept.begin_next(runs.count(kept.since_ms, Some(kept.end_ms())));
                seen_since = now;
            }
        }
        assert_eq!(kept.since_ms, minute(129), "windows were left behind");
    }

    #[test]
    fn what_the_service_has_deleted_takes_nothing_back() {
        let mut kept = TimedOutRuns::from_now(0);
        assert_eq!(kept.all(5), 0);
        assert_eq!(kept.all(7), 2);
        kept.begin_next(7);
        assert_eq!(kept.all(0), 2);
    }

    #[test]
    fn a_window_is_over_when_nothing_of_it_comes_late() {
        let mut kept = TimedOutRuns::from_now(0);
        assert!(!kept.is_over(Duration::MAX), "the service has said nothing yet");
        kept.all(0);
        assert!(!kept.is_over(WINDOW));
        assert!(kept.is_over(WINDOW + SLACK));
    }
}
