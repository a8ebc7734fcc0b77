//! The actions that wait, and what the overlap policies make of them. `ProcessBuffer` of Temporal's server.

use host_wire::temporal::api::enums::v1::ScheduleOverlapPolicy as Overlap;

use crate::schedule::record::BufferedStart;

/// What is to be done with a buffer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Decision {
    /// Actions that run beside all others, to be started now.
    pub(super) overlapping: Vec<BufferedStart>,
    /// The action that runs alone, to be started now.
    pub(super) alone: Option<BufferedStart>,
    /// What goes on waiting.
    pub(super) waiting: Vec<BufferedStart>,
    pub(super) skipped: i64,
    pub(super) cancels: bool,
    pub(super) terminates: bool,
}

/// Decides about each action in turn. `resolve` gives the policy of the schedule for one that has none.
pub(super) fn decide(
    buffer: Vec<BufferedStart>,
    is_running: bool,
    resolve: impl Fn(Overlap) -> Overlap,
) -> Decision {
    let mut decision = Decision::default();
    for start in buffer {
        let policy = resolve(start.overlap_policy());
        if policy == Overlap::AllowAll {
            decision.overlapping.push(start);
        } else if !is_running && decision.alone.is_none() {
            decision.alone = Some(start);
        } else {
            decision.overlap(start, policy, is_running);
        }
    }
    if decision.cancels || decision.terminates {
        // The next one would end them at once.
        decision.overlapping.clear();
    }
    decision
}

impl Decision {
    /// An action whose time came while another runs, or is about to.
    fn overlap(&mut self, start: BufferedStart, policy: Overlap, is_running: bool) {
        match policy {
            Overlap::Unspecified | Overlap::Skip | Overlap::AllowAll => self.skipped += 1,
            Overlap::BufferOne if self.waiting.is_empty() => self.waiting.push(start),
            Overlap::BufferOne => self.skipped += 1,
            Overlap::BufferAll => self.waiting.push(start),
            // Nothing runs yet but what was about to start: it is replaced.
            Overlap::CancelOther | Overlap::TerminateOther if !is_running => self.alone = Some(start),
            Overlap::CancelOther => {
                self.cancels = true;
                self.waiting.push(start);
            }
            Overlap::TerminateOther => {
                self.terminates = true;
                self.waiting.push(start);
            }
        }
    }
}
