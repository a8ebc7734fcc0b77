//! QueryWorkflow: directly, or with the next workflow task.

use std::time::Duration;

use host_service::status_with_detail;
use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::{
        QueryRejectCondition, QueryResultType, WorkerDeploymentVersionStatus as VersionStatus,
        WorkflowExecutionStatus as RunStatus,
    },
    errordetails::v1::QueryFailedFailure,
    failure::v1::Failure,
    query::v1::{QueryRejected, WorkflowQuery, WorkflowQueryResult},
    workflowservice::v1::{QueryWorkflowRequest, QueryWorkflowResponse},
};
use tokio::time::{Instant, sleep_until};
use tonic::{Code, Request, Status};

use crate::{
    api::{context::Context, deadline::answer_by},
    deployment::version,
    error::Error,
    execution::{executions::Executions, failure, record::RunNumber, request::check_input, run::Run},
    limits,
    matching::{
        queries::QueryNumber,
        queue_key::QueueKey,
        queued::Queued,
        queues::{POLLER_RECENT, Queues},
        routing::{stays_sticky, version_for},
    },
    shard::context::shutting_down,
    status::not_ready,
    text,
    time::Time,
};

/// How long a query may take where its caller sets no deadline.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Failed attempts of the workflow task after which queries are refused.
const FAILED_ATTEMPTS: i32 = 3;

/// What a query finds of its run.
struct Found {
    number: RunNumber,
    /// The status for which the caller wants no answer.
    rejected: Option<RunStatus>,
    /// How long the first workflow task is still delayed.
    delay: Duration,
    /// Whether it closed before a worker completed a workflow task.
    closed_unseen: bool,
}

pub(crate) async fn handle(
    context: &Context,
    request: Request<QueryWorkflowRequest>,
) -> Result<QueryWorkflowResponse, Status> {
    let until = answer_by(&request, QUERY_TIMEOUT);
    let request = request.into_inner();
    let query = request.query.clone().unwrap_or_default();
    if query.query_type.is_empty() {
        return Err(Error::invalid("QueryType is not set on request.").into());
    }
    check_input(query.query_args.as_ref(), query.header.as_ref())?;
    let now = context.now();
    let (found, position) = context
        .read(|shard| {
            let number = shard.executions.find(&request.namespace, request.execution.as_ref())?;
            let run = shard.executions.get(number).ok_or_else(Error::completed)?;
            let found = Found {
                number,
                rejected: rejects(run, request.query_reject_condition()),
                delay: run.workflow_tasks().first_time().map_or(Duration::ZERO, |time| time.since(now)),
                closed_unseen: !run.is_open() && run.workflow_tasks().previous_started_event_id() == 0,
            };
            Ok((found, shard.position_of(number)))
        })
        .await?;
    if let Some(status) = found.rejected {
        context.on_disk(position).await?;
        let rejected = QueryRejected { status: status.into() };
        return Ok(QueryWorkflowResponse { query_rejected: Some(rejected), ..Default::default() });
    }
    if found.closed_unseen {
        context.on_disk(position).await?;
        return Err(not_ready("Workflow execution closed before WorkflowTaskStarted event"));
    }
    if found.delay > until.saturating_duration_since(Instant::now()) {
        return Err(not_ready("Workflow task is not scheduled yet."));
    }
    let ready =
        |run: &Run| run.workflow_tasks().previous_started_event_id() > 0 || !run.is_open() || is_failing(run);
    if !context.wait_for(found.number, until, ready).await? {
        return Err(Status::deadline_exceeded("the workflow has not completed a workflow task in time"));
    }
    let answer = ask(context, found.number, query, until).await?;
    match answer.result_type() {
        QueryResultType::Failed => Err(failed(&answer)),
        _ => Ok(QueryWorkflowResponse { query_result: answer.answer, ..Default::default() }),
    }
}

fn rejects(run: &Run, condition: QueryRejectCondition) -> Option<RunStatus> {
    match condition {
        _ if run.is_open() => None,
        QueryRejectCondition::NotOpen => Some(run.status()),
        QueryRejectCondition::NotCompletedCleanly if run.status() != RunStatus::Completed => {
            Some(run.status())
        }
        _ => None,
    }
}

/// An open query of a caller that waits for it.
struct Asked<'a> {
    context: &'a Context,
    number: QueryNumber,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.context.lock().queries.close(self.number);
    }
}

async fn ask(
    context: &Context,
    run: RunNumber,
    query: WorkflowQuery,
    until: Instant,
) -> Result<WorkflowQueryResult, Status> {
    let added = context.lock().queries.add(run, query);
    let Some((number, mut answered)) = added else {
        return Err(Error::too_many("open queries of this workflow, or of all").into());
    };
    let asked = Asked { context, number };
    let watcher = context.lock().watch(run);
    let mut dispatched = false;
    loop {
        let mut changed = std::pin::pin!(watcher.notified());
        changed.as_mut().enable();
        if !dispatched {
            dispatched = dispatch(&asked, run).await?;
        }
        tokio::select! {
            biased;
            answer = &mut answered => {
                let position = context.lock().position_of(run);
                context.on_disk(position).await?;
                return answer.map_err(|_| Status::unavailable("the query was dropped"));
            }
            () = changed => {}
            () = sleep_until(until) => {
                return Err(Status::deadline_exceeded("the workflow did not answer the query in time"));
            }
            () = context.closed() => return Err(shutting_down()),
        }
    }
}

/// Makes a task of the query; false if a workflow task will take it along.
async fn dispatch(asked: &Asked<'_>, number: RunNumber) -> Result<bool, Status> {
    let now = asked.context.now();
    let dispatch = asked.context.with_shard(|shard| {
        let Some(run) = shard.executions.run(number)? else { return Err(Error::completed().into()) };
        if is_failing(run) {
            let message = "Unable to query workflow due to Workflow Task in failed state.";
            return Err(Error::FailedPrecondition(message.to_owned()).into());
        }
        if run.workflow_tasks().task().is_some() {
            return Ok(false);
        }
        let (namespace, name) = (&run.identity().namespace, run.start().queue_name());
        let normal = QueueKey::new(namespace, name, false);
        let normal = normal.for_version(version_for(&shard.executions, run, name, false));
        let queue = sticky_queue(&shard.executions, run, &shard.queues, now).unwrap_or(normal.clone());
        if !shard.queues.any_polled_within(&queue, POLLER_RECENT, now) {
            return Err(no_poller(&shard.executions, run).into());
        }
        shard.queries.dispatched(asked.number, normal);
        let query = Queued::Query(asked.number);
        shard.queues.push_to(&shard.executions, &shard.queries, queue, query, 0, now);
        Ok(true)
    });
    dispatch.await
}

/// The queue of the worker that has the run in its cache, if it polls and is still the right one.
fn sticky_queue(executions: &Executions, run: &Run, queues: &Queues, now: Time) -> Option<QueueKey> {
    // The sticky worker has not seen what closed a run from outside, nor what came just before that.
    let sticky = &run.workflow_tasks().sticky().filter(|_| run.is_open())?.queue;
    let namespace = &run.identity().namespace;
    let is_right = queues.is_alive(namespace, sticky, now) && stays_sticky(executions, run, sticky);
    is_right.then(|| QueueKey::new(namespace, sticky, false))
}

fn no_poller(executions: &Executions, run: &Run) -> Error {
    let is_drained = |version: &WorkerDeploymentVersion| {
        let mut of_queue =
            executions.deployments.of_queue(&run.identity().namespace, run.start().queue_name());
        let deployment = of_queue.find(|deployment| deployment.name == version.deployment_name);
        let version = deployment.and_then(|deployment| deployment.versions.get(&version.build_id));
        version.is_some_and(|version| version.status() == VersionStatus::Drained)
    };
    Error::FailedPrecondition(match run.pinned_version().filter(|version| is_drained(version)) {
        None => "no poller seen for task queue recently, worker may be down".to_owned(),
        Some(version) => {
            let version = version::name(version);
            format!(
                "You are trying to query a closed Workflow that is PINNED to Worker Deployment Version {version}, but \
                 {version} is drained and has no pollers to answer the query. Immediately: You can re-deploy Workers \
                 in this Deployment Version to take those queries, or you can workflow update-options to change your \
                 workflow to AUTO_UPGRADE. For the future: In your infrastructure, consider waiting longer after the \
                 last queried timestamp as reported in Describe Deployment before you sunset Workers. Or mark this \
                 workflow as AUTO_UPGRADE."
            )
        }
    })
}

fn is_failing(run: &Run) -> bool {
    run.workflow_tasks().task().is_some_and(|task| task.attempt >= FAILED_ATTEMPTS)
}

fn failed(answer: &WorkflowQueryResult) -> Status {
    let failure = answer
        .failure
        .clone()
        .unwrap_or_else(|| Failure { message: answer.error_message.clone(), ..Failure::default() });
    let mut message = answer.error_message.clone();
    text::cut(&mut message, limits::STATUS_TEXT_BYTES);
    let failure = Some(failure::within(&failure, limits::STATUS_FAILURE_BYTES));
    status_with_detail(Code::InvalidArgument, &message, &QueryFailedFailure { failure })
}
