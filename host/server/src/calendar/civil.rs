//! Local time as a count of seconds, as if the local time of 1970 began at the epoch and no zone ever shifted.

use jiff::civil::Date;

pub(super) const DAY: i64 = 24 * 60 * 60;

/// The day that a local second is in; nothing outside of the years that dates have.
pub(super) fn date_of(civil: i64) -> Option<Date> {
    let days = i32::try_from(civil.div_euclid(DAY)).ok()?;
    epoch().checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// The first local second of a day.
pub(super) fn start_of(date: Date) -> i64 {
    i64::from((date - epoch()).get_days()) * DAY
}

fn epoch() -> Date {
    Date::constant(1970, 1, 1)
}
