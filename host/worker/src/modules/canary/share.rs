//! A part of something, as a percentage.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A part of something, in hundredths of a percent: 0 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Share(u16);

/// A text or number that is no [`Share`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no percentage: expected 0% to 100%, such as 5% or 0.25%")]
pub struct BadShare(String);

impl Share {
    /// No part of it: 0%.
    pub const NONE: Self = Self(0);
    /// All of it: 100%.
    pub const ALL: Self = Self(10_000);

    /// Whether a place belongs to this part of so many places, which begins with the first one.
    pub(super) fn holds(self, place: u64, places: u64) -> bool {
        place.saturating_mul(u64::from(Self::ALL.0)) < places.saturating_mul(u64::from(self.0))
    }

    /// Whether so many of all are more than this part.
    pub(super) fn is_passed(self, some: u64, all: u64) -> bool {
        some.saturating_mul(u64::from(Self::ALL.0)) > all.saturating_mul(u64::from(self.0))
    }
}

impl TryFrom<u16> for Share {
    type Error = BadShare;

    fn try_from(hundredths: u16) -> Result<Self, BadShare> {
        let share = Self(hundredths);
        if share <= Self::ALL { Ok(share) } else { Err(BadShare(hundredths.to_string())) }
    }
}

impl From<Share> for u16 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl FromStr for Share {
    type Err = BadShare;

    fn from_str(text: &str) -> Result<Self, BadShare> {
        let bad = || BadShare(text.to_owned());
        let number = text.strip_suffix('%').ok_or_else(bad)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || part.len() > 2 || !is_digits(whole) || !is_digits(part) {
            return Err(bad());
        }
        let part: u32 = format!("{part:0<2}").parse().map_err(|_| bad())?;
        let whole: u32 = whole.parse().map_err(|_| bad())?;
        let hundredths = whole.checked_mul(100).and_then(|whole| whole.checked_add(part)).ok_or_else(bad)?;
        u16::try_from(hundredths).ok().and_then(|it| Self::try_from(it).ok()).ok_or_else(bad)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        match part {
            0 => write!(f, "{whole}%"),
            _ if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            _ => write!(f, "{whole}.{part:02}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_come_back() {
        for text in ["0%", "5%", "0.25%", "0.5%", "12.05%", "100%"] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), text);
        }
        assert_eq!("5.50%".parse::<Share>().unwrap(), "5.5%".parse().unwrap());
        for text in ["", "5", "%", ".5%", "-1%", "100.01%", "101%", "99999999999%", "1.234%", "+5%", "5 %"] {
            assert_eq!(text.parse::<Share>().unwrap_err(), BadShare(text.to_owned()), "{text}");
        }
        assert!(serde_json::from_str::<Share>("10001").is_err());
    }
}
