//! What user interfaces show beside a command.

use host_sandbox::wit::workflow::host::types::UserMetadata as GuestMetadata;
use host_wire::temporal::api::sdk::v1::UserMetadata;

use super::payload;

/// Metadata for the service.
pub(super) fn to_wire(metadata: GuestMetadata) -> UserMetadata {
    UserMetadata {
        summary: metadata.summary.map(payload::to_wire),
        details: metadata.details.map(payload::to_wire),
    }
}

/// Metadata for the service, where it is kept in a box.
pub(super) fn boxed(metadata: Option<GuestMetadata>) -> Option<Box<UserMetadata>> {
    metadata.map(|metadata| Box::new(to_wire(metadata)))
}
