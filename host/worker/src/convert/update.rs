//! Updates that arrive.

use host_core::Update;
use host_sandbox::wit::workflow::host::activation::Update as GuestUpdate;

use super::{named_payloads, payload};

/// An update for a guest.
pub(crate) fn to_guest(update: Update) -> GuestUpdate {
    let meta = update.request.meta.unwrap_or_default();
    let input = update.request.input.unwrap_or_default();
    GuestUpdate {
        id: meta.update_id,
        protocol_instance_id: update.protocol_instance_id,
        name: input.name,
        arguments: payload::list_to_guest(input.args),
        identity: meta.identity,
        headers: named_payloads::header_to_guest(input.header),
    }
}
