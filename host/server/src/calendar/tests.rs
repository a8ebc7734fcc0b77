//! Calendars and cron strings against a reference that looks at every second.

use fuzz::Random;
use jiff::{Timestamp, tz::TimeZoneDatabase};

use crate::{
    calendar::{
        Calendar, DayRule, Fields, Zone,
        cron::Cron,
        reference::{ZONES, each_second},
    },
    time::Time,
};

const HOUR: i64 = 3_600;
/// The years that are drawn from, in seconds since 1970.
const YEARS: std::ops::Range<i64> = 1_000_000_000..2_100_000_000;

/// Some of the values from `min` to `max`, most often few of them.
fn bits(random: &mut Random, min: u64, max: u64) -> u64 {
    let all = (min..=max).fold(0, |bits, value| bits | 1 << value);
    match random.below(4) {
        0 => all,
        1 => all & random.next() & random.next(),
        _ => 1 << (min + random.below(max - min + 1)),
    }
}

fn fields(random: &mut Random, year: i16) -> Fields {
    Fields {
        seconds: bits(random, 0, 59),
        minutes: bits(random, 0, 59),
        hours: bits(random, 0, 23) | bits(random, 0, 3),
        days_of_month: bits(random, 1, 31) | bits(random, 1, 31),
        months: bits(random, 1, 12) | bits(random, 1, 12) | bits(random, 1, 12),
        days_of_week: bits(random, 0, 6) | bits(random, 0, 6),
        years: random.percent(20).then(|| vec![year, year + 2]),
        day_rule: if random.percent(30) { DayRule::Either } else { DayRule::Both },
    }
}

#[test]
fn calendars_are_those_of_the_reference() {
    let database = TimeZoneDatabase::bundled();
    let mut found = 0;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let name = *random.pick(&ZONES);
        let zone = database.get(name).unwrap();
        let somewhen = YEARS.start + i64::try_from(random.below(1_100_000_000)).unwrap();
        let shift = zone.following(Timestamp::from_second(somewhen).unwrap()).next();
        let around = match shift {
            Some(shift) if random.percent(80) => shift.timestamp().as_second(),
            _ => somewhen,
        };
        let year = Timestamp::from_second(around).unwrap().to_zoned(zone.clone()).year();
        let calendar = Calendar { fields: fields(&mut random, year), zone: Zone::named(name).unwrap() };
        let (from, until) = (around - 3 * HOUR, around + 3 * HOUR);
        let mut expected = Vec::new();
        each_second(&zone, from, until, |at, local| {
            if local.matches(&calendar.fields) {
                expected.push(at);
            }
            if at % 13 == 0 {
                assert_eq!(
                    calendar.matches(at),
                    local.matches(&calendar.fields),
                    "seed {seed}: {at} in {name}"
                );
            }
        });
        let mut times = Vec::new();
        let mut after = from - 1;
        while let Some(next) = calendar.next(after).filter(|next| *next < until) {
            times.push(next);
            after = next;
        }
        assert_eq!(times, expected, "seed {seed}: {calendar:?}");
        for at in times.iter().step_by(101) {
            let end = calendar.end_of_match(*at);
            assert!(
                (*at + 1..end.min(until)).step_by(59).all(|at| calendar.matches(at)),
                "seed {seed}: {at} to {end}"
            );
        }
        found += times.len();
    }
    assert!(found > 5_000, "{found} times");
}

/// Whatever never matches is found to do so at once.
#[test]
fn a_calendar_without_times_has_none() {
    let never = Cron::parse("0 0 30 2 *").unwrap();
    assert_eq!(never.next(Time(0)), None);
    let Cron::Calendar(mut calendar) = Cron::parse("CRON_TZ=America/New_York 0 0 * * *").unwrap() else {
        panic!("it is a calendar")
    };
    calendar.fields.years = Some(vec![2_001]);
    assert_eq!(calendar.next(1_600_000_000), None);
    assert_eq!(calendar.next(978_325_200), Some(978_411_600));
}

#[test]
fn cron_strings_are_those_of_workflows() {
    let first = |text: &str| {
        // Friday, 15 March 2024, 10:00:30 UTC.
        let next = Cron::parse(text)?.next(Time(1_710_496_830_500_000_000)).ok_or("never")?;
        Ok::<_, String>(Timestamp::from_nanosecond(next.0.into()).unwrap().to_string())
    };
    for (text, expected) in [
        ("* * * * *", "2024-03-15T10:01:00Z"),
        ("*/20 * * * ?", "2024-03-15T10:20:00Z"),
        ("0 9 * * *", "2024-03-16T09:00:00Z"),
        ("CRON_TZ=Europe/Berlin 0 9 * * *", "2024-03-16T08:00:00Z"),
        ("TZ=Asia/Tokyo 30 4 * * *", "2024-03-15T19:30:00Z"),
        ("@hourly", "2024-03-15T11:00:00Z"),
        ("@weekly", "2024-03-17T00:00:00Z"),
        ("@yearly", "2025-01-01T00:00:00Z"),
        ("@every 90s", "2024-03-15T10:02:00Z"),
        ("@every 10ms", "2024-03-15T10:00:31Z"),
        // One of the days, where both are given; both, where one may be any.
        ("0 0 1 * mon", "2024-03-18T00:00:00Z"),
        ("0 0 */1 * MON", "2024-03-18T00:00:00Z"),
        ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ("5/15 10-12 * jan-mar 5", "2024-03-15T10:05:00Z"),
    ] {
        assert_eq!(first(text).as_deref(), Ok(expected), "{text}");
    }
    for text in [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "5-3 * * * *",
        "1-2-3 * * * *",
        "1/2/3 * * * *",
        "*/0 * * * *",
        "x * * * *",
        "@every",
        "@every soon",
        "@sometimes",
        "TZ=UTC",
        "TZ=Nowhere/Else * * * * *",
    ] {
        Cron::parse(text).expect_err(text);
    }
}
