//! What the gate finds out about an open run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::workflow::{
    replay::{Difference, Verdict},
    run::{FailureKind, RunFailure},
};

/// Whether an open run would go on with a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RunVerdict {
    /// The module replays the run to the end of its history.
    Agrees,
    /// The module does something else than the history says.
    Differs {
        /// The first event that the module does not agree with.
        event_id: i64,
        /// The event of history, in words.
        history: String,
        /// What the module did, in words.
        module: String,
        /// Where the module asked for that: function, file and line of its source. Of a number of runs only; `None`
        /// also if the module asked for nothing there, or has no line tables.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<String>,
    },
    /// Neither was found out.
    CannotTell {
        /// The kind of reason.
        why: WhyUnknown,
        /// The reason, in one or more lines.
        message: String,
    },
}

/// Why it cannot be told whether a run and a module agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum WhyUnknown {
    /// The run was deleted since it was listed.
    Gone,
    /// The service did not give its history.
    Unavailable,
    /// The history cannot be decoded, or is newer than this host.
    History,
    /// The guest panicked or trapped, for example over a payload that it could not decode.
    Fault,
    /// The guest took more time, fuel or memory than it may.
    Limit,
    /// The module does not define the type of the run.
    UnknownType,
    /// The host could not do its part.
    Host,
}

/// An open run, and what the gate found out about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedRun {
    /// Id of the workflow.
    pub workflow_id: String,
    /// Id of the run.
    pub run_id: String,
    /// Type of the workflow.
    pub workflow_type: String,
    /// What was found out.
    #[serde(flatten)]
    pub verdict: RunVerdict,
}

/// How many runs got which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Runs that agree.
    pub agree: u64,
    /// Runs that differ.
    pub differ: u64,
    /// Runs of which it cannot be told.
    pub cannot_tell: u64,
}

impl Tally {
    /// All runs that were checked.
    #[must_use]
    pub fn checked(self) -> u64 {
        self.agree + self.differ + self.cannot_tell
    }

    /// Whether every run that was checked agrees.
    #[must_use]
    pub fn all_agree(self) -> bool {
        self.differ == 0 && self.cannot_tell == 0
    }

    /// Counts a run.
    pub fn add(&mut self, verdict: &RunVerdict) {
        match verdict {
            RunVerdict::Agrees => self.agree += 1,
            RunVerdict::Differs { .. } => self.differ += 1,
            RunVerdict::CannotTell { .. } => self.cannot_tell += 1,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agree, differ, cannot_tell } = self;
        write!(f, "{agree} agree, {differ} differ, of {cannot_tell} it cannot be told")
    }
}

impl RunVerdict {
    pub(crate) fn unknown(why: WhyUnknown, message: impl Into<String>) -> Self {
        Self::CannotTell { why, message: message.into() }
    }
}

impl fmt::Display for RunVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agrees => f.write_str("agrees"),
            Self::Differs { event_id, history, module, at } => {
                write!(f, "differs at event {event_id}\nhistory:  {history}\nworkflow: {module}")?;
                at.as_ref().map_or(Ok(()), |at| write!(f, "\n          {at}"))
            }
            Self::CannotTell { message, .. } => write!(f, "cannot be told: {message}"),
        }
    }
}

impl From<Difference> for RunVerdict {
    fn from(difference: Difference) -> Self {
        let Difference { event_id, expected, actual, asked_at, .. } = difference;
        let at = asked_at.map(|line| line.to_string());
        Self::Differs { event_id, history: expected, module: actual, at }
    }
}

impl From<RunFailure> for RunVerdict {
    fn from(failure: RunFailure) -> Self {
        let why = match failure.kind() {
            FailureKind::Guest => WhyUnknown::Fault,
            FailureKind::Limit => WhyUnknown::Limit,
            FailureKind::Nondeterminism | FailureKind::History => WhyUnknown::History,
            FailureKind::UnknownType => WhyUnknown::UnknownType,
            FailureKind::Host => WhyUnknown::Host,
        };
        match Verdict::from(failure) {
            Verdict::Ok => Self::Agrees,
            Verdict::Nondeterminism(difference) => (*difference).into(),
            other => Self::unknown(why, other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verdict: RunVerdict, expected: &str) {
        let run = CheckedRun {
            workflow_id: "w".to_owned(),
            run_id: "r".to_owned(),
            workflow_type: "T".to_owned(),
            verdict,
        };
        let text = serde_json::to_string(&run).unwrap();
        assert_eq!(text, format!(r#"{{"workflowId":"w","runId":"r","workflowType":"T",{expected}}}"#));
        assert_eq!(serde_json::from_str::<CheckedRun>(&text).unwrap(), run);
    }

    #[test]
    fn verdicts_are_one_flat_object_and_come_back() {
        check(RunVerdict::Agrees, r#""verdict":"agrees""#);
        let differs = RunVerdict::Differs {
            event_id: 7,
            history: "timer 1".to_owned(),
            module: "activity greet".to_owned(),
            at: None,
        };
        check(differs, r#""verdict":"differs","eventId":7,"history":"timer 1","module":"activity greet""#);
        let unknown = RunVerdict::unknown(WhyUnknown::UnknownType, "no such type");
        check(unknown, r#""verdict":"cannotTell","why":"unknownType","message":"no such type""#);
    }

    #[test]
    fn a_tally_counts_each_kind() {
        let mut tally = Tally::default();
        assert!(tally.all_agree());
        tally.add(&RunVerdict::Agrees);
        tally.add(&RunVerdict::unknown(WhyUnknown::Gone, ""));
        assert_eq!((tally.checked(), tally.all_agree()), (2, false));
        assert_eq!(tally.to_string(), "1 agree, 0 differ, of 1 it cannot be told");
    }
}
