//! Queries of a workflow task, and those that come on their own.

use std::collections::{BTreeMap, VecDeque};

use host_wire::temporal::api::query::v1::{WorkflowQuery, WorkflowQueryResult};

/// The queries of the current task, and their answers.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    /// By id, which is empty for a query on its own.
    waiting: VecDeque<(String, WorkflowQuery)>,
    /// The id of the query that a copy of the guest answers.
    asked: Option<String>,
    answers: BTreeMap<String, WorkflowQueryResult>,
}

/// The id of a query that came on its own.
const OWN: &str = "";

impl Queries {
    pub(crate) fn new(queries: BTreeMap<String, WorkflowQuery>, own: Option<WorkflowQuery>) -> Self {
        let own = own.map(|query| (OWN.to_owned(), query));
        Self { waiting: queries.into_iter().chain(own).collect(), ..Self::default() }
    }

    /// Takes the next query to ask.
    pub(crate) fn ask(&mut self) -> Option<(String, WorkflowQuery)> {
        let (id, query) = self.waiting.pop_front()?;
        self.asked = Some(id.clone());
        Some((id, query))
    }

    /// Takes the answer to the query that was asked.
    pub(crate) fn answer(&mut self, answer: WorkflowQueryResult) {
        if let Some(id) = self.asked.take() {
            self.answers.insert(id, answer);
        }
    }

    pub(crate) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    pub(crate) fn take_answers(&mut self) -> BTreeMap<String, WorkflowQueryResult> {
        std::mem::take(&mut self.answers)
    }

    /// The answer to the query that came on its own.
    pub(crate) fn take_own_answer(&mut self) -> Option<WorkflowQueryResult> {
        self.answers.remove(OWN)
    }
}
