//! The local activities of a run, as the worker sees them: which to start and to stop, what it has answered,
//! what markers say instead of it, and when either reaches the guest. One of them is an
//! `operations::local_activity::LocalActivity`.

use std::collections::{BTreeSet, VecDeque};

use crate::{
    api::{LocalActivityRequests, LocalActivityResult},
    command::LocalActivity,
    history::markers::LocalActivityMarker,
    operations::local_activity::Resolution,
};

/// See the module's documentation. Local activities are named by their sequence numbers.
#[derive(Debug, Default)]
pub(crate) struct LocalActivityQueue {
    /// To be started by the worker.
    to_start: Vec<(u32, LocalActivity)>,
    /// To be stopped by the worker.
    to_cancel: Vec<u32>,
    /// Given to the worker and not resolved.
    running: BTreeSet<u32>,
    /// Scheduled in replay, and not resolved by a marker: the worker has to run them after replay.
    replayed: BTreeSet<u32>,
    /// Found in markers of the coming task, and not applied yet.
    found: VecDeque<(u32, Resolution)>,
    /// Resolved by the worker while the guest was busy, or between tasks.
    answered: Vec<LocalActivityResult>,
    /// Position of the next activation in the workflow task, from 0.
    activation_index: u64,
    has_run_ended: bool,
    was_cancelled_at_end: bool,
}

impl LocalActivityQueue {
    /// A logical task begins.
    pub(crate) fn begin_task(&mut self) {
        self.activation_index = 0;
    }

    /// An activation of the guest begins.
    pub(crate) fn begin_activation(&mut self) {
        self.activation_index += 1;
    }

    /// Position of the next activation in the workflow task, from 0.
    pub(crate) fn activation_index(&self) -> u64 {
        self.activation_index
    }

    /// The worker has to start it.
    pub(crate) fn start(&mut self, seq: u32, activity: LocalActivity) {
        self.to_start.push((seq, activity));
    }

    /// It was scheduled in replay.
    pub(crate) fn replay(&mut self, seq: u32) {
        self.replayed.insert(seq);
    }

    /// After replay: those that were scheduled in it, and not resolved by a marker.
    pub(crate) fn take_replayed(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.replayed)
    }

    /// The guest has ended the run.
    pub(crate) fn end_run(&mut self) {
        self.has_run_ended = true;
    }

    /// Whether the workflow task cannot be completed yet on their account.
    pub(crate) fn are_outstanding(&self) -> bool {
        let has_some = !self.running.is_empty() || !self.to_start.is_empty();
        has_some && !self.has_run_ended
    }

    /// The worker has answered it; when that reaches the guest is decided later.
    pub(crate) fn answer(&mut self, result: LocalActivityResult) {
        self.answered.push(result);
    }

    /// What the worker has answered since.
    pub(crate) fn take_answered(&mut self) -> Vec<LocalActivityResult> {
        std::mem::take(&mut self.answered)
    }

    /// It runs no longer, or its end is ignored.
    pub(crate) fn end(&mut self, seq: u32) {
        self.to_start.retain(|(other, _)| *other != seq);
        self.running.remove(&seq);
    }

    /// Takes it back if the worker was not asked yet.
    pub(crate) fn withdraw(&mut self, seq: u32) -> bool {
        let index = self.to_start.iter().position(|(other, _)| *other == seq);
        index.map(|index| self.to_start.remove(index)).is_some()
    }

    /// The worker has to stop it, if it runs it.
    pub(crate) fn stop(&mut self, seq: u32) {
        if self.running.contains(&seq) {
            self.to_cancel.push(seq);
        }
    }

    /// Takes those that the worker has to start and to cancel.
    pub(crate) fn take_requests(&mut self) -> Option<LocalActivityRequests> {
        let mut requests = LocalActivityRequests::default();
        if self.has_run_ended {
            self.to_start.clear();
            self.to_cancel.clear();
            let cancel_all = !self.running.is_empty() && !self.was_cancelled_at_end;
            self.was_cancelled_at_end = true;
            requests.cancel_all = cancel_all;
            return cancel_all.then_some(requests);
        }
        if self.to_start.is_empty() && self.to_cancel.is_empty() {
            return None;
        }
        requests.cancel = std::mem::take(&mut self.to_cancel);
        requests.start = std::mem::take(&mut self.to_start);
        self.running.extend(requests.start.iter().map(|(seq, _)| *seq));
        Some(requests)
    }

    /// A marker was found in the coming task.
    pub(crate) fn find(&mut self, event_id: i64, marker: LocalActivityMarker) {
        self.found.push_back((marker.data.seq, Resolution::from_marker(event_id, marker)));
    }

    /// The next resolution that was found, unless it belongs to a later activation.
    pub(crate) fn next_found(&self, include_held: bool) -> Option<u32> {
        let (seq, resolution) = self.found.front()?;
        (include_held || !self.is_held(resolution)).then_some(*seq)
    }

    /// Whether a resolution was found that belongs to a later activation.
    pub(crate) fn has_held(&self, seq: u32) -> bool {
        self.found.iter().any(|(other, resolution)| *other == seq && self.is_held(resolution))
    }

    /// What a marker says of it, if one was found, to resolve it with that.
    pub(crate) fn take_found(&mut self, seq: u32) -> Option<Resolution> {
        let index = self.found.iter().position(|(other, _)| *other == seq)?;
        self.replayed.remove(&seq);
        self.found.remove(index).map(|(_, resolution)| resolution)
    }

    fn is_held(&self, resolution: &Resolution) -> bool {
        resolution.activation_index.is_some_and(|index| index > self.activation_index)
    }
}
