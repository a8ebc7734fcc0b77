//! Points in time as state keeps them. There is no clock here: `now` is an input.

use std::time::Duration;

use host_wire::{duration_to_proto, timestamp_to_unix_nanos};
use prost_types::{Duration as ProtoDuration, Timestamp};

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

/// A duration for an event, where it is zero and never unset.
#[expect(clippy::unnecessary_wraps, reason = "message fields are optional")]
pub(crate) fn stored(duration: Option<Duration>) -> Option<ProtoDuration> {
    Some(duration_to_proto(duration.unwrap_or_default()))
}
