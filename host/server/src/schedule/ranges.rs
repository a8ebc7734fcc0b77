//! The fields of calendars as strings: `*`, `3`, `1-5/2`, `mon,wed`. They become lists of ranges, which is how
//! schedules are kept and described.
//!
//! `makeRange` of Temporal's server. No crate of the registry has this grammar (7 is Sunday within ranges too, names
//! may be cut to a prefix, years are a field), nor gives the ranges that a description shows.

use host_wire::temporal::api::schedule::v1::Range;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// A field of a calendar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Field {
    /// As errors name it.
    pub(super) name: &'static str,
    pub(super) min: i32,
    pub(super) max: i32,
    /// The meaning of an empty string.
    default: &'static str,
    names: Names,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Names {
    None,
    /// All years is an empty list of ranges.
    Years,
    Months,
    Days,
}

/// The first and the last year that a calendar may name. `minCalendarYear`, `maxCalendarYear` of Temporal's server.
const YEARS: (i32, i32) = (2_000, 2_100);

pub(super) const SECOND: Field = field("Second", 0, 59, "0", Names::None);
pub(super) const MINUTE: Field = field("Minute", 0, 59, "0", Names::None);
pub(super) const HOUR: Field = field("Hour", 0, 23, "0", Names::None);
pub(super) const DAY_OF_MONTH: Field = field("DayOfMonth", 1, 31, "*", Names::None);
pub(super) const MONTH: Field = field("Month", 1, 12, "*", Names::Months);
pub(super) const YEAR: Field = field("Year", YEARS.0, YEARS.1, "*", Names::Years);
/// In strings also 7, for Sunday.
pub(super) const DAY_OF_WEEK: Field = field("DayOfWeek", 0, 6, "*", Names::Days);

const fn field(name: &'static str, min: i32, max: i32, default: &'static str, names: Names) -> Field {
    Field { name, min, max, default, names }
}

impl Field {
    /// The ranges that a string means.
    ///
    /// # Errors
    ///
    /// Says what is wrong, in the words of Temporal's server.
    pub(super) fn parse(self, text: &str) -> Result<Vec<Range>, String> {
        let text = match text.trim() {
            "" => self.default,
            text => text,
        };
        if text == "*" && self.names == Names::Years {
            return Ok(Vec::new());
        }
        let mut ranges = Vec::new();
        for part in text.split(',') {
            self.parse_part(part, &mut ranges)?;
        }
        Ok(ranges)
    }

    fn parse_part(self, part: &str, ranges: &mut Vec<Range>) -> Result<(), String> {
        let (bounds, step) = self.split_step(part)?;
        let (start, mut end) = self.bounds(bounds, step.is_some())?;
        let step = step.unwrap_or(1);
        if self.names == Names::Days && end == 7 {
            // Sunday is 0. Where the range has a 7 that is not followed from a 0 or 1 in single steps, 0 comes beside.
            if (7 - start) % step == 0 && (step > 1 || start > 1) {
                ranges.push(Range::default());
                if start == 7 {
                    return Ok(());
                }
            }
            end = 6;
        }
        // As short as may be: an end of 0 is the start, a step of 0 is 1.
        let end = if start == end { 0 } else { end };
        ranges.push(Range { start, end, step: if step == 1 { 0 } else { step } });
        Ok(())
    }

    fn split_step(self, part: &str) -> Result<(&str, Option<i32>), String> {
        let Some((bounds, step)) = part.split_once('/') else { return Ok((part, None)) };
        if step.contains('/') {
            return Err(format!("{} has too many slashes", self.name));
        }
        if step.is_empty() {
            return Err(format!("{} missing step value", self.name));
        }
        let step: i32 =
            step.parse().map_err(|_| format!("strconv.Atoi: parsing {step:?}: invalid syntax"))?;
        if step < 1 { Err(format!("{} has invalid Step", self.name)) } else { Ok((bounds, Some(step))) }
    }

    fn bounds(self, text: &str, has_step: bool) -> Result<(i32, i32), String> {
        let (name, min, max) = (self.name, self.min, self.max_in_text());
        if text == "*" {
            return Ok((min, max));
        }
        let Some((start, end)) = text.split_once('-') else {
            let start =
                self.value(text, min).ok_or_else(|| format!("{name} is not in range [{min}-{max}]"))?;
            return Ok((start, if has_step { max } else { start }));
        };
        if end.contains('-') {
            return Err(format!("{name} has too many dashes"));
        }
        let start =
            self.value(start, min).ok_or_else(|| format!("{name} Start is not in range [{min}-{max}]"))?;
        let end = self
            .value(end, start)
            .ok_or_else(|| format!("{name} End is before Start or not in range [{min}-{max}]"))?;
        Ok((start, end))
    }

    fn max_in_text(self) -> i32 {
        if self.names == Names::Days { 7 } else { self.max }
    }

    fn value(self, text: &str, min: i32) -> Option<i32> {
        let (names, shortest, first): (&[&str], usize, i32) = match self.names {
            Names::None | Names::Years => (&[], 0, 0),
            Names::Months => (&MONTHS, 3, 1),
            Names::Days => (&DAYS, 2, 0),
        };
        let name = text.to_lowercase();
        let named = names.iter().position(|full| name.len() >= shortest && full.starts_with(&name));
        let value = match named {
            Some(index) => i32::try_from(index).ok()? + first,
            None => text.parse().ok()?,
        };
        (min..=self.max_in_text()).contains(&value).then_some(value)
    }
}

/// The values of ranges.
pub(super) fn values(ranges: &[Range]) -> impl Iterator<Item = i32> {
    ranges.iter().flat_map(|range| {
        let step = usize::try_from(range.step).unwrap_or(0).max(1);
        (range.start..=range.end.max(range.start)).step_by(step)
    })
}
