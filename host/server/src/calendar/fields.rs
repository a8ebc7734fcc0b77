//! The fields of a calendar: which seconds of which days match, in local time.

use jiff::civil::Date;

use crate::calendar::{
    LAST_YEAR,
    civil::{DAY, date_of, start_of},
};

const ALL_60: u64 = (1 << 60) - 1;
const ALL_HOURS: u64 = (1 << 24) - 1;

/// How the days of the month and those of the week go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DayRule {
    /// A day has to match both.
    Both,
    /// A day has to match one of them.
    Either,
}

/// The values of each field that match, as bits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fields {
    /// Bits 0 to 59.
    pub(crate) seconds: u64,
    /// Bits 0 to 59.
    pub(crate) minutes: u64,
    /// Bits 0 to 23.
    pub(crate) hours: u64,
    /// Bits 1 to 31.
    pub(crate) days_of_month: u64,
    /// Bits 1 to 12.
    pub(crate) months: u64,
    /// Bits 0, Sunday, to 6.
    pub(crate) days_of_week: u64,
    /// In ascending order; all if absent.
    pub(crate) years: Option<Vec<i16>>,
    pub(crate) day_rule: DayRule,
}

impl Fields {
    /// Whether a local second matches.
    pub(super) fn matches(&self, civil: i64) -> bool {
        let time = time_of(civil);
        date_of(civil).is_some_and(|date| self.has_date(date)) && self.time_from(time) == Some(time)
    }

    /// The first local second from this one on that matches, up to [`LAST_YEAR`].
    pub(super) fn first_from(&self, civil: i64) -> Option<i64> {
        let mut date = date_of(civil)?;
        let mut time = time_of(civil);
        loop {
            let year = self.year_from(date.year())?;
            let next = if year > date.year() {
                Date::new(year, 1, 1)
            } else if !has(self.months, date.month()) {
                date.last_of_month().tomorrow()
            } else {
                let time = if self.has_day(date) { self.time_from(time) } else { None };
                if let Some(time) = time {
                    return Some(start_of(date) + time);
                }
                date.tomorrow()
            };
            (date, time) = (next.ok()?, 0);
        }
    }

    /// After a local second that matches, the first that need not: up to there everything matches.
    pub(super) fn end_of_match(&self, civil: i64) -> i64 {
        let unit = if self.seconds != ALL_60 {
            return civil + 1;
        } else if self.minutes != ALL_60 {
            60
        } else if self.hours != ALL_HOURS {
            60 * 60
        } else {
            DAY
        };
        (civil.div_euclid(unit) + 1) * unit
    }

    fn has_date(&self, date: Date) -> bool {
        self.year_from(date.year()) == Some(date.year())
            && has(self.months, date.month())
            && self.has_day(date)
    }

    fn has_day(&self, date: Date) -> bool {
        let of_month = has(self.days_of_month, date.day());
        let of_week = has(self.days_of_week, date.weekday().to_sunday_zero_offset());
        match self.day_rule {
            DayRule::Both => of_month && of_week,
            DayRule::Either => of_month || of_week,
        }
    }

    fn year_from(&self, year: i16) -> Option<i16> {
        let from = match &self.years {
            None => Some(year),
            Some(years) => years.iter().copied().find(|own| *own >= year),
        };
        from.filter(|year| *year <= LAST_YEAR)
    }

    /// The first second of a day from this one on that matches, counted from midnight.
    fn time_from(&self, time: i64) -> Option<i64> {
        let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
        let first = bit_from(self.hours, hour)?;
        let within = (first == hour).then(|| self.minute_from(minute, second)).flatten();
        match within {
            Some(within) => Some(first * 3_600 + within),
            None => Some(
                bit_from(self.hours, first + i64::from(first == hour))? * 3_600 + self.minute_from(0, 0)?,
            ),
        }
    }

    /// The first second of an hour from a minute and a second on that matches, counted from its start.
    fn minute_from(&self, minute: i64, second: i64) -> Option<i64> {
        let first = bit_from(self.minutes, minute)?;
        let within = (first == minute).then(|| bit_from(self.seconds, second)).flatten();
        match within {
            Some(second) => Some(first * 60 + second),
            None => {
                let first = bit_from(self.minutes, first + i64::from(first == minute))?;
                Some(first * 60 + bit_from(self.seconds, 0)?)
            }
        }
    }
}

fn time_of(civil: i64) -> i64 {
    civil.rem_euclid(DAY)
}

fn has(bits: u64, value: i8) -> bool {
    u32::try_from(value).ok().and_then(|value| bits.checked_shr(value)).is_some_and(|bits| bits & 1 == 1)
}

/// The lowest set bit that is not below `from`.
fn bit_from(bits: u64, from: i64) -> Option<i64> {
    let from = u32::try_from(from).ok()?;
    let rest = bits.checked_shr(from).filter(|rest| *rest != 0)?;
    Some(i64::from(from + rest.trailing_zeros()))
}
