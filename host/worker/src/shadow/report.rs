//! What a shadow has found out so far.

use serde::{Deserialize, Serialize};

use crate::gate::GateReport;

/// A shadow, and what it has found out so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShadowReport {
    /// The SHA-256 of the candidate's bytes.
    pub digest: String,
    /// The file that it came from.
    pub file: String,
    /// The user and process that asked for it, or the command line.
    pub who: String,
    /// Its workflow types.
    pub workflow_types: Vec<String>,
    /// Workflow tasks of live runs that it has followed.
    pub tasks: u64,
    /// Workflow tasks that found no place in its queue. Their runs are fetched again with their next task.
    pub dropped: u64,
    /// How it differs from the module that served when it began, and its verdicts: *agrees* for runs that it followed to their
    /// end, the others as soon as they are known.
    pub report: GateReport,
}
