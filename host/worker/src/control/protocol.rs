//! What is asked and answered: one JSON object a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    gate::{GateReport, RunSelection, Tally},
    modules::{
        audit::AuditEntry,
        canary::{CanaryPlan, CanaryState},
        policy::SwapPolicy,
    },
    shadow::ShadowReport,
    swap::{NeededModule, SwapOutcome},
};

/// What a caller asks of a running host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Request {
    /// The modules of the data folder, and which of them serve. Answer: [`Reply::Modules`].
    List,
    /// What becomes of open runs on a module. Answer: [`Reply::Checked`].
    Check {
        /// The absolute path of the module.
        path: PathBuf,
        /// The runs that are checked.
        selection: RunSelection,
    },
    /// A module takes new runs. Answer: [`Reply::Swapped`].
    Swap {
        /// The module.
        target: Target,
        /// What becomes of open runs; nothing: the host's policy.
        policy: Option<SwapPolicy>,
        /// The runs that are checked.
        selection: RunSelection,
    },
    /// A module that was admitted before takes new runs again. Answer: [`Reply::Swapped`].
    Rollback {
        /// The first digits of its digest; nothing: the module that served before the one that serves now.
        to: Option<String>,
        /// What becomes of open runs; nothing: the host's policy.
        policy: Option<SwapPolicy>,
        /// The runs that are checked.
        selection: RunSelection,
    },
    /// The latest entries of the audit. Answer: [`Reply::Log`].
    Log {
        /// How many at most.
        limit: usize,
    },
    /// Open runs of one module may move to another. Answer: [`Reply::Done`].
    Adopt {
        /// The first digits of the digest of the module that the runs are on. One that is not here is given in full.
        from: String,
        /// The first digits of the digest of the module that they move to, where it replays them.
        to: String,
    },
    /// Open runs move to a module. Answer: [`Reply::Checked`].
    Move {
        /// The first digits of the digest of the module.
        to: String,
        /// The runs.
        selection: RunSelection,
    },
    /// A candidate takes a part of the new runs. Answer: [`Reply::Canary`].
    StartCanary {
        /// The module.
        target: Target,
        /// Steps and bounds.
        plan: CanaryPlan,
    },
    /// The canary, and how far it is. Answer: [`Reply::Canary`].
    Canary,
    /// The canary takes no new runs any more. Answer: [`Reply::Canary`], with what it was.
    StopCanary,
    /// Modules that nothing needs are removed. Answer: [`Reply::Pruned`].
    Prune {
        /// The first digits of their digests; none: all of them.
        digests: Vec<String>,
        /// Also those that only closed runs need.
        force: bool,
    },
    /// A candidate follows live runs. Answer: [`Reply::Shadow`].
    StartShadow {
        /// The module.
        target: Target,
    },
    /// The shadow, and what it has found out. Answer: [`Reply::Shadow`].
    Shadow,
    /// The shadow ends. Answer: [`Reply::Shadow`], with what it has found out.
    StopShadow,
    /// The canary, or without one the shadow, takes all new runs of its types. Answer: [`Reply::Swapped`].
    Promote {
        /// What becomes of open runs; nothing: what the canary was started with, else the host's policy.
        policy: Option<SwapPolicy>,
        /// The runs that are checked.
        selection: RunSelection,
    },
}

/// The module of a swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// The absolute path of a file.
    File(PathBuf),
    /// The first digits of the digest of a module that was admitted.
    Digest(String),
}

/// What a running host answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Reply {
    /// How far a check is. Others follow.
    Progress {
        /// Runs to check, about, if the service counts them.
        about: Option<u64>,
        /// Those that were checked.
        runs: Tally,
    },
    /// Every module that is kept: those that were admitted, the latest last, then others, such as canaries.
    Modules {
        /// The modules.
        modules: Vec<ServedModule>,
    },
    /// What became of a check.
    Checked(CandidateReport),
    /// What became of a swap.
    Swapped(SwapOutcome),
    /// Entries of the audit, the earliest first.
    Log {
        /// The entries.
        entries: Vec<AuditEntry>,
    },
    /// A canary.
    Canary {
        /// Nothing: there is none.
        canary: Option<Box<CanaryState>>,
    },
    /// What became of modules that nothing may need.
    Pruned {
        /// Digests of those that went.
        removed: Vec<String>,
        /// Those that stay, with the reason.
        kept: Vec<NeededModule>,
    },
    /// A shadow.
    Shadow {
        /// Nothing: there is none.
        shadow: Option<Box<ShadowReport>>,
    },
    /// It was done.
    Done,
    /// It was not done.
    Failed {
        /// Why not.
        message: String,
    },
}

/// A module of a running host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServedModule {
    /// The SHA-256 of its bytes.
    pub digest: String,
    /// Workflow types of which it serves new runs.
    pub serves: Vec<String>,
    /// Whether open runs of these types move to it.
    pub moves: bool,
    /// What else it is kept for, in words; nothing: it may be pruned.
    pub needed: Vec<String>,
    /// Who signed it, by the name that the host has for the signer. Nothing where the host takes modules without a
    /// signature, or would not take this one any more.
    #[serde(default)]
    pub signer: Option<String>,
}

/// What was found out about a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateReport {
    /// The SHA-256 of its bytes.
    pub digest: String,
    /// Its workflow types.
    pub workflow_types: Vec<String>,
    /// What the gate found out.
    pub report: GateReport,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back() {
        let request = Request::Swap {
            target: Target::File("/m.wasm".into()),
            policy: Some(SwapPolicy::Require),
            selection: RunSelection { query: "x = 1".to_owned(), ..RunSelection::default() },
        };
        let line = serde_json::to_string(&request).unwrap();
        assert!(
            line.starts_with(r#"{"request":"swap","target":{"file":"/m.wasm"},"policy":"require""#),
            "{line}"
        );
        assert_eq!(serde_json::from_str::<Request>(&line).unwrap(), request);
        // What is left out has its default.
        let short = r#"{"request":"check","path":"/m.wasm","selection":{}}"#;
        assert!(matches!(serde_json::from_str(short), Ok(Request::Check { .. })));
        let reply = Reply::Checked(CandidateReport {
            digest: "ab".to_owned(),
            workflow_types: vec!["A".to_owned()],
            report: GateReport::default(),
        });
        let line = serde_json::to_string(&reply).unwrap();
        assert_eq!(serde_json::from_str::<Reply>(&line).unwrap(), reply);
    }
}
