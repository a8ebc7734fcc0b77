//! Workers: they poll, answer well or badly, late, twice or not at all. What a workflow does is
//! drawn, not programmed: the service does not replay.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use fuzz::Random;
use host_service::WorkflowService;
use host_wire::{
    EventAttributes, History, RawEvent, duration_to_proto,
    temporal::api::{
        command::v1::{Command, command::Attributes},
        common::v1::{Payload, Payloads},
        enums::v1::{EventType, QueryResultType, TaskQueueKind},
        query::v1::WorkflowQueryResult,
        taskqueue::v1::{StickyExecutionAttributes, TaskQueue},
        workflowservice::v1::*,
    },
};
use tokio::time::sleep;
use tonic::{Code, Request, Status};

use super::{NAMESPACE, QUEUE, Simulation, client::execution, commands, network::Line, updates, versions};

/// A worker of workflows. Its two pollers, of the normal and of its sticky queue, share the
/// histories that it remembers.
#[derive(Clone)]
pub(super) struct WorkflowWorker {
    simulation: Arc<Simulation>,
    random: Random,
    line: Line,
    name: String,
    /// Its version, if it has one.
    build: Option<&'static str>,
    histories: Arc<Mutex<BTreeMap<String, Vec<Bytes>>>>,
    eager: Arc<Mutex<Vec<PollActivityTaskQueueResponse>>>,
}

/// What a workflow knows about its run.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    pub(super) events: usize,
    pub(super) signals: usize,
    pub(super) is_cancelled: bool,
    pub(super) timers: BTreeSet<String>,
    pub(super) activities: BTreeSet<i64>,
    pub(super) children: usize,
    /// Updates that a reset admitted, with the event that did.
    pub(super) admitted: BTreeMap<String, i64>,
    /// Updates that it accepted and did not complete.
    pub(super) updates: BTreeSet<String>,
}

impl WorkflowWorker {
    pub(super) fn new(
        simulation: Arc<Simulation>,
        name: &str,
        random: Random,
        line: Line,
        build: Option<&'static str>,
    ) -> Self {
        let name = name.to_owned();
        Self { simulation, random, line, name, build, histories: Arc::default(), eager: Arc::default() }
    }

    /// The same worker with a source of chance of its own.
    pub(super) fn again(&self, number: u64) -> Self {
        Self { random: self.random.fork(number), ..self.clone() }
    }

    fn sticky_queue(&self) -> String {
        format!("sticky-{}", self.name)
    }

    /// Polls one of its queues until the end of the simulation.
    pub(super) async fn run(&mut self, sticky: bool) {
        let queue = if sticky { self.sticky_queue() } else { QUEUE.to_owned() };
        while !self.simulation.is_over() {
            let request = PollWorkflowTaskQueueRequest {
                namespace: NAMESPACE.to_owned(),
                task_queue: Some(TaskQueue {
                    name: queue.clone(),
                    kind: if sticky { TaskQueueKind::Sticky } else { TaskQueueKind::Normal }.into(),
                    normal_name: if sticky { QUEUE.to_owned() } else { String::new() },
                }),
                identity: self.name.clone(),
                deployment_options: versions::options(self.build),
                ..Default::default()
            };
            let timeout = Duration::from_secs(1 + self.random.below(30));
            let network = &self.simulation.network;
            let call = async |service: crate::api::open::Service| {
                let mut request = Request::new(request);
                request.set_timeout(timeout);
                service.poll_workflow_task_queue(request).await
            };
            match network.call(self.line, &mut self.random, call).await {
                Ok(task) if !task.task_token.is_empty() => self.handle(task).await,
                Ok(_) => {}
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    async fn handle(&mut self, task: PollWorkflowTaskQueueResponse) {
        let mut next = Some(task);
        while let Some(task) = next.take() {
            let execution = task.workflow_execution.clone().unwrap_or_default();
            let id = format!("{} {}", execution.workflow_id, execution.run_id);
            let what = if task.query.is_some() {
                "query".to_owned()
            } else {
                format!("task {}", task.started_event_id)
            };
            self.simulation.say(format_args!("{}: {id} {what} attempt {}", self.name, task.attempt));
            self.simulation.model().saw_version(&execution.workflow_id, &execution.run_id, self.build);
            if self.line.in_process && task.query.is_none() {
                self.simulation.model().holds_workflow_task(&task);
            }
            let Some(knowledge) = self.learn(&task).await else {
                self.simulation.say(format_args!("{}: {id} has no history", self.name));
                continue;
            };
            if task.query.is_some() {
                self.answer_query(&task, &knowledge).await;
                return;
            }
            next = self.answer(task, &knowledge).await;
        }
    }

    /// The history of a task, together with what the worker remembers or else reads.
    async fn learn(&mut self, task: &PollWorkflowTaskQueueResponse) -> Option<Knowledge> {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        let history = task.history.clone().unwrap_or_default();
        let first = match history.events().next() {
            Some(event) => event.unwrap().event_id,
            None => 0,
        };
        let delivered = history.into_encoded();
        self.saw(task, first, &delivered);
        let mut events = if first == 1 {
            delivered
        } else {
            let known = self.histories.lock().unwrap().get(&execution.run_id).cloned().unwrap_or_default();
            let before = usize::try_from(first - 1).unwrap_or(known.len());
            if known.len() < before {
                self.read(&execution.workflow_id, &execution.run_id).await?
            } else {
                [&known[..before], &delivered].concat()
            }
        };
        // The rest of a long history.
        if !task.next_page_token.is_empty() {
            events = self.read(&execution.workflow_id, &execution.run_id).await?;
        }
        let knowledge = Knowledge::of(&events);
        let decoded: Vec<i64> = ids(&events);
        let expected: Vec<i64> = (1..).take(decoded.len()).collect();
        if decoded != expected {
            let what = format!("{}: a worker got events {decoded:?}", execution.workflow_id);
            self.simulation.model().fail(what);
        }
        if task.query.is_none() {
            self.histories.lock().unwrap().insert(execution.run_id, events);
        }
        Some(knowledge)
    }

    /// What came with a task is on disk, but for its own start and what a transient task makes up.
    fn saw(&self, task: &PollWorkflowTaskQueueResponse, first: i64, delivered: &[Bytes]) {
        if self.line.in_process || first == 0 {
            return;
        }
        let execution = task.workflow_execution.clone().unwrap_or_default();
        let last = if task.query.is_some() { i64::MAX } else { task.started_event_id - 2 };
        let count = usize::try_from(last.saturating_sub(first - 1)).unwrap_or_default();
        let seen = &delivered[..count.min(delivered.len())];
        let now = self.simulation.now();
        self.simulation.model().saw_history(&execution.workflow_id, &execution.run_id, first, seen, now);
    }

    async fn read(&mut self, workflow_id: &str, run_id: &str) -> Option<Vec<Bytes>> {
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: NAMESPACE.to_owned(),
            execution: execution(workflow_id, run_id),
            ..Default::default()
        };
        let call = async |service: crate::api::open::Service| {
            service.get_workflow_execution_history(Request::new(request)).await
        };
        let network = &self.simulation.network;
        let answer = network.call(self.line, &mut self.random, call).await.ok()?;
        Some(answer.history.unwrap_or_else(|| History::from_encoded(Vec::new())).into_encoded())
    }

    async fn answer_query(&mut self, task: &PollWorkflowTaskQueueResponse, knowledge: &Knowledge) {
        if self.simulation.is_chaos() && self.random.percent(5) {
            return;
        }
        let request = RespondQueryTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token.clone(),
            completed_type: QueryResultType::Answered.into(),
            query_result: Some(counted(knowledge)),
            ..Default::default()
        };
        let call = async |service: crate::api::open::Service| {
            service.respond_query_task_completed(Request::new(request)).await
        };
        drop(self.simulation.network.call(self.line, &mut self.random, call).await);
    }

    /// Answers a task in one way or another; what comes back may be the next task.
    async fn answer(
        &mut self,
        task: PollWorkflowTaskQueueResponse,
        knowledge: &Knowledge,
    ) -> Option<PollWorkflowTaskQueueResponse> {
        let is_chaos = self.simulation.is_chaos();
        if is_chaos {
            match self.random.below(100) {
                0..3 => return None,
                3..6 => sleep(Duration::from_secs(2 + self.random.below(8))).await,
                6..10 => {
                    self.fail(&task).await;
                    return None;
                }
                10..40 => sleep(Duration::from_micros(self.random.below(500_000))).await,
                _ => {}
            }
        }
        let (mut attributes, messages) = updates::answer(&mut self.random, !is_chaos, &task, knowledge);
        if self.simulation.is_finishing() {
            attributes.push(commands::completion());
        } else if is_chaos {
            attributes.extend(commands::draw(&mut self.random, knowledge));
        }
        let mut request = self.completed(&task, attributes, knowledge);
        request.messages = messages;
        let mut answer = self.complete(&task, request.clone()).await;
        if is_chaos && self.random.percent(3) {
            // Twice, as after a lost answer: it must not count.
            answer = self.complete(&task, request).await.or(answer);
        }
        let answer = answer?;
        self.eager.lock().unwrap().extend(answer.activity_tasks);
        answer.workflow_task
    }

    fn completed(
        &mut self,
        task: &PollWorkflowTaskQueueResponse,
        attributes: Vec<Attributes>,
        knowledge: &Knowledge,
    ) -> RespondWorkflowTaskCompletedRequest {
        let sticky = StickyExecutionAttributes {
            worker_task_queue: Some(TaskQueue { name: self.sticky_queue(), ..TaskQueue::default() }),
            schedule_to_start_timeout: Some(duration_to_proto(Duration::from_secs(1 + self.random.below(5)))),
        };
        let answers = task.queries.keys().map(|query| {
            let answer = WorkflowQueryResult {
                result_type: QueryResultType::Answered.into(),
                answer: Some(counted(knowledge)),
                ..WorkflowQueryResult::default()
            };
            (query.clone(), answer)
        });
        RespondWorkflowTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token.clone(),
            identity: self.name.clone(),
            commands: attributes.into_iter().map(command).collect(),
            sticky_attributes: self.random.percent(60).then_some(sticky),
            return_new_workflow_task: self.random.percent(30),
            force_create_new_workflow_task: self.simulation.is_chaos() && self.random.percent(5),
            query_results: answers.collect(),
            deployment_options: versions::options(self.build),
            versioning_behavior: versions::behavior(self.build, &workflow_id(task)).into(),
            ..Default::default()
        }
    }

    async fn complete(
        &mut self,
        task: &PollWorkflowTaskQueueResponse,
        request: RespondWorkflowTaskCompletedRequest,
    ) -> Option<RespondWorkflowTaskCompletedResponse> {
        let execution = task.workflow_execution.clone().unwrap_or_default();
        let commands = request.commands.len();
        let only_rejects =
            commands == 0 && !task.messages.is_empty() && !request.force_create_new_workflow_task;
        let call = async |service: crate::api::open::Service| {
            service.respond_workflow_task_completed(Request::new(request)).await
        };
        let answer = self.simulation.network.call(self.line, &mut self.random, call).await;
        // Of a speculative task whose worker only rejects, nothing remains.
        if answer.is_ok() && !only_rejects {
            let mut model = self.simulation.model();
            model.task_acknowledged(&execution.workflow_id, &execution.run_id, task.started_event_id);
            model.pinned(&execution.workflow_id, &execution.run_id, self.build);
            if self.line.in_process {
                model.answered_workflow_task(&execution.run_id);
            }
        }
        self.say(
            &execution.run_id,
            format_args!("completes {} with {commands}", task.started_event_id),
            &answer,
        );
        answer.ok()
    }

    async fn fail(&mut self, task: &PollWorkflowTaskQueueResponse) {
        let request = RespondWorkflowTaskFailedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token.clone(),
            identity: self.name.clone(),
            ..Default::default()
        };
        let call = async |service: crate::api::open::Service| {
            service.respond_workflow_task_failed(Request::new(request)).await
        };
        let answer = self.simulation.network.call(self.line, &mut self.random, call).await;
        let execution = task.workflow_execution.clone().unwrap_or_default();
        if self.line.in_process && answer.is_ok() {
            self.simulation.model().answered_workflow_task(&execution.run_id);
        }
        self.say(&execution.run_id, format_args!("fails {}", task.started_event_id), &answer);
    }

    fn say<R>(&self, run_id: &str, what: std::fmt::Arguments<'_>, answer: &Result<R, Status>) {
        let code = answer.as_ref().err().map_or(Code::Ok, Status::code);
        let message = answer.as_ref().err().map_or("", Status::message);
        self.simulation.say(format_args!("{}: {run_id} {what}: {code:?} {message}", self.name));
    }

    /// Takes activities that came with an answer.
    pub(super) fn take_eager(&self) -> Vec<PollActivityTaskQueueResponse> {
        std::mem::take(&mut *self.eager.lock().unwrap())
    }
}

impl Knowledge {
    fn of(events: &[Bytes]) -> Self {
        use EventAttributes as A;
        let mut known = Self { events: events.len(), ..Self::default() };
        for encoded in events {
            let event = RawEvent::new(encoded.clone()).unwrap();
            if !matters(event.event_type().unwrap()) {
                continue;
            }
            match event.attributes().unwrap() {
                Some(A::WorkflowExecutionSignaledEventAttributes(_)) => known.signals += 1,
                Some(A::WorkflowExecutionCancelRequestedEventAttributes(_)) => known.is_cancelled = true,
                Some(A::TimerStartedEventAttributes(a)) => {
                    known.timers.insert(a.timer_id);
                }
                Some(A::TimerFiredEventAttributes(a)) => known.timer_ended(&a.timer_id),
                Some(A::TimerCanceledEventAttributes(a)) => known.timer_ended(&a.timer_id),
                Some(A::ActivityTaskScheduledEventAttributes(_)) => {
                    known.activities.insert(event.event_id());
                }
                Some(A::ActivityTaskCompletedEventAttributes(a)) => known.ended(a.scheduled_event_id),
                Some(A::ActivityTaskFailedEventAttributes(a)) => known.ended(a.scheduled_event_id),
                Some(A::ActivityTaskTimedOutEventAttributes(a)) => known.ended(a.scheduled_event_id),
                Some(A::ActivityTaskCanceledEventAttributes(a)) => known.ended(a.scheduled_event_id),
                Some(A::StartChildWorkflowExecutionInitiatedEventAttributes(_)) => known.children += 1,
                Some(A::WorkflowExecutionUpdateAdmittedEventAttributes(a)) => {
                    let update_id = a.request.unwrap_or_default().meta.unwrap_or_default().update_id;
                    known.admitted.insert(update_id, event.event_id());
                }
                Some(A::WorkflowExecutionUpdateAcceptedEventAttributes(a)) => {
                    known.admitted.remove(&a.protocol_instance_id);
                    known.updates.insert(a.protocol_instance_id);
                }
                Some(A::WorkflowExecutionUpdateCompletedEventAttributes(a)) => {
                    known.updates.remove(&a.meta.unwrap_or_default().update_id);
                }
                _ => {}
            }
        }
        known
    }

    fn timer_ended(&mut self, timer_id: &str) {
        self.timers.remove(timer_id);
    }

    fn ended(&mut self, scheduled: i64) {
        self.activities.remove(&scheduled);
    }
}

fn workflow_id(task: &PollWorkflowTaskQueueResponse) -> String {
    task.workflow_execution.as_ref().map(|execution| execution.workflow_id.clone()).unwrap_or_default()
}

fn command(attributes: Attributes) -> Command {
    Command { attributes: Some(attributes), ..Command::default() }
}

fn ids(events: &[Bytes]) -> Vec<i64> {
    events.iter().map(|event| RawEvent::new(event.clone()).unwrap().event_id()).collect()
}

/// Whether an event tells a workflow something that it needs for its next commands.
fn matters(event_type: EventType) -> bool {
    !matches!(
        event_type,
        EventType::WorkflowExecutionStarted
            | EventType::WorkflowTaskScheduled
            | EventType::WorkflowTaskStarted
            | EventType::WorkflowTaskCompleted
            | EventType::WorkflowTaskFailed
            | EventType::WorkflowTaskTimedOut
            | EventType::ActivityTaskStarted
            | EventType::MarkerRecorded
    )
}

fn counted(knowledge: &Knowledge) -> Payloads {
    let data = knowledge.signals.to_string().into();
    Payloads { payloads: vec![Payload { data, ..Payload::default() }] }
}
