//! Queries. They live in memory only, and change nothing.
//!
//! A query of a run without a workflow task is a task of its own on the queue; otherwise it goes
//! along with the workflow task, so that its answer includes what that brings.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use host_service::status_with_detail;
use host_wire::{
    History,
    temporal::api::{
        common::v1::WorkflowType,
        enums::v1::{QueryRejectCondition, QueryResultType, WorkflowExecutionStatus as RunStatus},
        errordetails::v1::QueryFailedFailure,
        failure::v1::Failure,
        query::v1::{QueryRejected, WorkflowQuery, WorkflowQueryResult},
        workflowservice::v1::{
            PollWorkflowTaskQueueResponse, QueryWorkflowRequest, QueryWorkflowResponse,
            RespondQueryTaskCompletedRequest,
        },
    },
};
use prost::Message;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};
use tonic::{Code, Request, Status};

use crate::{
    api::{Service, get_workflow_execution_history::Page, status::not_ready},
    error::Error,
    execution::{describe, record::RunNumber, run::Run, token::TaskToken},
    matching::queues::{POLLER_RECENT, QueueKey, Queued},
};

/// How long a query may take where its caller sets no deadline.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Failed attempts of the workflow task after which queries are refused.
const FAILED_ATTEMPTS: i32 = 3;
/// Open queries of one run.
const OPEN_QUERIES: usize = 100;

/// Number of a query since the process started, from 1.
pub(crate) type QueryNumber = u64;

type Answer = Result<WorkflowQueryResult, Status>;

#[derive(Debug)]
struct OpenQuery {
    run: RunNumber,
    query: WorkflowQuery,
    answer: Option<oneshot::Sender<Answer>>,
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
    fn add(
        &mut self,
        run: RunNumber,
        query: WorkflowQuery,
    ) -> Option<(QueryNumber, oneshot::Receiver<Answer>)> {
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
                self.answer(number, run, Ok(result));
            }
        }
        self.detach(run);
    }

    fn answer(&mut self, number: QueryNumber, run: RunNumber, answer: Answer) -> bool {
        let open = self.open.get_mut(&number).filter(|open| open.run == run);
        let Some(sender) = open.and_then(|open| open.answer.take()) else { return false };
        sender.send(answer).is_ok()
    }
}

/// An open query of a caller that waits for it.
struct Asked<'a> {
    service: &'a Service,
    number: QueryNumber,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.service.lock().queries.open.remove(&self.number);
    }
}

impl Service {
    pub(crate) async fn query(
        &self,
        request: Request<QueryWorkflowRequest>,
    ) -> Result<QueryWorkflowResponse, Status> {
        let until = Self::answer_by(&request, QUERY_TIMEOUT);
        let request = request.into_inner();
        let query = request.query.clone().unwrap_or_default();
        if query.query_type.is_empty() {
            return Err(Error::invalid("QueryType is not set on request.").into());
        }
        let number = self.lock().executions.find(&request.namespace, request.execution.as_ref())?;
        if let Some(status) = self.rejects(number, request.query_reject_condition()) {
            self.run_on_disk(number).await?;
            let rejected = QueryRejected { status: status.into() };
            return Ok(QueryWorkflowResponse { query_rejected: Some(rejected), ..Default::default() });
        }
        let delayed = |run: &Run| run.is_open() && run.first_task_time.is_some();
        if self.lock().executions.run(number).is_some_and(delayed) {
            return Err(not_ready("Workflow task is not scheduled yet."));
        }
        let ready = |run: &Run| run.previous_started_event_id > 0 || !run.is_open() || is_failing(run);
        if !self.wait_for(number, until, ready).await? {
            return Err(Status::deadline_exceeded("the workflow has not completed a workflow task in time"));
        }
        let answer = self.ask(number, query, until).await?;
        match answer.result_type() {
            QueryResultType::Failed => Err(failed(&answer)),
            _ => Ok(QueryWorkflowResponse { query_result: answer.answer, ..Default::default() }),
        }
    }

    fn rejects(&self, number: RunNumber, condition: QueryRejectCondition) -> Option<RunStatus> {
        let shard = self.lock();
        let run = shard.executions.run(number).filter(|run| !run.is_open())?;
        match condition {
            QueryRejectCondition::NotOpen => Some(run.status),
            QueryRejectCondition::NotCompletedCleanly if run.status != RunStatus::Completed => {
                Some(run.status)
            }
            _ => None,
        }
    }

    async fn ask(
        &self,
        run: RunNumber,
        query: WorkflowQuery,
        until: Instant,
    ) -> Result<WorkflowQueryResult, Status> {
        let added = self.lock().queries.add(run, query);
        let Some((number, mut answered)) = added else {
            return Err(Status::resource_exhausted("too many open queries of this workflow"));
        };
        let asked = Asked { service: self, number };
        let watcher = self.lock().watch(run);
        let mut dispatched = false;
        loop {
            let mut changed = std::pin::pin!(watcher.notified());
            changed.as_mut().enable();
            if !dispatched {
                dispatched = self.dispatch(&asked, run)?;
            }
            tokio::select! {
                biased;
                answer = &mut answered => {
                    self.run_on_disk(run).await?;
                    return answer.unwrap_or_else(|_| Err(Status::unavailable("the query was dropped")));
                }
                () = changed => {}
                () = sleep_until(until) => {
                    return Err(Status::deadline_exceeded("the workflow did not answer the query in time"));
                }
                () = self.closed() => return Err(Status::unavailable("the service is shutting down")),
            }
        }
    }

    /// Makes a task of the query if no workflow task will take it along.
    fn dispatch(&self, asked: &Asked<'_>, number: RunNumber) -> Result<bool, Status> {
        let now = self.inner.environment.clock.now();
        let mut shard = self.lock();
        let Some(run) = shard.executions.run(number) else { return Err(Error::completed().into()) };
        if is_failing(run) {
            return Err(Error::FailedPrecondition(
                "Unable to query workflow due to Workflow Task in failed state.".to_owned(),
            )
            .into());
        }
        if run.task.is_some() {
            return Ok(false);
        }
        let namespace = run.identity.namespace.clone();
        let key =
            |name: &str| QueueKey { namespace: namespace.clone(), name: name.to_owned(), activities: false };
        let sticky = run.sticky.as_ref().map(|sticky| sticky.queue.clone());
        let sticky = sticky.filter(|name| shard.queues.is_alive(&namespace, name, now));
        let queue = key(sticky.as_deref().unwrap_or_else(|| run.queue_name()));
        if !shard.queues.polled_within(&queue, POLLER_RECENT, now) {
            return Err(Error::FailedPrecondition(
                "no poller seen for task queue recently, worker may be down".to_owned(),
            )
            .into());
        }
        if let Some(open) = shard.queries.open.get_mut(&asked.number) {
            open.attached = false;
        }
        shard.queues.push_to(queue, Queued::Query(asked.number), 0);
        Ok(true)
    }

    /// What a worker gets for a query that is a task of its own.
    pub(crate) fn query_task(
        &self,
        number: QueryNumber,
        queue: &str,
    ) -> Option<(PollWorkflowTaskQueueResponse, RunNumber)> {
        let shard = self.lock();
        let open = shard.queries.open.get(&number).filter(|open| open.answer.is_some() && !open.attached)?;
        let run = shard.executions.run(open.run)?;
        let sticky = run.sticky.as_ref().is_some_and(|sticky| sticky.queue == queue);
        // A worker at the sticky queue has the history.
        let (history, next_page_token) = if sticky {
            (Vec::new(), bytes::Bytes::new())
        } else {
            Page::of_task(open.run, run, 1).read(run)
        };
        let token = TaskToken {
            run_id: run.identity.run_id.clone(),
            run: open.run,
            query: number,
            ..TaskToken::default()
        };
        let response = PollWorkflowTaskQueueResponse {
            task_token: token.encode_to_vec().into(),
            workflow_execution: Some(run.execution()),
            workflow_type: Some(WorkflowType { name: run.workflow_type().to_owned() }),
            previous_started_event_id: run.previous_started_event_id,
            attempt: 1,
            history: Some(History::from_encoded(history)),
            next_page_token,
            query: Some(open.query.clone()),
            workflow_execution_task_queue: describe::queue(run),
            ..PollWorkflowTaskQueueResponse::default()
        };
        Some((response, open.run))
    }

    pub(crate) fn complete_query(&self, request: RespondQueryTaskCompletedRequest) -> Result<(), Status> {
        let mut shard = self.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let token = TaskToken::parse(&request.task_token)?;
        if token.query == 0 {
            return Err(Error::invalid("Invalid TaskQueue.").into());
        }
        let result = WorkflowQueryResult {
            result_type: request.completed_type,
            answer: request.query_result,
            error_message: request.error_message,
            failure: request.failure,
        };
        if shard.queries.answer(token.query, token.run, Ok(result)) {
            Ok(())
        } else {
            Err(Error::NotFound("query task not found, or already expired".to_owned()).into())
        }
    }
}

fn is_failing(run: &Run) -> bool {
    run.task.as_ref().is_some_and(|task| task.attempt >= FAILED_ATTEMPTS)
}

fn failed(answer: &WorkflowQueryResult) -> Status {
    let failure = answer
        .failure
        .clone()
        .unwrap_or_else(|| Failure { message: answer.error_message.clone(), ..Failure::default() });
    status_with_detail(
        Code::InvalidArgument,
        &answer.error_message,
        &QueryFailedFailure { failure: Some(failure) },
    )
}
