//! The local activities of a run: what the worker is asked, what markers were found, and when either
//! reaches the guest. One of them is a `LocalActivityMachine`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use host_wire::temporal::api::enums::v1::CommandType;

use crate::{
    error::Error,
    local_activity::{LocalActivityMachine, LocalCancel, Resolution},
    markers::LocalActivityMarker,
    operations::OperationId,
    run::Run,
    step::{LocalActivityRequests, LocalActivityResult},
};

/// What there is to do about a run's local activities.
#[derive(Debug, Default)]
pub(crate) struct LocalActivities {
    /// To be started by the worker.
    to_start: Vec<u32>,
    /// To be cancelled by the worker.
    to_cancel: Vec<u32>,
    /// Given to the worker and not resolved.
    running: BTreeSet<u32>,
    /// Found in markers of the coming task, and not applied yet.
    found: VecDeque<(u32, Resolution)>,
    /// Resolved by the worker while the guest was busy, or between tasks.
    pub(crate) deferred: Vec<LocalActivityResult>,
    /// Position of the next activation in the workflow task, from 0.
    pub(crate) activation_index: u64,
    has_run_ended: bool,
    was_cancelled_at_end: bool,
}

impl LocalActivities {
    pub(crate) fn start(&mut self, seq: u32) {
        self.to_start.push(seq);
    }

    pub(crate) fn end_run(&mut self) {
        self.has_run_ended = true;
    }

    /// Whether the workflow task cannot be completed yet on their account.
    pub(crate) fn are_outstanding(&self) -> bool {
        let has_some = !self.running.is_empty() || !self.to_start.is_empty();
        has_some && !self.has_run_ended
    }

    /// The worker has answered it.
    pub(crate) fn is_over(&mut self, seq: u32) {
        self.to_start.retain(|other| *other != seq);
        self.running.remove(&seq);
    }

    /// Takes it back if the worker was not asked yet.
    pub(crate) fn withdraw(&mut self, seq: u32) -> bool {
        let index = self.to_start.iter().position(|other| *other == seq);
        index.map(|index| self.to_start.remove(index)).is_some()
    }

    pub(crate) fn cancel(&mut self, seq: u32) {
        if self.running.contains(&seq) {
            self.to_cancel.push(seq);
        }
    }

    /// What the worker is to be asked now.
    pub(crate) fn take_requests(
        &mut self,
        machines: &BTreeMap<u32, LocalActivityMachine>,
    ) -> Option<LocalActivityRequests> {
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
        for seq in std::mem::take(&mut self.to_start) {
            if let Some(machine) = machines.get(&seq) {
                self.running.insert(seq);
                requests.start.push((seq, machine.activity().clone()));
            }
        }
        Some(requests)
    }

    /// A marker was found in the coming task.
    pub(crate) fn found(&mut self, event_id: i64, marker: LocalActivityMarker) {
        self.found.push_back((marker.data.seq, Resolution::from_marker(event_id, marker)));
    }

    /// The next resolution that was found, unless it belongs to a later activation.
    pub(crate) fn next_found(&self, include_held: bool) -> Option<u32> {
        let (seq, resolution) = self.found.front()?;
        (include_held || !self.is_held(resolution)).then_some(*seq)
    }

    pub(crate) fn has_held(&self, seq: u32) -> bool {
        self.found.iter().any(|(other, resolution)| *other == seq && self.is_held(resolution))
    }

    pub(crate) fn take_found(&mut self, seq: u32) -> Option<Resolution> {
        let index = self.found.iter().position(|(other, _)| *other == seq)?;
        self.found.remove(index).map(|(_, resolution)| resolution)
    }

    fn is_held(&self, resolution: &Resolution) -> bool {
        resolution.activation_index.is_some_and(|index| index > self.activation_index)
    }
}

impl Run {
    /// Replay is over: what no marker resolved has to be run.
    pub(crate) fn request_local_activities(&mut self) {
        for (seq, machine) in &mut self.operations.local_activities {
            if machine.awaits_marker() {
                machine.request();
                self.local_activities.start(*seq);
            }
        }
    }

    pub(crate) fn cancel_local_activity(&mut self, seq: u32) -> Result<(), Error> {
        let Some(machine) = self.operations.local_activities.get(&seq) else {
            return Ok(());
        };
        let index = self.local_activities.activation_index;
        match machine.cancel() {
            LocalCancel::Nothing => Ok(()),
            LocalCancel::Resolve { and_request } => {
                let cancelled = machine.cancelled(index);
                if !self.local_activities.withdraw(seq) && and_request {
                    self.local_activities.cancel(seq);
                }
                if !and_request {
                    self.local_activities.is_over(seq);
                }
                self.resolve_local_activity(seq, cancelled, false)
            }
            // A resolution that belongs to a later activation waits for it.
            LocalCancel::Request if self.local_activities.has_held(seq) => Ok(()),
            LocalCancel::Request => {
                if let Some(found) = self.local_activities.take_found(seq) {
                    self.resolve_local_activity(seq, found, true)
                } else if self.local_activities.withdraw(seq) {
                    let cancelled = machine.cancelled(index);
                    self.resolve_local_activity(seq, cancelled, false)
                } else {
                    self.local_activities.cancel(seq);
                    Ok(())
                }
            }
        }
    }

    /// Takes what the worker resolved while it could not be taken.
    pub(crate) fn apply_deferred(&mut self) -> Result<(), Error> {
        for result in std::mem::take(&mut self.local_activities.deferred) {
            let seq = result.seq;
            self.local_activities.is_over(seq);
            let index = self.local_activities.activation_index;
            let Some(machine) = self.operations.local_activities.get(&seq) else {
                continue;
            };
            let resolution = machine.resolution(result, index);
            self.resolve_local_activity(seq, resolution, false)?;
        }
        Ok(())
    }

    fn resolve_local_activity(
        &mut self,
        seq: u32,
        resolution: Resolution,
        is_marker: bool,
    ) -> Result<(), Error> {
        let Some(machine) = self.operations.local_activities.get_mut(&seq) else {
            return Ok(());
        };
        let resolved = machine.resolve(resolution, is_marker, &mut self.jobs)?;
        if resolved.records_marker {
            self.operations.push_command(OperationId::LocalActivity(seq), CommandType::RecordMarker);
        }
        if let Some(time) = resolved.time {
            self.advance_time(time);
        }
        Ok(())
    }

    /// Applies what markers say, up to the first one whose activity is not scheduled yet, or which,
    /// unless told otherwise, belongs to a later activation.
    pub(crate) fn apply_found_local_activities(&mut self, include_held: bool) -> Result<(), Error> {
        while let Some(seq) = self.local_activities.next_found(include_held) {
            if !self.operations.local_activities.contains_key(&seq) {
                break;
            }
            if let Some(found) = self.local_activities.take_found(seq) {
                self.resolve_local_activity(seq, found, true)?;
            }
        }
        Ok(())
    }

    /// Without jobs there is no later activation to wait for.
    pub(crate) fn release_found_if_idle(&mut self) -> Result<(), Error> {
        if self.jobs.is_empty() {
            self.apply_found_local_activities(true)?;
        }
        Ok(())
    }
}
