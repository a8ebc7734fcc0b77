//! Runs that are not in memory when they are needed.
//!
//! Transitions and reads look runs up in [`super::executions::Executions`], which does no I/O: a lookup that cannot
//! be answered from memory fails with [`Needs`]. Its caller then has the run loaded, outside the lock, and looks
//! it up again. A transition does all its lookups before it changes anything.
//!
//! While a run is being loaded for a caller, and until the caller is done, it is pinned: it does not leave memory
//! again, and an answer "there is none" stays true. So a run that another caller loaded and changed meanwhile is
//! never replaced by the older copy.

use std::collections::HashMap;

use crate::{
    error::Error,
    execution::{
        archive::Archive,
        record::{RunIdentity, RunNumber},
        run::Run,
    },
};

/// A run by one of its names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Needed {
    Number(RunNumber),
    RunId(String),
    /// The latest run of a workflow id.
    Latest {
        namespace: String,
        workflow_id: String,
    },
}

/// This run must be loaded first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needs(pub(crate) Needed);

/// A request that cannot be done now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NotReady {
    /// A run must be loaded first.
    Needs(Needed),
    /// The request is refused.
    Refused(Error),
}

impl From<Needs> for NotReady {
    fn from(Needs(needed): Needs) -> Self {
        Self::Needs(needed)
    }
}

impl From<Error> for NotReady {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl NotReady {
    /// The refusal of a lookup that was done before, when it did not need a run.
    ///
    /// # Panics
    ///
    /// When a run is needed all the same: the transition did not look it up before it changed something, and
    /// cannot be run again.
    pub(crate) fn refusal(self) -> Error {
        match self {
            Self::Needs(needed) => panic!("{needed:?} was not looked up before the transition"),
            Self::Refused(error) => error,
        }
    }

    /// Passes a need on. A refusal is no error yet: the transition records it when it comes to it.
    pub(crate) fn only_needs(self) -> Result<(), Needs> {
        match self {
            Self::Needs(needed) => Err(Needs(needed)),
            Self::Refused(_) => Ok(()),
        }
    }
}

/// Loads a run; outside the lock.
pub(crate) fn load(archive: &dyn Archive, needed: &Needed) -> Option<(RunNumber, Run)> {
    let number = match needed {
        Needed::Number(number) => Some(*number),
        Needed::RunId(run_id) => archive.with_run_id(run_id),
        Needed::Latest { namespace, workflow_id } => archive.latest(namespace, workflow_id),
    }?;
    Some((number, archive.load(number)?))
}

/// The runs that are being loaded, or were loaded for a caller that is not done.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    pins: HashMap<Needed, Pin>,
}

#[derive(Debug, Default)]
struct Pin {
    callers: usize,
    /// Whether the archive has no such run.
    absent: bool,
}

impl Pins {
    pub(crate) fn pin(&mut self, needed: &Needed) {
        self.pins.entry(needed.clone()).or_default().callers += 1;
    }

    pub(crate) fn unpin(&mut self, needed: &Needed) {
        if let Some(pin) = self.pins.get_mut(needed) {
            pin.callers -= 1;
            if pin.callers == 0 {
                self.pins.remove(needed);
            }
        }
    }

    /// The archive has no such run.
    pub(crate) fn set_absent(&mut self, needed: &Needed) {
        if let Some(pin) = self.pins.get_mut(needed) {
            pin.absent = true;
        }
    }

    /// Whether the archive is known to have no such run; without that it must be asked.
    pub(crate) fn check_absent(&self, needed: Needed) -> Result<(), Needs> {
        if self.pins.get(&needed).is_some_and(|pin| pin.absent) { Ok(()) } else { Err(Needs(needed)) }
    }

    /// Whether this run must stay in memory.
    pub(crate) fn hold(&self, number: RunNumber, identity: &RunIdentity) -> bool {
        !self.pins.is_empty()
            && [
                Needed::Number(number),
                Needed::RunId(identity.run_id.clone()),
                Needed::Latest {
                    namespace: identity.namespace.clone(),
                    workflow_id: identity.workflow_id.clone(),
                },
            ]
            .iter()
            .any(|needed| self.pins.contains_key(needed))
    }
}
