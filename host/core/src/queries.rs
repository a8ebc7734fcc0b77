//! Queries of a workflow task, and those that come on their own.

use std::collections::{BTreeMap, VecDeque};

use host_wire::temporal::api::query::v1::{WorkflowQuery, WorkflowQueryResult};

/// The queries to be answered, and the answers.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    /// By id; one on its own has none.
    waiting: VecDeque<(String, WorkflowQuery)>,
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

    /// The next query to ask.
    pub(crate) fn ask(&mut self) -> Option<(String, WorkflowQuery)> {
        let (id, query) = self.waiting.pop_front()?;
        self.asked = Some(id.clone());
        Some((id, query))
    }

    /// The answer to what was asked.
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
