//! The updates of a run by the names that guest and service have for them, and what the service is to be
//! told of them. One of them is an `operations::update::Update`.

use std::collections::BTreeMap;

use host_wire::temporal::api::protocol::v1::Message;

use crate::{job::Job, operation::OperationId, operations::update::UpdateRequest};

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Updates {
    /// By `protocol_instance_id`: those that are not completed or rejected yet.
    by_instance: BTreeMap<String, OperationId>,
    /// Requested, but the event that they come after is not reached.
    requested: Vec<UpdateRequest>,
    /// Those whose handlers the current activation starts.
    starting: Vec<OperationId>,
    /// To be sent with the completion of the workflow task.
    outbox: Vec<Message>,
}

impl Updates {
    /// Takes a request, until the event that it comes after is reached.
    pub(super) fn request(&mut self, request: UpdateRequest) {
        self.requested.push(request);
    }

    /// Takes the requests that come after this event or earlier.
    pub(super) fn take_due(&mut self, event_id: i64) -> Vec<UpdateRequest> {
        if self.requested.is_empty() {
            return Vec::new();
        }
        let (due, later) = std::mem::take(&mut self.requested)
            .into_iter()
            .partition(|request| request.sequencing_event_id() <= event_id);
        self.requested = later;
        due
    }

    /// The guest is to be told of an update.
    pub(super) fn begin(&mut self, protocol_instance_id: String, id: OperationId) {
        self.by_instance.insert(protocol_instance_id, id);
    }

    /// The operation that an update is.
    pub(super) fn get(&self, protocol_instance_id: &str) -> Option<OperationId> {
        self.by_instance.get(protocol_instance_id).copied()
    }

    /// An update is completed or rejected.
    pub(super) fn end(&mut self, protocol_instance_id: &str) -> Option<OperationId> {
        self.by_instance.remove(protocol_instance_id)
    }

    /// An activation with these jobs begins.
    pub(super) fn start(&mut self, jobs: &[Job]) {
        let ids = jobs.iter().filter_map(|job| match job {
            Job::Update(update) => self.get(&update.protocol_instance_id),
            _ => None,
        });
        self.starting = ids.collect();
    }

    /// The updates whose handlers the activation has started.
    pub(super) fn take_started(&mut self) -> Vec<OperationId> {
        std::mem::take(&mut self.starting)
    }

    /// Keeps a message for the service.
    pub(super) fn send(&mut self, message: Message) {
        self.outbox.push(message);
    }

    /// Takes the messages for the service.
    pub(super) fn take_messages(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.outbox)
    }
}
