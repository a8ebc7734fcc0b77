//! Outcomes of activities, children, Nexus operations and updates.

use host_core::Outcome;
use host_sandbox::wit::workflow::host::types::Outcome as GuestOutcome;

use super::{failure, malformed::Malformed, payload};

/// An outcome for a guest.
pub(super) fn to_guest(outcome: Outcome) -> GuestOutcome {
    match outcome {
        Outcome::Completed(result) => GuestOutcome::Completed(result.map(payload::to_guest)),
        Outcome::Failed(failure) => GuestOutcome::Failed(failure::to_guest(*failure)),
        Outcome::Canceled(failure) => GuestOutcome::Canceled(failure::to_guest(*failure)),
    }
}

/// An outcome for the service.
pub(super) fn to_wire(outcome: GuestOutcome) -> Result<Outcome, Malformed> {
    Ok(match outcome {
        GuestOutcome::Completed(result) => Outcome::Completed(result.map(payload::to_wire)),
        GuestOutcome::Failed(failure) => Outcome::Failed(Box::new(failure::to_wire(failure)?)),
        GuestOutcome::Canceled(failure) => Outcome::Canceled(Box::new(failure::to_wire(failure)?)),
    })
}
