//! Where our core differs from sdk-core on purpose.

use host_wire::temporal::api::{enums::v1::EventType, history::v1::HistoryEvent};

use crate::{
    histories,
    replayed::{Difference, Kind, Verdict},
};

/// Why two replays may differ, and how such a difference is told from others.
struct Intended {
    reason: &'static str,
    applies: fn(&[HistoryEvent], &Difference) -> bool,
}

const INTENDED: [Intended; 6] = [
    // A rule that is not known may change what any later event means.
    Intended {
        reason: "sdk-core ignores core flags that it does not know, ours refuses them",
        applies: |_, difference| broken_with(difference, "core flag"),
    },
    // So may an event that is not known; the service marks those that do not.
    Intended {
        reason: "sdk-core ignores events that it does not know, ours those that may be ignored",
        applies: |_, difference| {
            difference.theirs.kind() == Kind::Ok && broken_with(difference, "which it may not ignore")
        },
    },
    // Nothing that a workflow does brings an event about that refers to one that is not there, or to one
    // of another kind.
    Intended {
        reason: "sdk-core calls nondeterminism what ours calls a broken history: an event without the \
                 event that it refers to",
        applies: |_, difference| {
            difference.theirs.kind() == Kind::Nondeterminism
                && DANGLING.iter().any(|what| broken_with(difference, what))
        },
    },
    // Both refuse such a history when they come to the event.
    Intended {
        reason: "where a completed task says nothing at all, sdk-core goes on to the next for its version",
        applies: |events, difference| {
            difference.theirs.kind() == Kind::Broken
                && difference.ours.kind() == Kind::Broken
                && events.iter().any(|event| {
                    event.attributes.is_none() && histories::kind(event) == EventType::WorkflowTaskCompleted
                })
        },
    },
    // The history is one that another workflow could have.
    Intended {
        reason: "sdk-core calls fatal what ours calls nondeterminism: an update ends where it is accepted",
        applies: |_, difference| {
            difference.ours.kind() == Kind::Nondeterminism
                && matches!(&difference.theirs, Verdict::Broken(it) if it.contains("UpdateMachine in state"))
        },
    },
    // Both refuse it; another workflow could have run that local activity twice.
    Intended {
        reason: "sdk-core calls fatal what ours calls nondeterminism: a second marker of a local activity",
        applies: |_, difference| {
            difference.ours.kind() == Kind::Nondeterminism
                && matches!(&difference.theirs, Verdict::Broken(it) if it.contains("LA marker handling in invalid state"))
        },
    },
];

/// How our core says that an event refers to one that is not there.
const DANGLING: [&str; 3] = [
    "nothing that is open was begun by event",
    "no workflow task was scheduled by",
    "is not in a state for it",
];

fn broken_with(difference: &Difference, what: &str) -> bool {
    matches!(&difference.ours, Verdict::Broken(message) if message.contains(what))
}

/// Why a difference is intended, if it is.
pub fn reason(events: &[HistoryEvent], difference: &Difference) -> Option<&'static str> {
    INTENDED.iter().find(|it| (it.applies)(events, difference)).map(|it| it.reason)
}
