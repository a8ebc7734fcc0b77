//! Priorities.

use host_sandbox::wit::workflow::host::types::Priority as GuestPriority;
use host_wire::temporal::api::common::v1::Priority;

use super::malformed::{Malformed, signed};

/// A priority for a guest.
pub(super) fn to_guest(priority: Priority) -> GuestPriority {
    GuestPriority {
        priority_key: u32::try_from(priority.priority_key).unwrap_or(0),
        fairness_key: priority.fairness_key,
        fairness_weight: priority.fairness_weight,
    }
}

/// A priority for the service.
pub(super) fn to_wire(priority: GuestPriority) -> Result<Priority, Malformed> {
    Ok(Priority {
        priority_key: signed("priority-key", priority.priority_key)?,
        fairness_key: priority.fairness_key,
        fairness_weight: priority.fairness_weight,
    })
}
