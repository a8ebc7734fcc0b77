//! Cron strings of workflows: the standard grammar of the Go package `robfig/cron` v3, which Temporal's server uses.
//!
//! Five fields (minute, hour, day of month, month, day of week), `@every 1h30m`, `@daily` and its like, and a zone in
//! front (`CRON_TZ=Europe/Berlin 0 9 * * *`). Where both days are given, one of them has to match. No crate of the
//! registry has this grammar; cron strings of schedules are yet another one (`crate::schedule`).

use jiff::civil::Date;

use crate::{
    calendar::{Calendar, DayRule, Fields, Zone, civil, duration},
    time::Time,
};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// A string that matches nothing for so many years never matches.
const YEARS: i16 = 5;
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When a workflow with a cron schedule runs.
#[derive(Clone, Debug)]
pub(crate) enum Cron {
    Calendar(Calendar),
    /// At so many seconds' distance, counted from the time before.
    Every(i64),
}

impl Cron {
    /// Reads a cron string.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (zone, text) = match text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
            None => (Zone::named("")?, text),
            Some(rest) => {
                let (name, rest) = rest.split_once(' ').ok_or("a time zone and no fields")?;
                (Zone::named(name)?, rest.trim())
            }
        };
        if let Some(interval) = text.strip_prefix("@every ") {
            let nanos = duration::parse(interval).ok_or_else(|| format!("invalid duration {interval:?}"))?;
            return Ok(Self::Every((nanos / NANOS_PER_SECOND).max(1)));
        }
        let fields: Vec<&str> = without_nickname(text).split_whitespace().collect();
        let [minute, hour, day_of_month, month, day_of_week] = fields[..] else {
            return Err(format!("expected exactly 5 fields, found {}", fields.len()));
        };
        let (days_of_month, any_day_of_month) = bits(day_of_month, 1, 31, 1, &[])?;
        let (days_of_week, any_day_of_week) = bits(day_of_week, 0, 6, 0, &DAYS)?;
        let any_day = any_day_of_month || any_day_of_week;
        let fields = Fields {
            seconds: 1,
            minutes: bits(minute, 0, 59, 0, &[])?.0,
            hours: bits(hour, 0, 23, 0, &[])?.0,
            days_of_month,
            months: bits(month, 1, 12, 1, &MONTHS)?.0,
            days_of_week,
            years: None,
            day_rule: if any_day { DayRule::Both } else { DayRule::Either },
        };
        Ok(Self::Calendar(Calendar { fields, zone }))
    }

    /// The first time after this one; nothing if there is none within [`YEARS`].
    pub(crate) fn next(&self, after: Time) -> Option<Time> {
        let after = after.0.div_euclid(NANOS_PER_SECOND);
        let next = match self {
            Self::Every(seconds) => after.checked_add(*seconds)?,
            Self::Calendar(calendar) => {
                let next = calendar.next(after)?;
                let year = |at: i64| civil::date_of(at + calendar.zone.period(at).offset).map(Date::year);
                if year(next)? > year(after.checked_add(1)?)?.checked_add(YEARS)? {
                    return None;
                }
                next
            }
        };
        next.checked_mul(NANOS_PER_SECOND).map(Time)
    }
}

/// The values of a field, as bits, and whether it says that any will do. Names stand for numbers from `first_name` on.
fn bits(field: &str, min: u32, max: u32, first_name: u32, names: &[&str]) -> Result<(u64, bool), String> {
    let mut all = (0, false);
    for expression in field.split(',').filter(|expression| !expression.is_empty()) {
        let (bits, any) = range(expression, min, max, first_name, names)?;
        all = (all.0 | bits, all.1 | any);
    }
    Ok(all)
}

fn range(
    expression: &str,
    min: u32,
    max: u32,
    first_name: u32,
    names: &[&str],
) -> Result<(u64, bool), String> {
    let (bounds, step) = match expression.split_once('/') {
        None => (expression, None),
        Some((_, step)) if step.contains('/') => return Err(format!("too many slashes: {expression}")),
        Some((bounds, step)) => (bounds, Some(number(step)?)),
    };
    let named = |text: &str| {
        let name = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        match name.and_then(|index| u32::try_from(index).ok()) {
            Some(index) => Ok(first_name + index),
            None => number(text),
        }
    };
    let (low, high) = bounds.split_once('-').map_or((bounds, None), |(low, high)| (low, Some(high)));
    let mut any = false;
    let (start, mut end) = match (low, high) {
        ("*" | "?", _) => {
            any = true;
            (min, max)
        }
        (low, None) => {
            let start = named(low)?;
            (start, start)
        }
        (_, Some(high)) if high.contains('-') => return Err(format!("too many hyphens: {expression}")),
        (low, Some(high)) => (named(low)?, named(high)?),
    };
    if step.is_some() && high.is_none() {
        end = max;
    }
    any &= step.is_none_or(|step| step <= 1);
    if start < min || end > max || start > end {
        return Err(format!("not within {min} to {max}: {expression}"));
    }
    let step = usize::try_from(step.unwrap_or(1)).ok().filter(|step| *step > 0);
    let step = step.ok_or_else(|| format!("step of range should be a positive number: {expression}"))?;
    Ok(((start..=end).step_by(step).fold(0, |bits, value| bits | 1 << value), any))
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

/// The fields that a nickname stands for; another text as it is.
pub(crate) fn without_nickname(text: &str) -> &str {
    match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        other => other,
    }
}
