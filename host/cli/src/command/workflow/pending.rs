//! What a description says of a run's pending operations, in words.

use host_wire::temporal::api::workflow::v1::PendingActivityInfo;

/// The number of an activity's attempt, and how many there may be: `4 of 10`.
pub(super) fn attempt(activity: &PendingActivityInfo) -> String {
    match activity.maximum_attempts {
        0 => activity.attempt.to_string(),
        most => format!("{} of {most}", activity.attempt),
    }
}

/// The name of an activity's type.
pub(super) fn activity_type(activity: &PendingActivityInfo) -> &str {
    activity.activity_type.as_ref().map(|name| name.name.as_str()).unwrap_or_default()
}
