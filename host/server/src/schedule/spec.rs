//! A spec that is ready to be asked for times.

use std::time::Duration;

use host_wire::temporal::api::schedule::v1::{IntervalSpec, ScheduleSpec, StructuredCalendarSpec};
use prost_types::Duration as ProtoDuration;

use crate::{
    calendar::{Calendar, DayRule, Fields, LAST_YEAR, Zone},
    schedule::{canonical::canonical, jitter, ranges::values},
    time::{Time, positive},
};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// Excluded times that a search for the next one passes over at most: as many days as there are until the end of time. It is
/// done under the lock of the service, and takes some 10 ms. What takes longer excludes nearly everything.
const SEARCH_STEPS: usize = 30_000;
/// The second after [`LAST_YEAR`] in UTC.
const END_OF_TIME: i64 = 4_133_980_800;
const _: () = assert!(LAST_YEAR == 2_100, "END_OF_TIME goes with it");

/// A time of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextTime {
    /// The time that the spec says.
    pub(crate) nominal: Time,
    /// With jitter: when the action is taken.
    pub(crate) actual: Time,
}

/// A search that passed over so many excluded times that it was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule calendar specification has too many exclusions. Please modify the specification.")]
pub(crate) struct TooManyExclusions;

/// The times of a schedule. `CompiledSpec` of Temporal's server.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    canonical: ScheduleSpec,
    calendars: Vec<Calendar>,
    excluded: Vec<Calendar>,
    intervals: Vec<Interval>,
    start: Option<Time>,
    end: Option<Time>,
    /// Longest delay of an action.
    jitter_ms: i64,
}

/// Seconds since 1970 of which the remainder by `seconds` is `phase`.
#[derive(Clone, Copy, Debug)]
struct Interval {
    seconds: i64,
    phase: i64,
}

impl Spec {
    /// Checks a spec and prepares it.
    ///
    /// # Errors
    ///
    /// Says what is wrong, in the words of Temporal's server.
    pub(crate) fn new(spec: &ScheduleSpec) -> Result<Self, String> {
        let canonical = canonical(spec)?;
        let zone = if canonical.timezone_data.is_empty() {
            Zone::named(&canonical.timezone_name)?
        } else {
            Zone::from_data(&canonical.timezone_name, &canonical.timezone_data)?
        };
        let calendars = |specs: &[StructuredCalendarSpec]| {
            specs.iter().map(|spec| Calendar { fields: fields(spec), zone: zone.clone() }).collect()
        };
        Ok(Self {
            calendars: calendars(&canonical.structured_calendar),
            excluded: calendars(&canonical.exclude_structured_calendar),
            intervals: canonical.interval.iter().map(Interval::new).collect(),
            start: canonical.start_time.map(Time::from),
            end: canonical.end_time.map(Time::from),
            jitter_ms: positive(canonical.jitter)
                .map_or(0, |jitter| i64::try_from(jitter.as_millis()).unwrap_or(i64::MAX)),
            canonical,
        })
    }

    /// The spec as it is kept and described.
    pub(crate) fn canonical(&self) -> &ScheduleSpec {
        &self.canonical
    }

    /// The longest delay of an action after its nominal time.
    pub(crate) fn longest_delay(&self) -> Duration {
        Duration::from_millis(self.jitter_ms.unsigned_abs())
    }

    /// The first time after this one. The jitter is a hash of the time and of `seed`, and never reaches the time after.
    ///
    /// # Errors
    ///
    /// When the search passed over too many excluded times.
    pub(crate) fn next_time(&self, seed: &str, after: Time) -> Result<Option<NextTime>, TooManyExclusions> {
        let mut after = after.0.div_euclid(NANOS_PER_SECOND);
        if let Some(start) = self.start {
            // The first second of the range may match.
            after = after.max(start.0.saturating_sub(NANOS_PER_SECOND).div_euclid(NANOS_PER_SECOND));
        }
        for _ in 0..SEARCH_STEPS {
            let Some(nominal) = self.raw_next(after) else { return Ok(None) };
            let time = Time(nominal.saturating_mul(NANOS_PER_SECOND));
            if self.end.is_some_and(|end| time > end) {
                return Ok(None);
            }
            match self.excluded.iter().find(|calendar| calendar.matches(nominal)) {
                None => return Ok(Some(NextTime { nominal: time, actual: self.with_jitter(seed, nominal) })),
                Some(calendar) => after = calendar.end_of_match(nominal) - 1,
            }
        }
        Err(TooManyExclusions)
    }

    fn raw_next(&self, after: i64) -> Option<i64> {
        let calendars = self.calendars.iter().filter_map(|calendar| calendar.next(after));
        let intervals = self.intervals.iter().filter_map(|interval| interval.next(after));
        calendars.chain(intervals).min().filter(|next| *next < END_OF_TIME)
    }

    fn with_jitter(&self, seed: &str, nominal: i64) -> Time {
        let until_next =
            self.raw_next(nominal).map_or(i64::MAX, |next| (next - nominal).saturating_mul(1_000));
        jitter::delayed(nominal, seed, self.jitter_ms.min(until_next))
    }
}

impl Interval {
    fn new(spec: &IntervalSpec) -> Self {
        let seconds = |duration: Option<ProtoDuration>| duration.map_or(0, |duration| duration.seconds);
        Self { seconds: seconds(spec.interval).max(1), phase: seconds(spec.phase).max(0) }
    }

    fn next(self, after: i64) -> Option<i64> {
        let periods = after.checked_sub(self.phase)?.div_euclid(self.seconds);
        periods.checked_add(1)?.checked_mul(self.seconds)?.checked_add(self.phase)
    }
}

pub(super) fn fields(spec: &StructuredCalendarSpec) -> Fields {
    let bits = |ranges| values(ranges).fold(0, |bits: u64, value| bits | 1 << value.clamp(0, 63));
    let mut years: Vec<i16> = values(&spec.year).filter_map(|year| i16::try_from(year).ok()).collect();
    years.sort_unstable();
    Fields {
        seconds: bits(&spec.second),
        minutes: bits(&spec.minute),
        hours: bits(&spec.hour),
        days_of_month: bits(&spec.day_of_month),
        months: bits(&spec.month),
        days_of_week: bits(&spec.day_of_week),
        years: (!years.is_empty()).then_some(years),
        day_rule: DayRule::Both,
    }
}
