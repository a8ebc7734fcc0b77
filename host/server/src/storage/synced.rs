//! How far the log is on disk, as everything that waits for it sees.

use super::entry::Position;

/// How far the log is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Synced {
    /// The last transition that is.
    pub(crate) position: Position,
    /// Whether the log cannot grow for want of room.
    pub(crate) log_is_full: bool,
    /// The same of the runs' file.
    pub(crate) runs_are_full: bool,
    /// Whether nothing more is written, because storage was closed.
    pub(crate) has_ended: bool,
}

impl Synced {
    /// Whether nothing more can be stored for want of room.
    pub(crate) fn is_full(self) -> bool {
        self.log_is_full || self.runs_are_full
    }
}
