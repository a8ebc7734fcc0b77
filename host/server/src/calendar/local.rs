//! A calendar: fields in a time zone.

use crate::calendar::{fields::Fields, zone::Zone};

/// Longest stretch of local time that a zone ever repeated is a day; with room to spare.
const LONGEST_REPEAT: i64 = 2 * 24 * 60 * 60;

/// Which seconds match, in a time zone.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    pub(crate) fields: Fields,
    pub(crate) zone: Zone,
}

impl Calendar {
    pub(crate) fn matches(&self, at: i64) -> bool {
        self.fields.matches(at + self.zone.period(at).offset)
    }

    /// The first second after this one that matches, up to [`crate::calendar::LAST_YEAR`].
    pub(crate) fn next(&self, after: i64) -> Option<i64> {
        let mut from = after.checked_add(1)?;
        loop {
            let period = self.zone.period(from);
            let civil = self.fields.first_from(from + period.offset);
            let at = civil.map(|civil| civil - period.offset);
            match (at, period.end) {
                (Some(at), None) => return Some(at),
                (Some(at), Some(end)) if at < end => return Some(at),
                (Some(_), Some(end)) => from = end,
                // Local time may go back behind what was looked at.
                (None, Some(end)) if end - from < LONGEST_REPEAT => from = end,
                (None, _) => return None,
            }
        }
    }

    /// After a second that matches, the first that need not: up to there everything matches.
    pub(crate) fn end_of_match(&self, at: i64) -> i64 {
        let period = self.zone.period(at);
        let end = self.fields.end_of_match(at + period.offset) - period.offset;
        period.end.map_or(end, |shift| end.min(shift))
    }
}
