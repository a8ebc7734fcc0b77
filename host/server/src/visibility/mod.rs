//! Lists and counts of runs, and the filters that they take.

pub(crate) mod filter;
mod list;
