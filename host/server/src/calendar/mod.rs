//! Times of the calendar: which seconds match, in a time zone, and which is the next. Cron strings of workflows are
//! one form of it ([`cron`]); schedules bring their own ([`crate::schedule`]).
//!
//! A local time that a zone skips never matches, and one that it repeats matches each time: as if every second were
//! looked at. Temporal's server does the same, but for shifts of other than whole hours, which it gets wrong.
//!
//! Times are seconds since 1970, as `i64`. There is no clock here.

mod civil;
pub(crate) mod cron;
pub(crate) mod duration;
pub(crate) mod fields;
mod local;
#[cfg(test)]
pub(crate) mod reference;
#[cfg(test)]
mod tests;
pub(crate) mod zone;

pub(crate) use self::{
    fields::{DayRule, Fields},
    local::Calendar,
    zone::Zone,
};

/// The last year in which anything matches. `maxCalendarYear` of Temporal's server.
pub(crate) const LAST_YEAR: i16 = 2_100;
