//! Options of a run that clients may change: the versioning override and the priority.

pub(crate) mod state;
pub(crate) mod update;
