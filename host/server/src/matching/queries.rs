//! Queries that wait for an answer. They live in memory only, and change nothing.
//!
//! A query of a run without a workflow task is a task of its own on the queue; otherwise it goes
//! along with the workflow task, so that its answer includes what that brings.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry};

use host_wire::temporal::api::query::v1::{WorkflowQuery, WorkflowQueryResult};
use prost::Message;
use tokio::sync::oneshot;

use crate::{execution::record::RunNumber, limits, matching::queue_key::QueueKey};

/// Open queries of one run, at most.
const RUN_QUERIES: usize = 100;
/// Bytes of the open queries of one run, at most: they travel with one workflow task, beside a page of its history.
const RUN_QUERY_BYTES: usize = limits::BLOB_BYTES;
/// Open queries of all runs, at most.
const ALL_QUERIES: usize = 10_000;
/// Bytes of the open queries of all runs, at most.
const ALL_QUERY_BYTES: usize = 256 * 1024 * 1024;

/// Number of a query since the process started, from 1.
pub(crate) type QueryNumber = u64;

#[derive(Debug)]
struct OpenQuery {
    run: RunNumber,
    query: WorkflowQuery,
    bytes: usize,
    answer: Option<oneshot::Sender<WorkflowQueryResult>>,
    /// Whether a worker has it together with a workflow task.
    attached: bool,
    /// The queue of every worker of the run, once the query is a task of its own.
    normal_queue: Option<QueueKey>,
}

/// The open queries of a run.
#[derive(Debug, Default)]
struct OfRun {
    numbers: BTreeSet<QueryNumber>,
    bytes: usize,
}

/// Queries that wait for an answer.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    last: QueryNumber,
    open: HashMap<QueryNumber, OpenQuery>,
    by_run: HashMap<RunNumber, OfRun>,
    bytes: usize,
    /// How many open queries were looked at, for tests that count work.
    #[cfg(test)]
    looked_at: usize,
}

impl Queries {
    /// Opens a query; nothing when the run, or all of them, have too many. The answer comes through the receiver.
    pub(crate) fn add(
        &mut self,
        run: RunNumber,
        query: WorkflowQuery,
    ) -> Option<(QueryNumber, oneshot::Receiver<WorkflowQueryResult>)> {
        let bytes = query.encoded_len();
        let (of_run, run_bytes) = self.by_run.get(&run).map_or((0, 0), |of| (of.numbers.len(), of.bytes));
        let fits_all = self.open.len() < ALL_QUERIES && self.bytes + bytes <= ALL_QUERY_BYTES;
        let fits_run = of_run < RUN_QUERIES && (of_run == 0 || run_bytes + bytes <= RUN_QUERY_BYTES);
        if !fits_all || !fits_run {
            return None;
        }
        self.last += 1;
        let (answer, answered) = oneshot::channel();
        let of_run = self.by_run.entry(run).or_default();
        of_run.numbers.insert(self.last);
        of_run.bytes += bytes;
        self.bytes += bytes;
        let answer = Some(answer);
        let open = OpenQuery { run, query, bytes, answer, attached: false, normal_queue: None };
        self.open.insert(self.last, open);
        Some((self.last, answered))
    }

    /// A workflow task of the run starts: the run's queries go along. One that comes later does
    /// not, because the task does not know what happened in between.
    pub(crate) fn attach(&mut self, run: RunNumber) {
        self.each_of(run, |open| open.attached = true);
    }

    /// The queries that go along with the started workflow task.
    pub(crate) fn attached(&self, run: RunNumber) -> BTreeMap<String, WorkflowQuery> {
        let numbers = self.by_run.get(&run).into_iter().flat_map(|of| &of.numbers);
        let open = numbers.filter_map(|number| Some((number, self.open.get(number)?)));
        let attached = open.filter(|(_, open)| open.attached);
        attached.map(|(number, open)| (number.to_string(), open.query.clone())).collect()
    }

    /// Their task failed: they are to be asked again.
    pub(crate) fn detach(&mut self, run: RunNumber) {
        self.each_of(run, |open| open.attached = false);
    }

    fn each_of(&mut self, run: RunNumber, change: impl Fn(&mut OpenQuery)) {
        for number in self.by_run.get(&run).into_iter().flat_map(|of| &of.numbers) {
            #[cfg(test)]
            {
                self.looked_at += 1;
            }
            if let Some(open) = self.open.get_mut(number) {
                change(open);
            }
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

    /// Whether a caller waits for the answer.
    pub(crate) fn is_wanted(&self, number: QueryNumber) -> bool {
        self.open.get(&number).is_some_and(|open| open.answer.is_some())
    }

    /// The query becomes a task of its own. `normal_queue` is where every worker of its run polls.
    pub(crate) fn dispatched(&mut self, number: QueryNumber, normal_queue: QueueKey) {
        if let Some(open) = self.open.get_mut(&number) {
            open.attached = false;
            open.normal_queue = Some(normal_queue);
        }
    }

    /// The queue for a query whose sticky queue is no more.
    pub(crate) fn normal_queue(&self, number: QueryNumber) -> Option<&QueueKey> {
        self.open.get(&number)?.normal_queue.as_ref()
    }

    /// The caller is gone, or has its answer.
    pub(crate) fn close(&mut self, number: QueryNumber) {
        let Some(closed) = self.open.remove(&number) else { return };
        self.bytes -= closed.bytes;
        if let Entry::Occupied(mut of_run) = self.by_run.entry(closed.run) {
            of_run.get_mut().numbers.remove(&number);
            of_run.get_mut().bytes -= closed.bytes;
            if of_run.get().numbers.is_empty() {
                of_run.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::common::v1::{Payload, Payloads};

    use super::*;

    fn query(bytes: usize) -> WorkflowQuery {
        let payload = Payload { data: vec![0; bytes].into(), ..Payload::default() };
        WorkflowQuery { query_args: Some(Payloads { payloads: vec![payload] }), ..WorkflowQuery::default() }
    }

    #[test]
    fn queries_of_a_run_and_of_all_are_bounded() {
        let mut queries = Queries::default();
        let open = |queries: &mut Queries, run, bytes| queries.add(run, query(bytes)).is_some();
        assert_eq!((0..200).filter(|_| open(&mut queries, 1, 10)).count(), RUN_QUERIES);
        // One that is as large as it may be is alone; others wait for their turn.
        assert!(open(&mut queries, 2, RUN_QUERY_BYTES - 100));
        assert!(!open(&mut queries, 2, 1_000));
        let more = (3..1_000).map(|run| (0..200).filter(|_| open(&mut queries, run, 10)).count());
        assert_eq!(more.sum::<usize>() + RUN_QUERIES + 1, ALL_QUERIES);
        for number in 1..=queries.last {
            queries.close(number);
        }
        assert_eq!((queries.open.len(), queries.by_run.len(), queries.bytes), (0, 0, 0));
    }

    #[test]
    fn a_workflow_task_looks_at_the_queries_of_its_run_alone() {
        let mut queries = Queries::default();
        for run in 0..5_000 {
            queries.add(run, query(10)).unwrap();
        }
        queries.attach(7);
        assert_eq!(queries.attached(7).len(), 1);
        queries.answer_attached(7, BTreeMap::new());
        assert_eq!(queries.looked_at, 2, "of {} open queries", queries.open.len());
    }
}
