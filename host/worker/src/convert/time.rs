//! Durations and instants.
//!
//! The contract counts nanoseconds in 64 bits, which reaches until the year 2554; the protocol's
//! fields reach further in both directions. What lies beyond becomes the nearest nanosecond there is.

use prost_types::{Duration, Timestamp};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Nanoseconds of a duration.
pub(super) fn duration_to_guest(duration: Duration) -> u64 {
    nanoseconds(duration.seconds, duration.nanos)
}

/// A duration from nanoseconds.
pub(super) fn duration_to_wire(nanoseconds: u64) -> Duration {
    let (seconds, nanos) = split(nanoseconds);
    Duration { seconds, nanos }
}

/// Nanoseconds since 1970.
pub(super) fn instant_to_guest(time: Timestamp) -> u64 {
    nanoseconds(time.seconds, time.nanos)
}

/// An instant from nanoseconds since 1970.
pub(super) fn instant_to_wire(nanoseconds: u64) -> Timestamp {
    let (seconds, nanos) = split(nanoseconds);
    Timestamp { seconds, nanos }
}

fn nanoseconds(seconds: i64, nanos: i32) -> u64 {
    let total = i128::from(seconds) * i128::from(NANOS_PER_SECOND) + i128::from(nanos);
    u64::try_from(total.max(0)).unwrap_or(u64::MAX)
}

fn split(nanoseconds: u64) -> (i64, i32) {
    let seconds = nanoseconds / NANOS_PER_SECOND;
    let nanos = nanoseconds % NANOS_PER_SECOND;
    // Neither can fail: 2^64 / 10^9 and 10^9 fit.
    (i64::try_from(seconds).unwrap_or(i64::MAX), i32::try_from(nanos).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_comes_back_and_the_rest_is_bounded() {
        for (seconds, nanos, expected) in [
            (0, 0, 0),
            (1, 1, 1_000_000_001),
            (1_700_000_000, 999_999_999, 1_700_000_000_999_999_999),
            (-1, 0, 0),
            (0, -1, 0),
            (i64::MIN, i32::MIN, 0),
            (i64::MAX, i32::MAX, u64::MAX),
            (18_446_744_073, 709_551_615, u64::MAX),
            (18_446_744_073, 709_551_616, u64::MAX),
        ] {
            assert_eq!(duration_to_guest(Duration { seconds, nanos }), expected);
            assert_eq!(instant_to_guest(Timestamp { seconds, nanos }), expected);
        }
        for nanoseconds in [0, 1, 999_999_999, 1_000_000_000, u64::MAX] {
            assert_eq!(duration_to_guest(duration_to_wire(nanoseconds)), nanoseconds);
            assert_eq!(instant_to_guest(instant_to_wire(nanoseconds)), nanoseconds);
        }
    }
}
