//! Signals that arrive.

use host_sandbox::wit::workflow::host::activation::Signal;
use host_wire::temporal::api::history::v1::WorkflowExecutionSignaledEventAttributes;

use super::{named_payloads, payload};

/// A signal for a guest.
pub(super) fn to_guest(event_id: i64, attributes: WorkflowExecutionSignaledEventAttributes) -> Signal {
    Signal {
        name: attributes.signal_name,
        arguments: payload::list_to_guest(attributes.input),
        identity: attributes.identity,
        headers: named_payloads::header_to_guest(attributes.header),
        event_id,
    }
}
