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
    Duration::try_from(duration).unwrap_or(Duration::ZERO)
}

/// A time for the protocol.
#[must_use]
pub fn timestamp_to_proto(time: SystemTime) -> Timestamp {
    Timestamp::from(time)
}

/// A time of the protocol; one that the system has no clock for is the epoch.
#[must_use]
pub fn timestamp_from_proto(timestamp: Timestamp) -> SystemTime {
    SystemTime::try_from(timestamp).unwrap_or(UNIX_EPOCH)
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
