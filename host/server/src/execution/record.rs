//! What a transition changed in one run, as storage keeps it.

use crate::execution::fact::Fact;

/// What happened to one run in a transition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) run: RunNumber,
    /// For the first record of a run.
    pub(crate) identity: Option<RunIdentity>,
    pub(crate) facts: Vec<Fact>,
}

/// Number of a run, in the order of their starts. What storage and task tokens call it.
pub(crate) type RunNumber = u64;

/// Names of a run, and what is known before its first event.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct RunIdentity {
    #[prost(string, tag = "1")]
    pub(crate) namespace: String,
    #[prost(string, tag = "2")]
    pub(crate) workflow_id: String,
    #[prost(string, tag = "3")]
    pub(crate) run_id: String,
    /// Request that started it: the same one again is the same run.
    #[prost(string, tag = "4")]
    pub(crate) request_id: String,
}
