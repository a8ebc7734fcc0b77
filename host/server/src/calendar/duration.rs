//! Durations as Go writes them, which cron strings use after `@every`.

/// Nanoseconds of a text of Go's `time.ParseDuration`: `1h30m`, `1.5s`, `-2ms`. Nothing if it is none.
pub(crate) fn parse(text: &str) -> Option<i64> {
    parse_units(text, false)
}

/// The same with days of 24 hours, which cron strings of schedules may have: `1.5d`.
pub(crate) fn parse_with_days(text: &str) -> Option<i64> {
    parse_units(text, true)
}

fn parse_units(text: &str, with_days: bool) -> Option<i64> {
    let (is_negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut all: i128 = 0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, after) =
            after.split_at(after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len()));
        all += amount(number)?.checked_mul(nanos(unit, with_days)?)? / SCALE;
        i64::try_from(all).ok()?;
        rest = after;
    }
    i64::try_from(if is_negative { -all } else { all }).ok()
}

/// Decimal places of a number that count.
const PLACES: usize = 9;
const SCALE: i128 = 1_000_000_000;

/// A decimal number, times [`SCALE`].
fn amount(number: &str) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() > 18 || fraction.contains('.') {
        return None;
    }
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(PLACES).collect();
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    Some(whole * SCALE + digits.parse::<i128>().ok()?)
}

fn nanos(unit: &str, with_days: bool) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        "d" if with_days => 24 * 3_600 * 1_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        let cases = [
            ("0", Some(0)),
            ("1h30m", Some(5_400_000_000_000)),
            ("1.5s", Some(1_500_000_000)),
            (".5s", Some(500_000_000)),
            ("1.s", Some(1_000_000_000)),
            ("-2ms", Some(-2_000_000)),
            ("+3us", Some(3_000)),
            ("4µs5ns", Some(4_005)),
            ("", None),
            ("3", None),
            ("s", None),
            (".s", None),
            ("1.2.3s", None),
            ("1d", None),
            ("1h 2m", None),
            ("300000h", Some(1_080_000_000_000_000_000)),
            ("3000000h", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(parse_with_days("1.5d2h"), Some(38 * 3_600_000_000_000));
    }
}
