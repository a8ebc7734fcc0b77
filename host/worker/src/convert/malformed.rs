//! What a guest may not ask for, because the protocol cannot express it.

/// A value of a guest that has no counterpart in the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// The chain of a failure has no link.
    #[error("a failure has no link")]
    EmptyFailure,
    /// The chain of a failure is longer than the contract allows.
    #[error("a failure has {links} links, and {} are allowed", super::failure::MAX_LINKS)]
    DeepFailure {
        /// How many it has.
        links: usize,
    },
    /// A number that does not fit its field.
    #[error("{field} is {value}, and {} is the most", i32::MAX)]
    Number {
        /// As the contract calls it.
        field: &'static str,
        /// What the guest said.
        value: u32,
    },
    /// An activity without the timeouts of which one has to be set.
    #[error(
        "activity `{activity_type}` has neither a start-to-close nor a schedule-to-close timeout: set one"
    )]
    NoTimeout {
        /// Its type.
        activity_type: String,
    },
}

/// A number as the protocol's signed fields have it.
pub(super) fn signed(field: &'static str, value: u32) -> Result<i32, Malformed> {
    i32::try_from(value).map_err(|_| Malformed::Number { field, value })
}
