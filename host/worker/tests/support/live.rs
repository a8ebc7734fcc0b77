//! One run, driven by hand: the test polls the embedded service, advances the run, and responds.

use std::sync::Arc;

use bytes::Bytes;
use host_core::{Completion, RunConfig, Task};
use host_wire::{
    EventAttributes as A, History,
    temporal::api::{
        command::v1::command::Attributes as C,
        common::v1::{Payload, Payloads, WorkerVersionStamp},
        history::v1::HistoryEvent,
        workflowservice::v1::{
            PollActivityTaskQueueRequest, PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse,
            RespondActivityTaskCompletedRequest, RespondWorkflowTaskCompletedRequest,
            RespondWorkflowTaskFailedRequest,
        },
    },
};
use host_worker::{
    modules::LoadedModule,
    workflow::run::{Advance, RunDriver, RunFailure, RunIdentity, StateHash},
};
use prost::Message;
use test_harness::Written;
use tonic::Request;

use super::embedded::{Embedded, NAMESPACE, events, json, queue, signal, start};

/// The queue of all runs.
pub const TASK_QUEUE: &str = "queue";
const WORKFLOW_ID: &str = "workflow";

/// A workflow to run, and the results of its activities.
pub struct Case {
    pub workflow_type: &'static str,
    pub argument: Payload,
    /// Results of activities, as JSON, by type. One that is not here gets its type as a string.
    pub results: &'static [(&'static str, &'static str)],
    /// How often each workflow task fails before it is executed: the service makes up the events of later attempts.
    pub failures: usize,
}

/// A run from its start to its end.
pub struct Live {
    pub run_id: String,
    pub events: Vec<HistoryEvent>,
    /// The tasks that were polled, each with its completion.
    pub tasks: Vec<(Task, Completion)>,
    /// The state of the guest after each activation.
    pub states: Vec<StateHash>,
    /// What each activation brought, as the log says it.
    pub activations: Vec<String>,
}

impl Case {
    /// The guest that executes its argument line by line.
    pub fn script(lines: &str) -> Self {
        Self { workflow_type: "Script", argument: super::embedded::text(lines), results: &[], failures: 0 }
    }

    /// Runs the workflow to its end in one driver, which is never evicted. One event after another brings a
    /// task about: what the run waits for, with the first activity a signal, and a signal when it waits for
    /// nothing.
    pub async fn run(self, module: &Arc<LoadedModule>) -> Result<Live, RunFailure> {
        let embedded = Embedded::open();
        let service = &*embedded.service;
        let run_id = start(service, TASK_QUEUE, self.workflow_type, WORKFLOW_ID, self.argument.clone()).await;
        let mut run = driver(module, &run_id);
        let (mut tasks, mut activations) = (Vec::new(), Vec::new());
        let mut known = 0;
        loop {
            let mut polled = poll(&embedded).await;
            for _ in 0..self.failures {
                fail(&embedded, polled).await;
                polled = poll(&embedded).await;
            }
            let history = polled.history.take().unwrap_or_default();
            let fresh = history.into_encoded().split_off(known);
            known += fresh.len();
            let task = Task::from_poll(&mut polled);
            let (completion, brought) =
                activations_of(|| execute(&mut run, task.clone(), &fresh, fresh.len()));
            let completion = completion?;
            activations.extend(brought);
            respond(&embedded, polled, completion.clone(), module.build_id()).await;
            let ends_run = completion.ends_run;
            tasks.push((task, completion));
            if ends_run {
                assert!(run.is_ended());
                let events = events(service, WORKFLOW_ID).await;
                let states = run.state_hashes().to_vec();
                return Ok(Live { run_id, events, tasks, states, activations });
            }
            self.go_on(&embedded, tasks.len() == 1).await;
        }
    }

    /// Brings the next workflow task about.
    async fn go_on(&self, embedded: &Embedded, is_first_task: bool) {
        let events = events(&*embedded.service, WORKFLOW_ID).await;
        let (mut activities, mut timers) = (0, 0);
        for event in events {
            match event.attributes {
                Some(A::ActivityTaskScheduledEventAttributes(_)) => activities += 1,
                Some(A::ActivityTaskCompletedEventAttributes(_)) => activities -= 1,
                Some(A::TimerStartedEventAttributes(_)) => timers += 1,
                Some(A::TimerFiredEventAttributes(_) | A::TimerCanceledEventAttributes(_)) => timers -= 1,
                _ => {}
            }
        }
        if is_first_task && activities > 0 || activities + timers == 0 {
            signal(&*embedded.service, WORKFLOW_ID, "s").await;
        }
        if activities > 0 {
            self.complete_activity(embedded).await;
        }
    }

    async fn complete_activity(&self, embedded: &Embedded) {
        let message = PollActivityTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: Some(queue(TASK_QUEUE)),
            ..Default::default()
        };
        let polled = embedded.service.poll_activity_task_queue(Request::new(message)).await.unwrap();
        let polled = polled.into_inner();
        let activity_type = polled.activity_type.unwrap().name;
        let result = match self.results.iter().find(|(name, _)| *name == activity_type) {
            Some((_, result)) => json(result),
            None => json(&format!("\"{activity_type}\"")),
        };
        let message = RespondActivityTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: polled.task_token,
            result: Some(Payloads { payloads: vec![result] }),
            ..Default::default()
        };
        embedded.service.respond_activity_task_completed(Request::new(message)).await.unwrap();
    }
}

impl Live {
    pub fn history(&self) -> History {
        History::from_iter(&self.events)
    }

    /// The result, or the message of the failure.
    pub fn result(&self) -> Result<String, String> {
        match self.events.last().unwrap().attributes.clone() {
            Some(A::WorkflowExecutionCompletedEventAttributes(completed)) => {
                let result =
                    completed.result.and_then(|mut result| result.payloads.pop()).unwrap_or_default();
                Ok(String::from_utf8(result.data.to_vec()).unwrap())
            }
            Some(A::WorkflowExecutionFailedEventAttributes(failed)) => Err(failed.failure.unwrap().message),
            other => panic!("the last event is {other:?}"),
        }
    }

    /// The events that came with one of the tasks.
    pub fn events_of(&self, task: &Task) -> Vec<Bytes> {
        let earlier = self.events.iter().take_while(|event| event.event_id <= task.started_event_id);
        earlier.map(|event| event.encode_to_vec().into()).collect()
    }
}

/// A run that has been fed nothing yet.
pub fn driver(module: &Arc<LoadedModule>, run_id: &str) -> RunDriver {
    let identity = RunIdentity {
        namespace: NAMESPACE.to_owned(),
        workflow_id: WORKFLOW_ID.to_owned(),
        run_id: run_id.to_owned(),
    };
    let config = RunConfig { run_id: run_id.to_owned(), writes_sdk_metadata: true, ..RunConfig::default() };
    RunDriver::new(Arc::clone(module), identity, config).recording_states()
}

/// What the guest is brought while `work` is done: a line for each activation, without whether it is a replay.
pub fn activations_of<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let lines = Written::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("host_worker::activation=trace")
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    let done = tracing::subscriber::with_default(subscriber, work);
    let line = |line: &str| line.replace("replaying=true", "").replace("replaying=false", "");
    (done, lines.text().lines().map(line).collect())
}

/// Works on a task, whose events come in pages of so many.
pub fn execute(
    run: &mut RunDriver,
    task: Task,
    events: &[Bytes],
    page: usize,
) -> Result<Completion, RunFailure> {
    run.start_task(task)?;
    let mut pages = events.chunks(page).peekable();
    loop {
        match run.advance()? {
            Advance::NeedEvents => {
                let events = pages.next().unwrap_or_default().to_vec();
                run.feed(events, pages.peek().is_none());
            }
            Advance::Respond(completion) => return Ok(*completion),
            other => panic!("a workflow task gave {other:?}"),
        }
    }
}

pub async fn poll(embedded: &Embedded) -> PollWorkflowTaskQueueResponse {
    let message = PollWorkflowTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue: Some(queue(TASK_QUEUE)),
        ..Default::default()
    };
    embedded.service.poll_workflow_task_queue(Request::new(message)).await.unwrap().into_inner()
}

/// Fails a task, so that it comes again as a transient one.
async fn fail(embedded: &Embedded, polled: PollWorkflowTaskQueueResponse) {
    let message = RespondWorkflowTaskFailedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: polled.task_token,
        ..Default::default()
    };
    embedded.service.respond_workflow_task_failed(Request::new(message)).await.unwrap();
}

async fn respond(
    embedded: &Embedded,
    polled: PollWorkflowTaskQueueResponse,
    mut completion: Completion,
    build_id: String,
) {
    for command in &mut completion.commands {
        // The test polls for them.
        if let Some(C::ScheduleActivityTaskCommandAttributes(scheduled)) = &mut command.attributes {
            scheduled.request_eager_execution = false;
        }
    }
    let message = RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: polled.task_token,
        commands: completion.commands,
        worker_version_stamp: Some(WorkerVersionStamp { build_id, use_versioning: false }),
        sdk_metadata: Some(completion.sdk_metadata),
        ..Default::default()
    };
    embedded.service.respond_workflow_task_completed(Request::new(message)).await.unwrap();
}
