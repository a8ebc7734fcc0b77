//! When a call is answered at the latest.

use std::time::Duration;

use tokio::time::Instant;
use tonic::Request;

/// Longest time that a poll is held open.
pub(crate) const LONG_POLL: Duration = Duration::from_secs(60);
/// Longest time that a call waits for something to happen, other than polls.
pub(crate) const LONG_CALL: Duration = Duration::from_secs(20);
/// What is left of a caller's deadline when it is answered.
const MARGIN: Duration = Duration::from_millis(500);

/// Before the deadline of the caller, and `longest` from now.
pub(crate) fn answer_by<M>(request: &Request<M>, longest: Duration) -> Instant {
    let asked = request.metadata().get("grpc-timeout").and_then(|value| grpc_timeout(value.to_str().ok()?));
    let within = asked.map_or(longest, |asked| asked.saturating_sub(MARGIN.min(asked / 2)).min(longest));
    Instant::now() + within
}

/// When a call is answered that waits for something to happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// Whether the caller asked for it. Then it is an error that nothing happened.
    pub(crate) is_of_caller: bool,
}

impl Deadline {
    /// That of the caller, or [`LONG_CALL`] from now.
    pub(crate) fn of<M>(request: &Request<M>) -> Self {
        let latest = Instant::now() + LONG_CALL;
        let at = answer_by(request, LONG_CALL);
        Self { at, is_of_caller: at < latest }
    }
}

/// The duration in a `grpc-timeout` header.
fn grpc_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number.saturating_mul(3_600)),
        "M" => Duration::from_secs(number.saturating_mul(60)),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_of_callers() {
        for (header, expected) in [
            ("1H", Some(Duration::from_secs(3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("10S", Some(Duration::from_secs(10))),
            ("99999999m", Some(Duration::from_millis(99_999_999))),
            ("5u", Some(Duration::from_micros(5))),
            ("7n", Some(Duration::from_nanos(7))),
            ("", None),
            ("S", None),
            ("5", None),
            ("-5S", None),
            ("5\u{e9}", None),
        ] {
            assert_eq!(grpc_timeout(header), expected, "{header}");
        }
    }
}
