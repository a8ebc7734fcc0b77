//! Options of updates.

/// Options of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateOptions {
    /// Makes the update idempotent within its run. Empty: a new UUID.
    pub update_id: String,
}
