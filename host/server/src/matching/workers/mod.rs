//! Workers as their heartbeats describe them.

mod query;
pub(crate) mod registry;

pub(crate) use self::query::Query;
