//! Visibility: which runs there are, by filter. Lists and counts of the protocol are made of it.

pub(crate) mod filter;
pub(crate) mod scan;
