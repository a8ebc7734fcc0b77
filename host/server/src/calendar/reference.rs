//! A slow reference: every second is looked at.

use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::calendar::{DayRule, Fields};

/// Zones that shift in all ways: by an hour, by half of one, by a day, below zero, and not at all.
pub(crate) const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Europe/Dublin",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Antarctica/Troll",
];

/// Shifts happen at multiples of this in the years that are tested.
const QUARTER: i64 = 900;

/// A second of local time.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    day: Zoned,
    hour: i8,
    minute: i8,
    second: i8,
}

impl Local {
    /// Whether fields match.
    pub(crate) fn matches(&self, fields: &Fields) -> bool {
        let bit = |bits: u64, value: i8| bits >> value & 1 == 1;
        let of_month = || bit(fields.days_of_month, self.day.day());
        let of_week = || bit(fields.days_of_week, self.day.weekday().to_sunday_zero_offset());
        bit(fields.seconds, self.second)
            && bit(fields.minutes, self.minute)
            && bit(fields.hours, self.hour)
            && bit(fields.months, self.day.month())
            && match fields.day_rule {
                DayRule::Both => of_month() && of_week(),
                DayRule::Either => of_month() || of_week(),
            }
            && fields.years.as_ref().is_none_or(|years| years.contains(&self.day.year()))
    }
}

/// Calls with each second from one on, up to another and without it.
pub(crate) fn each_second(zone: &TimeZone, from: i64, until: i64, mut each: impl FnMut(i64, &Local)) {
    let mut at = from;
    while at < until {
        let local = Timestamp::from_second(at).unwrap().to_zoned(zone.clone());
        let end = ((at.div_euclid(QUARTER) + 1) * QUARTER).min(until);
        let mut local =
            Local { hour: local.hour(), minute: local.minute(), second: local.second(), day: local };
        while at < end {
            each(at, &local);
            at += 1;
            local.second += 1;
            if local.second == 60 {
                (local.second, local.minute) = (0, local.minute + 1);
            }
            if local.minute == 60 {
                // A zone may be ahead by other than whole quarters of an hour.
                let again = Timestamp::from_second(at).unwrap().to_zoned(zone.clone());
                local =
                    Local { hour: again.hour(), minute: again.minute(), second: again.second(), day: again };
            }
        }
    }
}
