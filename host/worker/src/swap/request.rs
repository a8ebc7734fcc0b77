//! What is asked of a swap, and what comes of it.

use serde::{Deserialize, Serialize};

use crate::{
    gate::{GateError, GateReport, RunSelection},
    modules::{
        audit::AuditAction,
        catalog::{Candidate, CatalogError},
        policy::SwapPolicy,
    },
};

/// A swap.
#[derive(Debug)]
pub struct SwapRequest {
    /// The module that is to take new runs.
    pub candidate: Candidate,
    /// What becomes of open runs.
    pub policy: SwapPolicy,
    /// Open runs that are checked.
    pub selection: RunSelection,
    /// What the audit says of who asked for it.
    pub who: String,
    /// What the audit says it was: a swap, a rollback, or the end of a canary.
    pub action: AuditAction,
    /// What else the audit says of it.
    pub note: String,
}

/// What came of a swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SwapOutcome {
    /// The SHA-256 of the candidate's bytes.
    pub digest: String,
    /// Whether it serves new runs now.
    pub swapped: bool,
    /// What becomes of open runs.
    pub policy: SwapPolicy,
    /// The module's workflow types.
    pub workflow_types: Vec<String>,
    /// Types that no module serves any more.
    pub no_longer_served: Vec<String>,
    /// What the gate found out.
    pub report: GateReport,
}

/// Why there was no swap. Nothing changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SwapError {
    /// The candidate cannot be taken.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The open runs could not be checked, and the policy waits for them.
    #[error("check open runs, for which policy `{policy}` waits")]
    Gate {
        /// The policy.
        policy: SwapPolicy,
        /// Why not.
        source: GateError,
    },
}
