//! Durations as Go writes them, and so all of Temporal's tools: `10s`, `1h30m`, `500ms`, `1.5h`, `2d`.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

const NANOSECONDS: [(&str, f64); 9] = [
    // Longer units first where one begins like the other.
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
    ("d", 86_400e9),
];

/// Longest duration that is accepted: what an `int64` of nanoseconds holds, as in Go.
const MAX: Duration = Duration::from_nanos(i64::MAX as u64);

/// Reads a duration. For clap.
pub(crate) fn parse(text: &str) -> Result<Duration> {
    const HELP: &str = "expected a number with a unit, such as 10s, 1h30m or 500ms";
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    ensure!(!text.starts_with('-'), "a duration cannot be negative");
    ensure!(!text.is_empty(), HELP);
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let Ok(number) = number.parse::<f64>() else { bail!(HELP) };
        let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let Some((_, factor)) = NANOSECONDS.iter().find(|(name, _)| *name == unit) else {
            if unit.is_empty() {
                bail!("a unit is missing: {HELP}");
            }
            bail!("there is no unit `{unit}`: {HELP}");
        };
        let part = Duration::try_from_secs_f64(number * factor / 1e9).ok();
        total = match part.and_then(|part| total.checked_add(part)) {
            Some(sum) if sum <= MAX => sum,
            _ => bail!("a duration is at most 292 years"),
        };
        rest = tail;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Duration, &str>) {
        match (parse(text), expected) {
            (Ok(duration), Ok(expected)) => assert_eq!(duration, expected, "{text}"),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{text}: {error}"),
            (got, _) => panic!("{text}: {got:?}"),
        }
    }

    #[test]
    fn durations() {
        check("10s", Ok(Duration::from_secs(10)));
        check("1h30m", Ok(Duration::from_secs(5_400)));
        check("500ms", Ok(Duration::from_millis(500)));
        check("1.5h", Ok(Duration::from_secs(5_400)));
        check(".5s", Ok(Duration::from_millis(500)));
        check("2d", Ok(Duration::from_secs(172_800)));
        check("3us", Ok(Duration::from_micros(3)));
        check("3µs", Ok(Duration::from_micros(3)));
        check("7ns", Ok(Duration::from_nanos(7)));
        check("1m1ms", Ok(Duration::from_millis(60_001)));
        check("0", Ok(Duration::ZERO));
        check("0s", Ok(Duration::ZERO));
        check("", Err("expected a number"));
        check("10", Err("a unit is missing"));
        check("s", Err("expected a number"));
        check("1.2.3s", Err("expected a number"));
        check("1 s", Err("no unit ` s`"));
        check("5y", Err("no unit `y`"));
        check("-5s", Err("negative"));
        check("99999999999999999999h", Err("at most"));
        check("300y", Err("no unit"));
        check("200000d", Err("at most"));
    }
}
