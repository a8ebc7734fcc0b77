//! What becomes of open runs when a module takes the new runs of their types.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What becomes of open runs at a swap. A definition that says *pinned* or *auto-upgrade* outranks it for its runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SwapPolicy {
    /// Open runs stay on their module. The candidate serves new runs at once, and verdicts come in behind.
    #[default]
    Pin,
    /// The candidate serves new runs once the open ones are checked. Open runs that it replays move to it at their next
    /// task, the others stay.
    Upgrade,
    /// As [`SwapPolicy::Upgrade`], but the candidate is refused unless every open run agrees with it.
    Require,
}

impl SwapPolicy {
    /// All policies.
    pub const ALL: [Self; 3] = [Self::Pin, Self::Upgrade, Self::Require];

    /// Whether open runs move at their next task.
    #[must_use]
    pub fn moves_open_runs(self) -> bool {
        match self {
            Self::Pin => false,
            Self::Upgrade | Self::Require => true,
        }
    }

    /// Its name on the command line and in the audit.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Upgrade => "upgrade",
            Self::Require => "require",
        }
    }
}

impl fmt::Display for SwapPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no policy `{0}`: use pin, upgrade or require")]
pub struct UnknownPolicy(String);

impl FromStr for SwapPolicy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        let policy = Self::ALL.into_iter().find(|policy| policy.name() == name);
        policy.ok_or_else(|| UnknownPolicy(name.to_owned()))
    }
}
