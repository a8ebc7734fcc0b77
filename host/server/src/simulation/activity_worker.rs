//! Workers of activities.

use std::{sync::Arc, time::Duration};

use fuzz::Random;
use host_service::WorkflowService;
use host_wire::temporal::api::{taskqueue::v1::TaskQueue, workflowservice::v1::*};
use tokio::time::sleep;
use tonic::{Code, Request, Status};

use super::{NAMESPACE, QUEUE, Simulation, commands::failure, network::Line, worker::WorkflowWorker};
use crate::execution::token::TaskToken;

/// Polls for activities, and takes those that its worker of workflows gets eagerly.
pub(super) struct ActivityWorker {
    simulation: Arc<Simulation>,
    random: Random,
    line: Line,
    name: String,
    workflows: WorkflowWorker,
}

impl ActivityWorker {
    pub(super) fn new(
        simulation: Arc<Simulation>,
        name: &str,
        random: Random,
        line: Line,
        workflows: WorkflowWorker,
    ) -> Self {
        Self { simulation, random, line, name: name.to_owned(), workflows }
    }

    pub(super) async fn run(&mut self) {
        while !self.simulation.is_over() {
            for task in self.workflows.take_eager() {
                self.handle(&task).await;
            }
            let request = PollActivityTaskQueueRequest {
                namespace: NAMESPACE.to_owned(),
                task_queue: Some(TaskQueue { name: QUEUE.to_owned(), ..TaskQueue::default() }),
                identity: self.name.clone(),
                ..Default::default()
            };
            let timeout = Duration::from_secs(1 + self.random.below(10));
            let call = async |service: crate::api::open::Service| {
                let mut request = Request::new(request);
                request.set_timeout(timeout);
                service.poll_activity_task_queue(request).await
            };
            match self.simulation.network.call(self.line, &mut self.random, call).await {
                Ok(task) if !task.task_token.is_empty() => self.handle(&task).await,
                Ok(_) => {}
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    async fn handle(&mut self, task: &PollActivityTaskQueueResponse) {
        let token = TaskToken::parse(&task.task_token).unwrap();
        let scheduled = token.scheduled_event_id;
        self.say(task, format_args!("starts {scheduled} attempt {}", task.attempt), &Ok(()));
        self.simulation.model().saw_attempt(task, scheduled);
        if self.line.in_process {
            self.simulation.model().holds_activity(task);
        }
        if !self.simulation.is_chaos() {
            return self.complete(task, scheduled).await;
        }
        match self.random.below(100) {
            0..8 => {}
            8..30 => self.fail(task).await,
            30..50 => {
                for _ in 0..self.random.below(4) {
                    sleep(Duration::from_millis(self.random.below(2_000))).await;
                    if self.beat(task).await {
                        return self.cancel(task).await;
                    }
                }
                self.complete(task, scheduled).await;
            }
            50..60 => {
                sleep(Duration::from_millis(self.random.below(8_000))).await;
                self.complete(task, scheduled).await;
            }
            _ => self.complete(task, scheduled).await,
        }
    }

    async fn complete(&mut self, task: &PollActivityTaskQueueResponse, scheduled: i64) {
        let request = RespondActivityTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token.clone(),
            ..Default::default()
        };
        let call = async |service: crate::api::open::Service| {
            service.respond_activity_task_completed(Request::new(request)).await
        };
        let answer = self.simulation.network.call(self.line, &mut self.random, call).await;
        if answer.is_ok() {
            self.simulation.model().activity_acknowledged(task, scheduled);
        }
        self.say(task, format_args!("completes {scheduled}"), &answer);
    }

    async fn fail(&mut self, task: &PollActivityTaskQueueResponse) {
        let request = RespondActivityTaskFailedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token.clone(),
            failure: Some(failure()),
            ..Default::default()
        };
        let call = async |service: crate::api::open::Service| {
            service.respond_activity_task_failed(Request::new(request)).await
        };
        let answer = self.simulation.network.call(self.line, &mut self.random, call).await;
        self.say(task, format_args!("fails"), &answer);
    }

    /// Answers whether the activity is asked to cancel.
    async fn beat(&mut self, task: &PollActivityTaskQueueResponse) -> bool {
        let request = RecordActivityTaskHeartbeatRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token.clone(),
            ..Default::default()
        };
        let call = async |service: crate::api::open::Service| {
            service.record_activity_task_heartbeat(Request::new(request)).await
        };
        let answer = self.simulation.network.call(self.line, &mut self.random, call).await;
        self.say(task, format_args!("beats"), &answer);
        answer.is_ok_and(|answer| answer.cancel_requested)
    }

    async fn cancel(&mut self, task: &PollActivityTaskQueueResponse) {
        let request = RespondActivityTaskCanceledRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token.clone(),
            ..Default::default()
        };
        let call = async |service: crate::api::open::Service| {
            service.respond_activity_task_canceled(Request::new(request)).await
        };
        let answer = self.simulation.network.call(self.line, &mut self.random, call).await;
        self.say(task, format_args!("is cancelled"), &answer);
    }

    fn say<R>(
        &self,
        task: &PollActivityTaskQueueResponse,
        what: std::fmt::Arguments<'_>,
        answer: &Result<R, Status>,
    ) {
        let code = answer.as_ref().err().map_or(Code::Ok, Status::code);
        let run_id = task.workflow_execution.as_ref().map_or("", |execution| &execution.run_id);
        self.simulation.say(format_args!("{}: {run_id} activity {what}: {code:?}", self.name));
    }
}
