//! The delay of an action: the same for the same schedule and time, whatever happens in between.

use crate::time::Time;

const NANOS_PER_MS: i64 = 1_000_000;
const MS_PER_SECOND: i64 = 1_000;
/// Seconds from the beginning of the year 1 to 1970, as Go counts them.
const YEAR_ONE: i64 = 62_135_596_800;

/// A nominal time, in seconds since 1970, with a delay of less than `max_ms` that is a hash of it and the seed.
///
/// `addJitter` of Temporal's server, with the same hash of the same bytes (`time.Time.MarshalBinary` in UTC, then the
/// seed).
pub(super) fn delayed(nominal: i64, seed: &str, max_ms: i64) -> Time {
    let max_ms = u64::try_from(max_ms).unwrap_or(0).min(u64::from(u32::MAX));
    let mut bytes = vec![1];
    bytes.extend((nominal.saturating_add(YEAR_ONE)).to_be_bytes());
    bytes.extend(0_i32.to_be_bytes());
    bytes.extend((-1_i16).to_be_bytes());
    bytes.extend(seed.as_bytes());
    let delay_ms = (u64::from(farmhash::fingerprint32(&bytes)) * max_ms) >> 32;
    let ms = nominal.saturating_mul(MS_PER_SECOND).saturating_add(i64::try_from(delay_ms).unwrap_or(0));
    Time(ms.saturating_mul(NANOS_PER_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Temporal's server computes.
    #[test]
    fn delays_are_those_of_temporals_server() {
        for (nominal, seed, max_ms, expected) in [
            (1_710_504_000, "ns-s", 90_000, 7_504),
            (1_710_504_060, "", 3_600_000, 374_361),
            (
                1_710_504_000,
                "32049b68-7872-4094-8e63-d0dd59896a83-a-long-schedule-id",
                4_000_000_000,
                320_141_429,
            ),
        ] {
            let delayed = delayed(nominal, seed, max_ms);
            assert_eq!(delayed.0 / NANOS_PER_MS - nominal * MS_PER_SECOND, expected, "{nominal} {seed}");
        }
    }
}
