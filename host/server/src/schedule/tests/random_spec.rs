//! The times of a spec against a reference that looks at every second.

use fuzz::Random;
use host_wire::temporal::api::schedule::v1::{IntervalSpec, Range, ScheduleSpec, StructuredCalendarSpec};
use jiff::tz::TimeZoneDatabase;
use prost_types::{Duration as ProtoDuration, Timestamp};

use crate::{
    calendar::reference::{ZONES, each_second},
    schedule::spec::{Spec, fields},
    time::Time,
};

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// 1 January 2024, a leap year.
const START: i64 = 1_704_067_200;

fn range(random: &mut Random, min: i32, max: i32) -> Vec<Range> {
    let span = u64::try_from(max - min + 1).unwrap();
    let mut value = || min + i32::try_from(random.below(span)).unwrap();
    let (one, other) = (value(), value());
    match one % 4 {
        0 => vec![Range { start: min, end: max, step: 1 + other % 7 }],
        1 => vec![Range { start: one.min(other), end: one.max(other), step: 0 }],
        2 => vec![Range { start: one, ..Range::default() }, Range { start: other, ..Range::default() }],
        _ => vec![Range { start: one, ..Range::default() }],
    }
}

fn calendar(random: &mut Random) -> StructuredCalendarSpec {
    let all = |min, max| vec![Range { start: min, end: max, step: 1 }];
    StructuredCalendarSpec {
        second: range(random, 0, 59),
        minute: range(random, 0, 59),
        hour: if random.percent(50) { all(0, 23) } else { range(random, 0, 23) },
        day_of_month: if random.percent(60) { all(1, 31) } else { range(random, 1, 31) },
        month: if random.percent(80) { all(1, 12) } else { range(random, 1, 12) },
        day_of_week: if random.percent(60) { all(0, 6) } else { range(random, 0, 6) },
        year: if random.percent(10) { range(random, 2_023, 2_026) } else { Vec::new() },
        comment: String::new(),
    }
}

/// Excludes whole stretches of time.
fn exclusion(random: &mut Random) -> StructuredCalendarSpec {
    let all = |min, max| vec![Range { start: min, end: max, step: 1 }];
    let mut exclusion = StructuredCalendarSpec {
        second: all(0, 59),
        minute: all(0, 59),
        hour: all(0, 23),
        ..calendar(random)
    };
    if random.percent(50) {
        exclusion.hour = range(random, 0, 23);
    }
    if random.percent(20) {
        exclusion.second = range(random, 0, 59);
    }
    exclusion
}

fn seconds(seconds: i64) -> Option<ProtoDuration> {
    Some(ProtoDuration { seconds, nanos: 0 })
}

fn spec(random: &mut Random) -> ScheduleSpec {
    let mut many = |most: u64, one: fn(&mut Random) -> StructuredCalendarSpec| -> Vec<_> {
        (0..random.below(most + 1)).map(|_| one(random)).collect()
    };
    let (calendars, exclusions) = (many(2, calendar), many(2, exclusion));
    let period = 1 + i64::try_from(random.below(100_000)).unwrap();
    let time =
        |days: u64| Some(Timestamp { seconds: START + i64::try_from(days).unwrap() * DAY + 17, nanos: 0 });
    ScheduleSpec {
        structured_calendar: calendars,
        exclude_structured_calendar: exclusions,
        interval: if random.percent(50) {
            vec![IntervalSpec { interval: seconds(period), phase: seconds(period / 3) }]
        } else {
            Vec::new()
        },
        start_time: if random.percent(30) { time(random.below(10)) } else { None },
        end_time: if random.percent(30) { time(random.below(300)) } else { None },
        timezone_name: (*random.pick(&ZONES)).to_owned(),
        ..ScheduleSpec::default()
    }
}

/// All times of a spec from one on, up to another and without it, second by second.
pub(super) fn reference(spec: &ScheduleSpec, from: i64, until: i64) -> Vec<i64> {
    let zone = TimeZoneDatabase::bundled().get(&spec.timezone_name).unwrap();
    let calendars: Vec<_> = spec.structured_calendar.iter().map(fields).collect();
    let exclusions: Vec<_> = spec.exclude_structured_calendar.iter().map(fields).collect();
    let mut times = Vec::new();
    each_second(&zone, from, until, |at, local| {
        let of_interval = |interval: &IntervalSpec| {
            let of = |duration: Option<ProtoDuration>| duration.unwrap_or_default().seconds;
            (at - of(interval.phase)) % of(interval.interval) == 0
        };
        let is_in = spec.start_time.is_none_or(|start| at >= start.seconds)
            && spec.end_time.is_none_or(|end| at <= end.seconds);
        if is_in
            && (calendars.iter().any(|fields| local.matches(fields)) || spec.interval.iter().any(of_interval))
            && !exclusions.iter().any(|fields| local.matches(fields))
        {
            times.push(at);
        }
    });
    times
}

/// All times that a spec gives, one after the other.
pub(super) fn times(spec: &Spec, from: i64, until: i64) -> Vec<i64> {
    let mut times = Vec::new();
    let mut after = Time((from - 1) * NANOS);
    while let Some(next) = spec.next_time("seed", after).unwrap()
        && next.nominal.0 < until * NANOS
    {
        assert_eq!(next.actual, next.nominal);
        times.push(next.nominal.0 / NANOS);
        after = next.actual;
    }
    times
}

#[test]
fn days_are_those_of_the_reference() {
    let mut found = 0;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let message = spec(&mut random);
        let compiled = Spec::new(&message).unwrap();
        let from = START
            + i64::try_from(random.below(360)).unwrap() * DAY
            + i64::try_from(random.below(86_400)).unwrap();
        let until = from + DAY;
        let expected = reference(&message, from, until);
        let found_here = times(&compiled, from, until);
        assert!(found_here == expected, "seed {seed}: {message:?}");
        found += expected.len();
    }
    assert!(found > 5_000, "{found} times");
}

/// A year with both changes of the clock, in zones that have them at other times.
#[test]
fn a_year_is_that_of_the_reference() {
    let all = |min, max| vec![Range { start: min, end: max, step: 1 }];
    let at = |second, minute, hour: &[i32]| StructuredCalendarSpec {
        second: vec![Range { start: second, ..Range::default() }],
        minute: vec![Range { start: minute, ..Range::default() }],
        hour: hour.iter().map(|hour| Range { start: *hour, ..Range::default() }).collect(),
        day_of_month: all(1, 31),
        month: all(1, 12),
        day_of_week: all(0, 6),
        ..StructuredCalendarSpec::default()
    };
    for (zone, days) in [("Europe/Berlin", 366), ("Australia/Lord_Howe", 120)] {
        let message = ScheduleSpec {
            structured_calendar: vec![at(7, 30, &[0, 1, 2, 3, 12])],
            exclude_structured_calendar: vec![StructuredCalendarSpec {
                second: all(0, 59),
                minute: all(0, 59),
                hour: all(0, 23),
                month: vec![Range { start: 8, ..Range::default() }],
                ..at(0, 0, &[])
            }],
            interval: vec![IntervalSpec { interval: seconds(70_001), phase: None }],
            timezone_name: zone.to_owned(),
            ..ScheduleSpec::default()
        };
        let until = START + days * DAY;
        let expected = reference(&message, START, until);
        assert!(times(&Spec::new(&message).unwrap(), START, until) == expected, "{zone}");
        assert!(expected.len() > 500, "{zone}: {}", expected.len());
    }
}

/// Delays differ, are the same each time, and keep the order.
#[test]
fn jitter_is_below_the_next_time() {
    let message = ScheduleSpec {
        interval: vec![IntervalSpec { interval: seconds(60), phase: None }],
        jitter: seconds(90),
        ..ScheduleSpec::default()
    };
    let spec = Spec::new(&message).unwrap();
    let mut after = Time(START * NANOS);
    let mut delays = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let next = spec.next_time("a schedule", after).unwrap().unwrap();
        assert_eq!(spec.next_time("a schedule", after).unwrap(), Some(next));
        let delay = next.actual.0 - next.nominal.0;
        assert!((0..60 * NANOS).contains(&delay), "{delay}");
        assert_eq!(next.nominal.0 % (60 * NANOS), 0);
        assert_eq!(next.nominal.0 / (60 * NANOS), after.0 / (60 * NANOS) + 1);
        delays.insert(delay);
        after = next.actual;
    }
    assert!(delays.len() > 190, "{} delays", delays.len());
    let other = spec.next_time("another", Time(START * NANOS)).unwrap();
    assert_ne!(other, spec.next_time("a schedule", Time(START * NANOS)).unwrap());
}

/// A spec that excludes nearly everything does not hold up anyone who asks.
#[test]
fn exclusions_end_a_search() {
    let all = |min, max| vec![Range { start: min, end: max, step: 1 }];
    let odd = |start| vec![Range { start, end: 59, step: 2 }];
    let days = StructuredCalendarSpec {
        minute: all(0, 59),
        hour: all(0, 23),
        day_of_month: all(1, 31),
        month: all(1, 12),
        day_of_week: all(0, 6),
        ..StructuredCalendarSpec::default()
    };
    let none = ScheduleSpec {
        structured_calendar: vec![StructuredCalendarSpec { second: odd(0), ..days.clone() }],
        exclude_structured_calendar: vec![StructuredCalendarSpec { second: odd(0), ..days.clone() }],
        ..ScheduleSpec::default()
    };
    Spec::new(&none).unwrap().next_time("", Time(0)).unwrap_err();
    // Whole days are passed over at once.
    let whole = StructuredCalendarSpec { second: all(0, 59), day_of_week: all(1, 5), ..days.clone() };
    let weekends = ScheduleSpec {
        interval: vec![IntervalSpec { interval: seconds(1), phase: None }],
        exclude_structured_calendar: vec![whole.clone()],
        ..ScheduleSpec::default()
    };
    let monday = Time((START + 3_600) * NANOS);
    let next = Spec::new(&weekends).unwrap().next_time("", monday).unwrap().unwrap();
    assert_eq!(next.nominal, Time((START + 5 * DAY) * NANOS));
    let never = ScheduleSpec {
        exclude_structured_calendar: vec![StructuredCalendarSpec { day_of_week: all(0, 6), ..whole }],
        ..weekends
    };
    assert_eq!(Spec::new(&never).unwrap().next_time("", monday), Ok(None));
}
