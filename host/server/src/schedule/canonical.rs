//! The form in which a spec is kept: everything that strings say, as structured calendars and intervals.

use host_wire::temporal::api::schedule::v1::{
    CalendarSpec, IntervalSpec, Range, ScheduleSpec, StructuredCalendarSpec,
};
use prost_types::Duration as ProtoDuration;

use crate::schedule::{
    cron_string::{self, Times},
    ranges::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, SECOND, YEAR},
};

/// Longest comment of a calendar, in bytes. `maxCommentLen` of Temporal's server.
const COMMENT_BYTES: usize = 200;
const ZONE_CONFLICT: &str = "conflicting timezone names";

/// Brings a spec into the form that is kept, and checks it.
///
/// # Errors
///
/// Says what is wrong, in the words of Temporal's server.
pub(super) fn canonical(spec: &ScheduleSpec) -> Result<ScheduleSpec, String> {
    let mut spec = spec.clone();
    for calendar in std::mem::take(&mut spec.calendar) {
        spec.structured_calendar.push(structured(&calendar)?);
    }
    let excluded = std::mem::take(&mut spec.exclude_calendar);
    for calendar in excluded {
        spec.exclude_structured_calendar.push(structured(&calendar)?);
    }
    take_cron_strings(&mut spec)?;
    spec.structured_calendar.iter().try_for_each(check_calendar)?;
    spec.exclude_structured_calendar.iter().try_for_each(check_calendar)?;
    spec.interval.iter().try_for_each(check_interval)?;
    Ok(spec)
}

/// Writes out what a range leaves to be understood, for a description.
pub(super) fn explicit(spec: &mut ScheduleSpec) {
    let calendars = spec.structured_calendar.iter_mut().chain(&mut spec.exclude_structured_calendar);
    for range in calendars.flat_map(ranges_mut) {
        range.end = range.end.max(range.start);
        range.step = if range.step == 0 { 1 } else { range.step };
    }
}

/// A calendar of strings as one of ranges.
///
/// # Errors
///
/// As [`canonical`].
pub(super) fn structured(calendar: &CalendarSpec) -> Result<StructuredCalendarSpec, String> {
    let mut wrong = Vec::new();
    let mut parse = |field: Field, text: &str| {
        field.parse(text).unwrap_or_else(|error| {
            wrong.push(error);
            Vec::new()
        })
    };
    let structured = StructuredCalendarSpec {
        second: parse(SECOND, &calendar.second),
        minute: parse(MINUTE, &calendar.minute),
        hour: parse(HOUR, &calendar.hour),
        day_of_week: parse(DAY_OF_WEEK, &calendar.day_of_week),
        day_of_month: parse(DAY_OF_MONTH, &calendar.day_of_month),
        month: parse(MONTH, &calendar.month),
        year: parse(YEAR, &calendar.year),
        comment: calendar.comment.clone(),
    };
    if wrong.is_empty() { Ok(structured) } else { Err(wrong.join(", ")) }
}

/// All cron strings have to agree on a zone, and with that of the spec.
fn take_cron_strings(spec: &mut ScheduleSpec) -> Result<(), String> {
    let mut zone: Option<String> = None;
    for text in std::mem::take(&mut spec.cron_string) {
        let cron = cron_string::parse(&text)?;
        if zone.as_ref().is_some_and(|zone| *zone != cron.zone) {
            return Err(ZONE_CONFLICT.to_owned());
        }
        zone = Some(cron.zone);
        match cron.times {
            Times::Calendar(calendar) => spec.structured_calendar.push(*calendar),
            Times::Interval(interval) => spec.interval.push(interval),
        }
    }
    if let Some(zone) = zone.filter(|zone| !zone.is_empty()) {
        let differs = !spec.timezone_name.is_empty() && spec.timezone_name != zone;
        if differs || !spec.timezone_data.is_empty() {
            return Err(ZONE_CONFLICT.to_owned());
        }
        spec.timezone_name = zone;
    }
    Ok(())
}

fn fields(calendar: &StructuredCalendarSpec) -> [(Field, &Vec<Range>); 7] {
    let StructuredCalendarSpec { second, minute, hour, day_of_month, month, year, day_of_week, comment: _ } =
        calendar;
    [
        (SECOND, second),
        (MINUTE, minute),
        (HOUR, hour),
        (DAY_OF_MONTH, day_of_month),
        (MONTH, month),
        (YEAR, year),
        (DAY_OF_WEEK, day_of_week),
    ]
}

fn ranges_mut(calendar: &mut StructuredCalendarSpec) -> impl Iterator<Item = &mut Range> {
    let StructuredCalendarSpec { second, minute, hour, day_of_month, month, year, day_of_week, comment: _ } =
        calendar;
    [second, minute, hour, day_of_month, month, year, day_of_week].into_iter().flatten()
}

fn check_calendar(calendar: &StructuredCalendarSpec) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (field, ranges) in fields(calendar) {
        let Field { name, min, max, .. } = field;
        for range in ranges {
            if !(min..=max).contains(&range.start) {
                wrong.push(format!("{name} Start is not in range [{min}-{max}]"));
            }
            if range.end != 0 && (range.end < range.start || range.end > max) {
                wrong.push(format!("{name} End is before Start or not in range [{min}-{max}]"));
            }
            if range.step < 0 {
                wrong.push(format!("{name} has invalid Step"));
            }
        }
    }
    if calendar.comment.len() > COMMENT_BYTES {
        wrong.push("comment is too long".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("invalid calendar spec: {}", wrong.join(", "))) }
}

fn check_interval(spec: &IntervalSpec) -> Result<(), String> {
    let nanos = |duration: Option<ProtoDuration>| {
        let duration = duration.unwrap_or_default();
        i128::from(duration.seconds) * 1_000_000_000 + i128::from(duration.nanos)
    };
    let (interval, phase) = (nanos(spec.interval), nanos(spec.phase));
    if interval < 1_000_000_000 {
        Err("interval is too small".to_owned())
    } else if phase < 0 {
        Err("phase is negative".to_owned())
    } else if phase >= interval {
        Err("phase cannot be greater than Interval".to_owned())
    } else {
        Ok(())
    }
}
