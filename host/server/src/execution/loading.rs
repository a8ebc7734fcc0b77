//! Runs that are not in memory when they are needed.
//!
//! Transitions and reads look runs up in [`super::executions::Executions`], which does no I/O: a lookup that cannot
//! be answered from memory fails with [`Needs`]. Its caller then has the run loaded, outside the lock, and looks
//! it up again. A transition does all its lookups before it changes anything.
//!
//! While a run is being loaded for a caller, and until the caller is done, it is pinned: it does not leave memory
//! again, and an answer "there is none" stays true. So a run that another caller loaded and changed meanwhile is
//! never replaced by the older copy.

use std::{collections::HashMap, sync::Arc};

use crate::{
    error::Error,
    execution::{
        archive::{Archive, Stored, Unreadable},
        damage::Damage,
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

/// What was found of a run that was needed.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    Run(RunNumber, Box<Run>),
    Damaged(Arc<Damage>),
    Nothing,
}

/// Loads a run; outside the lock.
///
/// # Errors
///
/// When the archive cannot be read now.
pub(crate) fn load(archive: &dyn Archive, needed: &Needed) -> Result<Found, Unreadable> {
    let number = match needed {
        Needed::Number(number) => Some(*number),
        Needed::RunId(run_id) => archive.with_run_id(run_id)?,
        Needed::Latest { namespace, workflow_id } => archive.latest(namespace, workflow_id)?,
    };
    let Some(number) = number else { return Ok(Found::Nothing) };
    Ok(match archive.load(number)? {
        Stored::Run(run) => Found::Run(number, run),
        Stored::Damaged(damage) => Found::Damaged(damage),
        Stored::Nothing => Found::Nothing,
    })
}

/// The runs that are being loaded, or were loaded for a caller that is not done.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    pins: HashMap<Needed, Pin>,
}

#[derive(Debug, Default)]
struct Pin {
    callers: usize,
    missing: Option<Missing>,
}

/// Why a run that was looked for did not come into memory.
#[derive(Clone, Debug)]
pub(crate) enum Missing {
    /// The archive has no such run.
    Absent,
    /// It cannot be read.
    Damaged(Arc<Damage>),
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

    /// A pinned run was looked for and does not come into memory.
    pub(crate) fn set_missing(&mut self, needed: &Needed, missing: Missing) {
        if let Some(pin) = self.pins.get_mut(needed) {
            pin.missing = Some(missing);
        }
    }

    /// Whether the archive is known to have no such run; without that it must be asked.
    ///
    /// # Errors
    ///
    /// When the run must be looked for, or is damaged.
    pub(crate) fn check_absent(&self, needed: Needed) -> Result<(), NotReady> {
        match self.pins.get(&needed).and_then(|pin| pin.missing.as_ref()) {
            Some(Missing::Absent) => Ok(()),
            Some(Missing::Damaged(damage)) => Err(Error::Damaged(damage.clone()).into()),
            None => Err(NotReady::Needs(needed)),
        }
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
