//! Options of a run that clients may change: the versioning override.

pub(crate) mod state;
pub(crate) mod update;
