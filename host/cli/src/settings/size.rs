//! Numbers of bytes: `67108864`, `64MiB`, `64MB`, `4GiB`.

use anyhow::{Context as _, Result};

const UNITS: [(&str, usize); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
];

/// Reads a number of bytes. For clap.
pub(crate) fn parse(text: &str) -> Result<usize> {
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1));
    let number: usize =
        number.trim_end().parse().context("expected a number of bytes, such as 64MiB, 500KB or 1048576")?;
    number.checked_mul(factor).context("that is more than there can be")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<usize>) {
        assert_eq!(parse(text).ok(), expected, "{text}");
    }

    #[test]
    fn sizes() {
        check("0", Some(0));
        check("1048576", Some(1 << 20));
        check("64MiB", Some(64 << 20));
        check("64M", Some(64 << 20));
        check("64 MB", Some(64_000_000));
        check("4GiB", Some(4 << 30));
        check("", None);
        check("MiB", None);
        check("1.5GiB", None);
        check("-1", None);
        check("5TB", None);
        check("99999999999GiB", None);
    }
}
