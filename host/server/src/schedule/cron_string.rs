//! Cron strings of schedules: 5 to 7 fields, `@every 14h/3h`, `@daily` and its like, a zone in front, and a comment
//! after `#`. Unlike cron strings of workflows, both days have to match where both are given.

use host_wire::{
    duration_to_proto,
    temporal::api::schedule::v1::{CalendarSpec, IntervalSpec, StructuredCalendarSpec},
};
use prost_types::Duration as ProtoDuration;

use crate::{
    calendar::{cron::without_nickname, duration},
    schedule::canonical::structured,
};

/// The meaning of a cron string.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CronString {
    pub(super) times: Times,
    /// Empty where the string has none.
    pub(super) zone: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Times {
    Calendar(Box<StructuredCalendarSpec>),
    Interval(IntervalSpec),
}

/// Reads a cron string.
///
/// # Errors
///
/// Says what is wrong, in the words of Temporal's server.
pub(super) fn parse(text: &str) -> Result<CronString, String> {
    let mut text = text.trim();
    let mut zone = String::new();
    if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
        let (named, rest) = text.split_once(' ').ok_or("CronString has time zone but missing fields")?;
        named.split_once('=').map_or("", |(_, name)| name).clone_into(&mut zone);
        text = rest;
    }
    let (text, comment) = text.split_once('#').unwrap_or((text, ""));
    let text = text.trim();
    if text.starts_with("@every") {
        // An interval has no zone.
        return Ok(CronString { times: Times::Interval(interval(text)?), zone: String::new() });
    }
    let fields: Vec<&str> = without_nickname(text).split_whitespace().collect();
    let (second, fields, year) = match fields[..] {
        [a, b, c, d, e] => ("", [a, b, c, d, e], ""),
        [a, b, c, d, e, year] => ("", [a, b, c, d, e], year),
        [second, a, b, c, d, e, year] => (second, [a, b, c, d, e], year),
        _ => return Err("CronString does not have 5-7 fields".to_owned()),
    };
    let [minute, hour, day_of_month, month, day_of_week] = fields.map(str::to_owned);
    let calendar = CalendarSpec {
        second: second.to_owned(),
        minute,
        hour,
        day_of_month,
        month,
        year: year.to_owned(),
        day_of_week,
        comment: comment.trim().to_owned(),
    };
    Ok(CronString { times: Times::Calendar(Box::new(structured(&calendar)?)), zone })
}

fn interval(text: &str) -> Result<IntervalSpec, String> {
    let (_, interval) = text.split_once(' ').ok_or("CronString does not have interval after @every")?;
    let (interval, phase) = interval.split_once('/').unwrap_or((interval, ""));
    let of = |text: &str| -> Result<ProtoDuration, String> {
        let nanos =
            duration::parse_with_days(text).ok_or_else(|| format!("time: invalid duration {text:?}"))?;
        Ok(proto(nanos))
    };
    let phase = if phase.is_empty() { None } else { Some(of(phase)?) };
    Ok(IntervalSpec { interval: Some(of(interval)?), phase })
}

fn proto(nanos: i64) -> ProtoDuration {
    let absolute = duration_to_proto(std::time::Duration::from_nanos(nanos.unsigned_abs()));
    let sign = nanos.signum();
    ProtoDuration {
        seconds: absolute.seconds * sign,
        nanos: if sign < 0 { -absolute.nanos } else { absolute.nanos },
    }
}
