//! Workflow tasks: what workers get, and what they send back.

use host_wire::{
    History,
    temporal::api::{
        common::v1::WorkflowType,
        enums::v1::TaskQueueKind,
        workflowservice::v1::{
            PollWorkflowTaskQueueResponse, RespondWorkflowTaskCompletedRequest,
            RespondWorkflowTaskCompletedResponse, RespondWorkflowTaskFailedRequest, ShutdownWorkerRequest,
            StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
        },
    },
};
use prost::Message;
use tonic::Status;

use crate::{
    api::{Service, activity_tasks, get_workflow_execution_history::Page},
    error::Error,
    execution::{
        describe,
        record::RunNumber,
        run::Run,
        start::start,
        token::TaskToken,
        transition::Transition,
        worker::Worker,
        workflow_task::{complete::complete_task, fail::fail_task},
    },
    matching::queues::QueueKey,
    shard::Shard,
};

impl Service {
    pub(crate) async fn start_workflow(
        &self,
        request: StartWorkflowExecutionRequest,
    ) -> Result<StartWorkflowExecutionResponse, Status> {
        let worker =
            Worker { identity: request.identity.clone(), version: None, in_process: self.in_process };
        let wants_task = request.request_eager_execution;
        let change = self.change(|transition| {
            let started = start(transition, request)?;
            let number = started.run;
            if wants_task && started.just_now {
                transition.change(number, |run| run.start_first_task(&worker));
            }
            let run = transition.executions.run(number).ok_or_else(Error::completed)?;
            let eager =
                if wants_task && started.just_now { response(number, run, run.queue_name()) } else { None };
            Ok(StartWorkflowExecutionResponse {
                run_id: run.identity.run_id.clone(),
                first_execution_run_id: run.start.first_execution_run_id.clone(),
                started: started.by_this_request,
                status: run.status.into(),
                eager_workflow_task: eager,
                link: None,
            })
        });
        change.await
    }

    /// A worker goes away: its sticky queue takes no more tasks.
    pub(crate) fn forget_worker(&self, request: &ShutdownWorkerRequest) -> Result<(), Status> {
        let now = self.inner.environment.clock.now();
        let mut shard = self.lock();
        shard.executions.check_namespace(&request.namespace)?;
        let key = QueueKey {
            namespace: request.namespace.clone(),
            name: request.sticky_task_queue.clone(),
            activities: false,
        };
        let shard = &mut *shard;
        shard.queues.abandon_sticky(&shard.executions, &key, now);
        Ok(())
    }

    pub(crate) async fn complete_workflow_task(
        &self,
        mut request: RespondWorkflowTaskCompletedRequest,
    ) -> Result<RespondWorkflowTaskCompletedResponse, Status> {
        self.lock().executions.check_namespace(&request.namespace)?;
        let token = TaskToken::parse(&request.task_token)?;
        let answers = std::mem::take(&mut request.query_results);
        let complete = |transition: &mut Transition<'_>| {
            let completed = complete_task(transition, &token, request, self.in_process)?;
            let run = transition.executions.run(token.run);
            let activity_tasks = completed
                .eager_activities
                .iter()
                .filter_map(|id| activity_tasks::response(token.run, run?, *id))
                .collect();
            Ok((completed.next_task, activity_tasks))
        };
        let answer = |shard: &mut Shard, result: &Result<(bool, Vec<_>), Error>| match result {
            Ok((next_task, _)) => {
                shard.queries.answer_attached(token.run, answers);
                if *next_task {
                    shard.queries.attach(token.run);
                }
            }
            Err(_) => shard.queries.detach(token.run),
        };
        let (next_task, activity_tasks) = self.change_with(complete, answer).await?;
        let workflow_task = if next_task { self.task_response(token.run, "") } else { None };
        Ok(RespondWorkflowTaskCompletedResponse { workflow_task, activity_tasks, reset_history_event_id: 0 })
    }

    pub(crate) async fn fail_workflow_task(
        &self,
        request: RespondWorkflowTaskFailedRequest,
    ) -> Result<(), Status> {
        self.lock().executions.check_namespace(&request.namespace)?;
        let token = TaskToken::parse(&request.task_token)?;
        self.change(|transition| fail_task(transition, &token, request)).await?;
        self.lock().queries.detach(token.run);
        Ok(())
    }
}

/// What a worker gets for a started workflow task, through the queue of this name. Workers that
/// polled the run's sticky queue have the beginning of the history; so has who gets the next task
/// with the answer to the last.
pub(crate) fn response(number: RunNumber, run: &Run, queue: &str) -> Option<PollWorkflowTaskQueueResponse> {
    let token = TaskToken::of_task(number, run)?;
    let (task, started) = run.started_task()?;
    let sticky = task.queue.kind == i32::from(TaskQueueKind::Sticky);
    let partial = queue.is_empty() || sticky && queue == task.queue.name;
    let first = if partial { run.previous_started_event_id + 1 } else { 1 };
    let page = Page::of_task(number, run, first);
    let (history, next_page_token) = page.read(run);
    Some(PollWorkflowTaskQueueResponse {
        task_token: token.encode_to_vec().into(),
        workflow_execution: Some(run.execution()),
        workflow_type: Some(WorkflowType { name: run.workflow_type().to_owned() }),
        previous_started_event_id: run.previous_started_event_id,
        started_event_id: started.event_id,
        attempt: task.attempt,
        history: Some(History::from_encoded(history)),
        next_page_token,
        workflow_execution_task_queue: describe::queue(run),
        scheduled_time: Some(task.scheduled_time.into()),
        started_time: Some(started.time.into()),
        ..PollWorkflowTaskQueueResponse::default()
    })
}
