//! What a transition changed in one run, as storage keeps it.

use crate::execution::fact::Fact;

/// What happened to one run in a transition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) run: RunNumber,
    /// Set in the first record of a run.
    pub(crate) identity: Option<RunIdentity>,
    pub(crate) facts: Vec<Fact>,
}

impl Record {
    /// Bytes that the facts take when they are stored, about.
    pub(crate) fn bytes(&self) -> usize {
        let of = |fact: &Fact| match fact {
            Fact::Event(recorded) | Fact::Buffered(recorded) | Fact::Flushed(recorded) => {
                recorded.encoded.len()
            }
            Fact::Unrecorded(change) => change.encoded_len(),
        };
        self.facts.iter().map(of).sum()
    }
}

/// Number of a run, from 0 in the order of their starts. The service assigns it; storage and task tokens name runs by
/// it.
pub(crate) type RunNumber = u64;

/// Names of a run. They never change.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct RunIdentity {
    #[prost(string, tag = "1")]
    pub(crate) namespace: String,
    #[prost(string, tag = "2")]
    pub(crate) workflow_id: String,
    #[prost(string, tag = "3")]
    pub(crate) run_id: String,
    /// Id of the request that started the run. A start with the same id answers with this run.
    #[prost(string, tag = "4")]
    pub(crate) request_id: String,
}
