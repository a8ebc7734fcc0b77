//! What decides how a simulation goes.

use std::{collections::BTreeSet, time::Duration};

/// Everything that decides how a simulation goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) fault: Option<Fault>,
    pub(super) cuts: Cuts,
}

/// Something that is wrong on purpose, to show that the simulation sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Storage says that a transition is on disk before it is.
    AcknowledgesEarly,
    /// A start does not bring the last run that was in memory back.
    ForgetsAnOpenRun,
    /// Storage does not keep that attempts of activities were started.
    LosesAttempts,
    /// Storage does not keep which workers end with the process.
    ForgetsWorkers,
    /// The clock is sometimes three seconds ahead.
    ClockRunsAhead,
    /// The service takes the machine's clock as it is, also where it was set back.
    ClockGoesBack,
}

/// What is left out of a simulation, to find what its failure needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    /// When the chaos ends at the latest.
    pub(super) chaos: Option<Duration>,
    pub(super) troubles: BTreeSet<Trouble>,
    pub(super) calls: BTreeSet<CallNumber>,
}

/// A call that a client makes: the number of the client, and which of its calls it is.
pub(super) type CallNumber = (u64, u64);

/// A kind of trouble that a simulation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// Calls and answers that get lost, and callers that go away.
    Losses,
    /// Transitions that panic.
    Panics,
    /// Crashes at a step of the disk, beside those at a time.
    DiskCrashes,
    /// The machine's clock is set back.
    ClockSetBack,
    /// The service is told to end, and ends by itself.
    Stops,
    /// Workers outside the process of the service.
    RemoteWorkers,
}

impl Trouble {
    pub(super) const ALL: [Self; 6] =
        [Self::Losses, Self::Panics, Self::DiskCrashes, Self::ClockSetBack, Self::Stops, Self::RemoteWorkers];
}

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    pub(super) fn has(&self, trouble: Trouble) -> bool {
        !self.cuts.troubles.contains(&trouble)
    }
}
