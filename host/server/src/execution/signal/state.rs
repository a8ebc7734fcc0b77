//! Signals that a run has received.

use std::collections::HashSet;

use host_wire::temporal::api::history::v1::WorkflowExecutionSignaledEventAttributes;

/// How many signals a run has received, and by which requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Signals {
    count: usize,
    request_ids: HashSet<String>,
    request_id_bytes: usize,
}

impl Signals {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the ids of requests.
    pub(crate) fn request_id_bytes(&self) -> usize {
        self.request_id_bytes
    }

    /// Whether the request with this id was received. Requests without id are not known.
    pub(crate) fn knows(&self, request_id: &str) -> bool {
        self.request_ids.contains(request_id)
    }

    pub(in crate::execution) fn received(&mut self, signal: &WorkflowExecutionSignaledEventAttributes) {
        self.count += 1;
        if !signal.request_id.is_empty() && self.request_ids.insert(signal.request_id.clone()) {
            self.request_id_bytes += signal.request_id.len();
        }
    }
}
