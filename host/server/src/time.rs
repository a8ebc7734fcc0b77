//! Points in time as state keeps them. There is no clock here: `now` is an input.

use std::time::Duration;

use host_wire::{duration_to_proto, timestamp_to_unix_nanos};
use prost_types::{Duration as ProtoDuration, Timestamp};

use crate::limits;

pub(crate) use host_wire::positive_duration_from_proto as positive;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Nanoseconds since the epoch. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Time(pub(crate) i64);

impl Time {
    pub(crate) fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    pub(crate) fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; nothing when it is not.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        let nanos = i32::try_from(time.0.rem_euclid(NANOS_PER_SECOND)).unwrap_or_default();
        Self { seconds: time.0.div_euclid(NANOS_PER_SECOND), nanos }
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp_to_unix_nanos(timestamp))
    }
}

/// Shortens a duration to [`limits::DURATION_SECONDS`], as `ValidateAndCapProtoDuration` of Temporal's server does.
///
/// # Errors
///
/// Says what is wrong with a duration that is negative, in that server's words.
pub(crate) fn check_and_cap(duration: &mut ProtoDuration) -> Result<(), &'static str> {
    let ProtoDuration { seconds, nanos } = *duration;
    if seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0 {
        return Err("duration has seconds and nanos with different signs");
    }
    if seconds < 0 || nanos < 0 {
        return Err("negative duration");
    }
    if seconds >= limits::DURATION_SECONDS {
        *duration = ProtoDuration { seconds: limits::DURATION_SECONDS, nanos: 0 };
    }
    Ok(())
}

/// A duration for an event, where it is zero and never unset.
#[expect(clippy::unnecessary_wraps, reason = "message fields are optional")]
pub(crate) fn stored(duration: Option<Duration>) -> Option<ProtoDuration> {
    Some(duration_to_proto(duration.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_capped_and_have_one_sign() {
        let capped = |seconds, nanos| {
            let mut duration = ProtoDuration { seconds, nanos };
            check_and_cap(&mut duration).map(|()| (duration.seconds, duration.nanos))
        };
        let most = limits::DURATION_SECONDS;
        for (seconds, nanos, expected) in [
            (0, 0, Ok((0, 0))),
            (0, 1, Ok((0, 1))),
            (most - 1, 999_999_999, Ok((most - 1, 999_999_999))),
            (most, 1, Ok((most, 0))),
            (i64::MAX, i32::MAX, Ok((most, 0))),
            (-1, 0, Err("negative duration")),
            (0, -1, Err("negative duration")),
            (i64::MIN, i32::MIN, Err("negative duration")),
            (1, -1, Err("duration has seconds and nanos with different signs")),
            (-1, 1, Err("duration has seconds and nanos with different signs")),
        ] {
            assert_eq!(capped(seconds, nanos), expected, "{seconds} s {nanos} ns");
        }
    }
}
