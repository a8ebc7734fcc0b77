//! What strings mean, and which are refused, in the words of Temporal's server.

use expect_test::{Expect, expect};
use host_wire::temporal::api::schedule::v1::{
    CalendarSpec, IntervalSpec, Range, ScheduleSpec, StructuredCalendarSpec,
};
use prost_types::Duration as ProtoDuration;

use crate::schedule::{canonical::canonical, spec::Spec};

fn ranges(ranges: &[Range]) -> String {
    let range = |range: &Range| match (range.end, range.step) {
        (0, 0) => range.start.to_string(),
        (end, 0) => format!("{}-{end}", range.start),
        (end, step) => format!("{}-{end}/{step}", range.start),
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

fn calendar(calendar: &StructuredCalendarSpec) -> String {
    let StructuredCalendarSpec { second, minute, hour, day_of_month, month, year, day_of_week, comment } =
        calendar;
    let fields = [second, minute, hour, day_of_month, month, year, day_of_week].map(|field| ranges(field));
    format!("[{}] {comment}", fields.join(" | "))
}

fn interval(interval: &IntervalSpec) -> String {
    let of = |duration: Option<ProtoDuration>| {
        duration.map_or_else(|| "-".to_owned(), |duration| duration.to_string())
    };
    format!("every {} phase {}", of(interval.interval), of(interval.phase))
}

fn written(spec: &ScheduleSpec) -> String {
    let calendars = spec.structured_calendar.iter().map(calendar);
    let intervals = spec.interval.iter().map(interval);
    let zone = (!spec.timezone_name.is_empty()).then(|| format!("in {}", spec.timezone_name));
    calendars.chain(intervals).chain(zone).collect::<Vec<_>>().join("\n")
}

fn cron(strings: &[&str], expected: Expect) {
    let spec = ScheduleSpec {
        cron_string: strings.iter().map(|text| (*text).to_owned()).collect(),
        ..ScheduleSpec::default()
    };
    expected.assert_eq(&canonical(&spec).map_or_else(|error| error, |spec| written(&spec)));
}

#[test]
fn cron_strings_become_calendars() {
    cron(&["0 12 * * MON"], expect!["[0 | 0 | 12 | 1-31 | 1-12 |  | 1] "]);
    cron(
        &["  15 8,20 1-15/2 */3 fri-sun 2030 # twice a day  "],
        expect![[r#"
        DayOfWeek End is before Start or not in range [0-7]"#]],
    );
    cron(
        &["15 8,20 1-15/2 */3 5-7 2030 # twice a day  "],
        expect!["[0 | 15 | 8,20 | 1-15/2 | 1-12/3 | 2030 | 0,5-6] twice a day"],
    );
    cron(&["30 * * * * * *"], expect!["[30 | 0-59 | 0-23 | 1-31 | 1-12 |  | 0-6] "]);
    cron(
        &["CRON_TZ=Asia/Tokyo 0 0 * * 7", "TZ=Asia/Tokyo @hourly"],
        expect![[r#"
        [0 | 0 | 0 | 1-31 | 1-12 |  | 0] 
        [0 | 0 | 0-23 | 1-31 | 1-12 |  | 0-6] 
        in Asia/Tokyo"#]],
    );
    cron(
        &["@every 14h/3h", "@every 1.5d # comment"],
        expect![[r#"
            every 50400s phase 10800s
            every 129600s phase -"#]],
    );
    cron(
        &["@every 14h/3h", "@every 1.5d"],
        expect![[r#"
        every 50400s phase 10800s
        every 129600s phase -"#]],
    );
    cron(&["0 0 * * 1-7/2"], expect!["[0 | 0 | 0 | 1-31 | 1-12 |  | 0,1-6/2] "]);
    cron(&["0 0 * JAN-mar,decem *"], expect!["[0 | 0 | 0 | 1-31 | 1-3,12 |  | 0-6] "]);
}

#[test]
fn bad_strings_are_refused() {
    cron(&["* * * *"], expect!["CronString does not have 5-7 fields"]);
    cron(&["TZ=UTC"], expect!["CronString has time zone but missing fields"]);
    cron(&["@every"], expect!["CronString does not have interval after @every"]);
    cron(
        &["60 24 0 13 8"],
        expect![
            "Minute is not in range [0-59], Hour is not in range [0-23], DayOfWeek is not in range [0-7], DayOfMonth is not in range [1-31], Month is not in range [1-12]"
        ],
    );
    cron(
        &["1-2-3 1/2/3 5/ */0 x/y"],
        expect![
            "Minute has too many dashes, Hour has too many slashes, strconv.Atoi: parsing \"y\": invalid syntax, DayOfMonth missing step value, Month has invalid Step"
        ],
    );
    cron(&["TZ=UTC @daily", "@daily"], expect!["conflicting timezone names"]);
}

#[test]
fn specs_are_checked() {
    let check = |spec: ScheduleSpec, expected: Expect| {
        expected.assert_eq(&Spec::new(&spec).map_or_else(|error| error, |spec| written(spec.canonical())));
    };
    let seconds = |seconds| Some(ProtoDuration { seconds, nanos: 0 });
    let interval = |interval, phase| ScheduleSpec {
        interval: vec![IntervalSpec { interval, phase }],
        ..ScheduleSpec::default()
    };
    check(interval(None, None), expect!["interval is too small"]);
    check(interval(seconds(5), seconds(-1)), expect!["phase is negative"]);
    check(interval(seconds(5), seconds(5)), expect!["phase cannot be greater than Interval"]);
    check(interval(seconds(5), seconds(4)), expect!["every 5s phase 4s"]);
    check(
        ScheduleSpec { timezone_name: "Mars/Phobos".to_owned(), ..ScheduleSpec::default() },
        expect!["unknown time zone Mars/Phobos"],
    );
    check(
        ScheduleSpec { timezone_data: vec![1, 2, 3].into(), ..ScheduleSpec::default() },
        expect!["malformed time zone information"],
    );
    let structured = StructuredCalendarSpec {
        second: vec![Range { start: 60, end: 3, step: -1 }],
        comment: "x".repeat(201),
        ..StructuredCalendarSpec::default()
    };
    check(
        ScheduleSpec { structured_calendar: vec![structured], ..ScheduleSpec::default() },
        expect![
            "invalid calendar spec: Second Start is not in range [0-59], Second End is before Start or not in range [0-59], Second has invalid Step, comment is too long"
        ],
    );
    check(
        ScheduleSpec { calendar: vec![CalendarSpec::default()], ..ScheduleSpec::default() },
        expect!["[0 | 0 | 0 | 1-31 | 1-12 |  | 0-6] "],
    );
}
