//! Time zones. Their rules are those that the program was built with, so that they are the same on every machine.

use std::sync::LazyLock;

use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

/// A stretch of time in which a zone does not shift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Period {
    /// Seconds from UTC to local time.
    pub(crate) offset: i64,
    /// The second at which the next one begins, if there is one.
    pub(crate) end: Option<i64>,
}

impl Zone {
    /// The zone of a name of the IANA database; UTC if it is empty.
    ///
    /// # Errors
    ///
    /// When the database has none.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        // "Local" is where Temporal's server runs, whose containers are in UTC.
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Self(TimeZone::UTC));
        }
        DATABASE.get(name).map(Self).map_err(|_| format!("unknown time zone {name}"))
    }

    /// A zone from the contents of a TZif file (RFC 8536).
    ///
    /// # Errors
    ///
    /// When that is no such file.
    pub(crate) fn from_data(name: &str, data: &[u8]) -> Result<Self, String> {
        TimeZone::tzif(name, data).map(Self).map_err(|_| "malformed time zone information".to_owned())
    }

    /// The period that a second is in.
    pub(crate) fn period(&self, at: i64) -> Period {
        let at = Timestamp::from_second(at).unwrap_or(if at < 0 { Timestamp::MIN } else { Timestamp::MAX });
        let offset = i64::from(self.0.to_offset(at).seconds());
        Period { offset, end: self.0.following(at).next().map(|next| next.timestamp().as_second()) }
    }
}
