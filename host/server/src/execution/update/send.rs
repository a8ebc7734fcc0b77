//! Updates on their way to workers: they go along with workflow tasks.

use host_wire::temporal::api::{
    protocol::v1::{Message, message::SequencingId},
    update::v1::Request,
};
use prost::{Message as _, Name};
use prost_types::Any;

use crate::{
    execution::{
        run::Run,
        run_transition::RunTransition,
        update::state::{PendingUpdate, Sending},
    },
    limits,
};

/// Attaches pending updates to the workflow task that was just started, as many as fit beside a page of its history.
/// A task that follows a heartbeat gets only those that its worker does not have yet.
pub(crate) fn attach(run: &mut RunTransition<'_>, after_heartbeat: bool) {
    if run.updates().pending().is_empty() {
        return;
    }
    run.in_memory(|run| {
        let mut bytes = 0;
        for pending in run.updates_mut().pending_mut() {
            if after_heartbeat && pending.sending != Sending::Admitted {
                pending.sending = Sending::Sent;
                continue;
            }
            bytes += pending.bytes;
            if bytes > limits::TASK_UPDATE_BYTES && bytes > pending.bytes {
                break;
            }
            pending.sending = Sending::Attached;
        }
    });
}

/// The workflow task ended: what went along with it may go along with the next.
pub(crate) fn detach(run: &mut RunTransition<'_>) {
    if run.updates().pending().iter().any(|pending| pending.sending == Sending::Attached) {
        run.in_memory(|run| {
            for pending in run.updates_mut().pending_mut() {
                if pending.sending == Sending::Attached {
                    pending.sending = Sending::Sent;
                }
            }
        });
    }
}

/// The messages that go along with the started workflow task. Workers handle them after the event before its started
/// event.
pub(crate) fn messages(run: &Run) -> Vec<Message> {
    let Some((_, started)) = run.workflow_tasks().started_task() else { return Vec::new() };
    let attached = run.updates().pending().iter().filter(|pending| pending.sending == Sending::Attached);
    attached.map(|pending| message(pending, started.event_id - 1)).collect()
}

fn message(pending: &PendingUpdate, after_event_id: i64) -> Message {
    Message {
        id: message_id(&pending.update_id),
        protocol_instance_id: pending.update_id.clone(),
        sequencing_id: Some(SequencingId::EventId(after_event_id)),
        body: Some(Any { type_url: Request::type_url(), value: pending.request.encode_to_vec() }),
    }
}

/// The id of the message with which a worker gets an update.
pub(crate) fn message_id(update_id: &str) -> String {
    format!("{update_id}/request")
}
