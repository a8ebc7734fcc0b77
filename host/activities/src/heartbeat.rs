//! Throttles heartbeats: a state machine without a clock, which [`crate::attempt`] drives.
//!
//! The first heartbeat is sent at once. Later ones wait until an interval has passed since the last one was
//! sent, and only the newest is sent then. The interval is short enough for the heartbeat timeout, and an
//! activity may record a heartbeat at every step.

use std::time::Duration;

use guest_sdk_types::Payload;
use tokio::time::Instant;

use crate::cancel::CancelReason;

/// The longest interval between two heartbeats. Temporal's SDKs have the same default
/// (`max_heartbeat_throttle_interval`).
const MAX_INTERVAL: Duration = Duration::from_secs(60);

/// The interval for an activity without a heartbeat timeout (`default_heartbeat_throttle_interval`).
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);

/// The interval as a part of the heartbeat timeout.
const SHARE_OF_TIMEOUT: f64 = 0.8;

/// The service's answer to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeartbeatAnswer {
    /// The service recorded the heartbeat.
    Recorded,
    /// The activity is to be cancelled for this reason.
    Stop(CancelReason),
    /// The heartbeat could not be sent, with the error. The next one is sent as usual.
    Failed(String),
}

/// The interval between two heartbeats of an activity with this heartbeat timeout.
fn interval(heartbeat_timeout: Option<Duration>) -> Duration {
    match heartbeat_timeout {
        Some(timeout) => timeout.mul_f64(SHARE_OF_TIMEOUT).min(MAX_INTERVAL),
        None => DEFAULT_INTERVAL,
    }
}

/// The heartbeats of one attempt.
#[derive(Debug)]
pub(crate) struct Throttle {
    interval: Duration,
    state: State,
    /// The newest details, if they were recorded after the last heartbeat was sent.
    unsent: Option<Vec<Payload>>,
}

#[derive(Debug)]
enum State {
    /// The next heartbeat is sent at once.
    Open,
    /// A heartbeat was sent at this time and has no answer yet.
    Sending(Instant),
    /// The next heartbeat waits until this time.
    Closed(Instant),
}

impl Throttle {
    /// A throttle without a recorded heartbeat.
    pub(crate) fn new(heartbeat_timeout: Option<Duration>) -> Self {
        Self { interval: interval(heartbeat_timeout), state: State::Open, unsent: None }
    }

    /// The activity recorded these details. Returns the details to send now.
    pub(crate) fn record(&mut self, details: Vec<Payload>, now: Instant) -> Option<Vec<Payload>> {
        self.unsent = Some(details);
        match self.state {
            State::Open => self.send(now),
            State::Sending(_) | State::Closed(_) => None,
        }
    }

    /// The last heartbeat was answered, or failed.
    pub(crate) fn answered(&mut self) {
        if let State::Sending(since) = self.state {
            self.state = State::Closed(since + self.interval);
        }
    }

    /// When [`Throttle::elapsed`] must be called.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Closed(until) => Some(until),
            State::Open | State::Sending(_) => None,
        }
    }

    /// The time of [`Throttle::due`] has come. Returns the details to send now.
    pub(crate) fn elapsed(&mut self, now: Instant) -> Option<Vec<Payload>> {
        self.state = State::Open;
        self.send(now)
    }

    /// The attempt ended. Returns the newest details, if they were not sent.
    pub(crate) fn into_unsent(self) -> Option<Vec<Payload>> {
        self.unsent
    }

    fn send(&mut self, now: Instant) -> Option<Vec<Payload>> {
        let details = self.unsent.take()?;
        self.state = State::Sending(now);
        Some(details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_most_of_the_timeout() {
        let check = |timeout_ms: Option<u64>, expected_ms: u128| {
            let timeout = timeout_ms.map(Duration::from_millis);
            assert_eq!(interval(timeout).as_millis(), expected_ms);
        };
        check(None, 30_000);
        check(Some(1_000), 800);
        check(Some(60_000), 48_000);
        check(Some(600_000), 60_000);
    }

    /// Plays a script of `time_ms:what` against a throttle of 100 ms (a timeout of 125). `a`, `b`, …
    /// records a heartbeat, `+` answers the one under way, and every due time is taken as it comes.
    fn check(script: &str, expected: &str) {
        let start = Instant::now();
        let mut throttle = Throttle::new(Some(Duration::from_millis(125)));
        let mut sent = Vec::new();
        let mut note = |at: Instant, details: Option<Vec<Payload>>| {
            sent.extend(details.map(|details| format!("{}:{}", (at - start).as_millis(), name(&details))));
        };
        let mut clock = start;
        for step in script.split_whitespace() {
            let (time_ms, what) = step.split_once(':').unwrap();
            let now = start + Duration::from_millis(time_ms.parse().unwrap());
            while let Some(due) = throttle.due().filter(|due| *due <= now) {
                clock = clock.max(due);
                note(clock, throttle.elapsed(clock));
            }
            clock = now;
            match what {
                "+" => throttle.answered(),
                "." => {}
                details => note(now, throttle.record(vec![Payload::from_json(details)], now)),
            }
        }
        sent.extend(throttle.into_unsent().map(|details| format!("unsent:{}", name(&details))));
        assert_eq!(sent.join(" "), expected, "{script}");
    }

    fn name(details: &[Payload]) -> String {
        String::from_utf8(details[0].data.clone()).unwrap()
    }

    #[test]
    fn only_the_newest_goes_and_not_too_often() {
        check("0:a", "0:a");
        check("0:a 5:+ 10:b 20:c", "0:a unsent:c");
        check("0:a 5:+ 10:b 20:c 100:.", "0:a 100:c");
        check("0:a 5:+ 10:b 100:. 110:+ 150:c 250:.", "0:a 100:b 200:c");
        // Without a heartbeat during the interval, the next one is sent at once, and starts another interval.
        check("0:a 5:+ 150:b 155:+ 160:c 250:.", "0:a 150:b 250:c");
        // The next heartbeat waits for an answer that takes longer than the interval.
        check("0:a 10:b 300:. 310:+ 310:.", "0:a 310:b");
    }
}
