//! Queries that wait for an answer. They live in memory only, and change nothing.
//!
//! A query of a run without a workflow task is a task of its own on the queue; otherwise it goes
//! along with the workflow task, so that its answer includes what that brings.

use std::collections::{BTreeMap, HashMap};

use host_wire::temporal::api::query::v1::{WorkflowQuery, WorkflowQueryResult};
use tokio::sync::oneshot;

use crate::execution::record::RunNumber;

/// Open queries of one run.
const OPEN_QUERIES: usize = 100;

/// Number of a query since the process started, from 1.
pub(crate) type QueryNumber = u64;

#[derive(Debug)]
struct OpenQuery {
    run: RunNumber,
    query: WorkflowQuery,
    answer: Option<oneshot::Sender<WorkflowQueryResult>>,
    /// Whether a worker has it together with a workflow task.
    attached: bool,
}

/// Queries that wait for an answer.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    last: QueryNumber,
    open: HashMap<QueryNumber, OpenQuery>,
}

impl Queries {
    /// Opens a query; nothing when the run has too many. The answer comes through the receiver.
    pub(crate) fn add(
        &mut self,
        run: RunNumber,
        query: WorkflowQuery,
    ) -> Option<(QueryNumber, oneshot::Receiver<WorkflowQueryResult>)> {
        if self.open.values().filter(|open| open.run == run).count() >= OPEN_QUERIES {
            return None;
        }
        self.last += 1;
        let (answer, answered) = oneshot::channel();
        self.open.insert(self.last, OpenQuery { run, query, answer: Some(answer), attached: false });
        Some((self.last, answered))
    }

    /// A workflow task of the run starts: the run's queries go along. One that comes later does
    /// not, because the task does not know what happened in between.
    pub(crate) fn attach(&mut self, run: RunNumber) {
        for open in self.open.values_mut().filter(|open| open.run == run) {
            open.attached = true;
        }
    }

    /// The queries that go along with the started workflow task.
    pub(crate) fn attached(&self, run: RunNumber) -> BTreeMap<String, WorkflowQuery> {
        let attached = self.open.iter().filter(|(_, open)| open.run == run && open.attached);
        attached.map(|(number, open)| (number.to_string(), open.query.clone())).collect()
    }

    /// Their task failed: they are to be asked again.
    pub(crate) fn detach(&mut self, run: RunNumber) {
        for open in self.open.values_mut().filter(|open| open.run == run) {
            open.attached = false;
        }
    }

    /// Answers that came with the completion of a workflow task.
    pub(crate) fn answer_attached(&mut self, run: RunNumber, answers: BTreeMap<String, WorkflowQueryResult>) {
        for (number, result) in answers {
            if let Ok(number) = number.parse() {
                self.answer(number, run, result);
            }
        }
        self.detach(run);
    }

    /// Answers a query of a run; false when no caller waits for it any more.
    pub(crate) fn answer(
        &mut self,
        number: QueryNumber,
        run: RunNumber,
        answer: WorkflowQueryResult,
    ) -> bool {
        let open = self.open.get_mut(&number).filter(|open| open.run == run);
        let Some(sender) = open.and_then(|open| open.answer.take()) else { return false };
        sender.send(answer).is_ok()
    }

    /// The query and its run, while it waits for an answer and no workflow task has it.
    pub(crate) fn waiting(&self, number: QueryNumber) -> Option<(RunNumber, &WorkflowQuery)> {
        let open = self.open.get(&number).filter(|open| open.answer.is_some() && !open.attached)?;
        Some((open.run, &open.query))
    }

    /// The query becomes a task of its own.
    pub(crate) fn detach_one(&mut self, number: QueryNumber) {
        if let Some(open) = self.open.get_mut(&number) {
            open.attached = false;
        }
    }

    /// The caller is gone, or has its answer.
    pub(crate) fn close(&mut self, number: QueryNumber) {
        self.open.remove(&number);
    }
}
