//! Durations and times between the standard library and the protocol.
//!
//! The protocol can say more than Rust's types (negative durations, times without a year) and less
//! (no durations of more than ten thousand years). What does not fit becomes the nearest that does,
//! so that a foreign message is never the reason for a failure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost_types::{Duration as ProtoDuration, Timestamp};

/// Largest `google.protobuf.Duration`, in seconds; its definition states this bound.
const MAX_DURATION_SECONDS: u64 = 315_576_000_000;
const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// A duration for the protocol; one too long for it is cut to ten thousand years.
#[must_use]
pub fn duration_to_proto(duration: Duration) -> ProtoDuration {
    let duration = duration.min(Duration::from_secs(MAX_DURATION_SECONDS));
    ProtoDuration { seconds: duration.as_secs().cast_signed(), nanos: duration.subsec_nanos().cast_signed() }
}

/// A duration of the protocol; a negative one is zero.
#[must_use]
pub fn duration_from_proto(duration: ProtoDuration) -> Duration {
    // prost's own conversion overflows on extreme values.
    let seconds = Duration::from_secs(u64::try_from(duration.seconds).unwrap_or_default());
    let nanos = Duration::from_nanos(duration.nanos.unsigned_abs().into());
    if duration.seconds < 0 {
        Duration::ZERO
    } else if duration.nanos < 0 {
        seconds.saturating_sub(nanos)
    } else {
        seconds.saturating_add(nanos)
    }
}

/// A duration of the protocol; nothing when it is unset or zero, which mean the same in requests, or negative.
#[must_use]
pub fn positive_duration_from_proto(duration: Option<ProtoDuration>) -> Option<Duration> {
    duration.map(duration_from_proto).filter(|duration| !duration.is_zero())
}

/// A time for the protocol; one before 1970 is the epoch.
#[must_use]
pub fn timestamp_to_proto(time: SystemTime) -> Timestamp {
    let since_epoch = duration_to_proto(time.duration_since(UNIX_EPOCH).unwrap_or_default());
    Timestamp { seconds: since_epoch.seconds, nanos: since_epoch.nanos }
}

/// A time of the protocol; one before 1970, or so late that the system has no such time, is the
/// epoch.
#[must_use]
pub fn timestamp_from_proto(timestamp: Timestamp) -> SystemTime {
    let since_epoch =
        duration_from_proto(ProtoDuration { seconds: timestamp.seconds, nanos: timestamp.nanos });
    UNIX_EPOCH.checked_add(since_epoch).unwrap_or(UNIX_EPOCH)
}

/// Nanoseconds since the epoch; times outside of 1970 to 2262 are the nearest that fits.
#[must_use]
pub fn timestamp_to_unix_nanos(timestamp: Timestamp) -> i64 {
    timestamp
        .seconds
        .saturating_mul(i64::from(NANOS_PER_SECOND))
        .saturating_add(i64::from(timestamp.nanos))
        .max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_extremes_are_the_nearest_that_fits() {
        for (seconds, nanos, expected) in [
            (1, 500, Duration::new(1, 500)),
            (1, -1, Duration::new(0, 999_999_999)),
            (0, -1, Duration::ZERO),
            (i64::MIN, i32::MIN, Duration::ZERO),
            (i64::MAX, i32::MAX, Duration::new(i64::MAX.unsigned_abs() + 2, 147_483_647)),
        ] {
            assert_eq!(duration_from_proto(ProtoDuration { seconds, nanos }), expected);
        }
        assert_eq!(timestamp_from_proto(Timestamp { seconds: i64::MAX, nanos: i32::MAX }), UNIX_EPOCH);
        assert_eq!(timestamp_to_unix_nanos(Timestamp { seconds: i64::MAX, nanos: 0 }), i64::MAX);
        assert_eq!(timestamp_to_unix_nanos(Timestamp { seconds: i64::MIN, nanos: -1 }), 0);
    }

    #[test]
    fn times_come_back_as_they_were() {
        let timestamp = Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 };
        assert_eq!(timestamp_to_proto(timestamp_from_proto(timestamp)), timestamp);
        assert_eq!(timestamp_to_unix_nanos(timestamp), 1_700_000_000_123_456_789);
    }
}
