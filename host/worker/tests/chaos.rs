//! The recorded runs of the samples, under conditions that must not show: whatever they are, the run makes the same
//! commands, and its guest has the same memory and globals after every activation as in a plain replay.
//!
//! `cargo test` tries some samples and few sizes of pages; `HOST_CHAOS=all` (`just chaos`) all of both.
#![allow(clippy::unwrap_used, reason = "a test panics on failure")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use guest_build::{Package, build};
use host_core::{RunConfig, Task};
use host_sandbox::Engine;
use host_wire::{
    EventAttributes as A, protojson,
    temporal::api::{
        command::v1::Command,
        common::v1::WorkerVersionStamp,
        history::v1::HistoryEvent,
        protocol::v1::{Message, message::SequencingId},
        query::v1::WorkflowQuery,
    },
};
use host_worker::{
    modules::LoadedModule,
    workflow::run::{Advance, RunDriver, RunIdentity, StateHash},
};
use prost::Message as _;
use prost_types::Any;

/// Every sample and every size of pages, where it is `all`.
const EXTENT: &str = "HOST_CHAOS";

/// Samples that are tried otherwise: messages and updates, a saga, a guest that is not Rust.
const SOME: [&str; 3] = ["c-reminder", "message-passing", "orders"];

/// The marker of local activities. What they give is not known before it: such runs are not worked on as they were live.
const LOCAL_ACTIVITY: &str = "core_local_activity";

/// A recorded run.
struct Recorded {
    name: String,
    module: Arc<LoadedModule>,
    events: Vec<HistoryEvent>,
    /// After each activation of a plain replay.
    states: Vec<StateHash>,
}

/// A workflow task that was completed: the ids of its `WorkflowTaskStarted` event and of that of the task before, and the
/// updates that it accepted.
struct Completed {
    started: i64,
    previous: i64,
    messages: Vec<Message>,
}

#[test]
fn recorded_runs_do_not_show_what_happens_to_them() {
    let all = std::env::var(EXTENT).is_ok_and(|extent| extent == "all");
    let samples = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sample-workflows"));
    let engine = support::engine();
    let mut runs = 0;
    for sample in sorted(samples) {
        let name = sample.file_name().unwrap().to_str().unwrap().to_owned();
        if !sample.join("histories").is_dir() || !all && !SOME.contains(&name.as_str()) {
            continue;
        }
        let module = module(&engine, &sample);
        for history in sorted(&sample.join("histories")) {
            let run = Recorded::read(&module, &history);
            run.in_pages(all);
            run.evicted_after_every_task();
            run.asked_after_every_task();
            runs += 1;
        }
    }
    assert!(runs >= SOME.len(), "there are no histories");
}

impl Recorded {
    fn read(module: &Arc<LoadedModule>, path: &Path) -> Self {
        let history = protojson::read_history(fs::read(path).unwrap().into()).unwrap();
        let mut events: Vec<HistoryEvent> = history.events().map(Result::unwrap).collect();
        // Guests see which build executes a task: this one, also where an earlier one did.
        for event in &mut events {
            if let Some(A::WorkflowTaskCompletedEventAttributes(completed)) = &mut event.attributes {
                let build_id = module.build_id();
                completed.worker_version = Some(WorkerVersionStamp { build_id, use_versioning: false });
            }
        }
        let (name, module) = (path.display().to_string(), Arc::clone(module));
        let mut run = Self { name, module, events, states: Vec::new() };
        run.states = run.replay(run.events.len(), run.events.len());
        assert!(!run.states.is_empty(), "{}", run.name);
        run
    }

    /// The pages of the service may end anywhere.
    fn in_pages(&self, all: bool) {
        let sizes: Vec<usize> = if all { (1..self.events.len()).collect() } else { vec![1, 2, 3, 7] };
        for size in sizes {
            assert_eq!(self.replay(self.events.len(), size), self.states, "{} in pages of {size}", self.name);
        }
    }

    /// A run that is evicted after each of its tasks, as in a cache of no runs, is made anew from the history so far.
    fn evicted_after_every_task(&self) {
        // A replay to the start of a task does not know which updates that accepts.
        for task in self.tasks().into_iter().filter(|task| task.messages.is_empty()) {
            let states = self.replay(usize::try_from(task.started).unwrap(), 5);
            assert!(self.states.starts_with(&states), "{} until event {}", self.name, task.started);
        }
        if self.has_local_activities() {
            return;
        }
        let cached = self.work(false, |_| {});
        let evicted = self.work(true, |_| {});
        assert!(cached == evicted, "{}: eviction changed the commands", self.name);
    }

    /// Queries: one with each task, and one on its own after it.
    fn asked_after_every_task(&self) {
        if self.has_local_activities() {
            return;
        }
        let query = || WorkflowQuery {
            query_type: "__temporal_workflow_metadata".to_owned(),
            ..WorkflowQuery::default()
        };
        let asked = |task: &mut Task| drop(task.queries.insert("q".to_owned(), query()));
        let answered = self.work(false, asked);
        assert!(answered == self.work(false, |_| {}), "{}: a query changed the commands", self.name);
    }

    /// The states after each activation of a replay of the first events, in pages of so many.
    fn replay(&self, events: usize, page: usize) -> Vec<StateHash> {
        let mut run = self.driver();
        run.start_task(Task::replay()).unwrap();
        let encoded = self.encoded(0, events);
        let mut pages = encoded.chunks(page).peekable();
        loop {
            match run.advance().unwrap_or_else(|failure| panic!("{}: {failure}", self.name)) {
                Advance::NeedEvents => {
                    let Some(page) = pages.next() else { break };
                    run.feed(page.to_vec(), pages.peek().is_none());
                }
                Advance::Idle => break,
                _ => {}
            }
        }
        run.state_hashes().to_vec()
    }

    /// Works on each task as when it was polled, and returns the commands; by one driver, or by a new one for each. `prepare`
    /// changes the tasks. A query on its own follows those that have one.
    fn work(&self, evicts: bool, prepare: impl Fn(&mut Task)) -> Vec<Vec<Command>> {
        let mut commands = Vec::new();
        let mut run = self.driver();
        let mut known = 0;
        for completed in self.tasks() {
            if evicts {
                (run, known) = (self.driver(), 0);
            }
            let mut task = Task {
                started_event_id: completed.started,
                previous_started_event_id: Some(completed.previous),
                attempt: 1,
                messages: completed.messages,
                ..Task::default()
            };
            prepare(&mut task);
            let queries = task.queries.len();
            let query = task.queries.values().next().cloned();
            let until = usize::try_from(completed.started).unwrap();
            run.start_task(task).unwrap();
            run.feed(self.encoded(known, until), true);
            known = until;
            let completion = match run.advance().unwrap_or_else(|failure| panic!("{}: {failure}", self.name))
            {
                Advance::Respond(completion) => completion,
                other => panic!("{}: event {until} gave {other:?}", self.name),
            };
            assert_eq!(completion.query_results.len(), queries, "{}", self.name);
            commands.push(completion.commands);
            if let Some(query) = query.filter(|_| !completion.ends_run) {
                let previous_started_event_id = Some(completed.started);
                let asks =
                    Task { previous_started_event_id, query: Some(query), attempt: 1, ..Task::default() };
                run.start_task(asks).unwrap();
                run.feed(Vec::new(), true);
                assert!(matches!(run.advance().unwrap(), Advance::RespondQuery(_)), "{}", self.name);
            }
            let states = run.state_hashes();
            assert!(self.states.starts_with(states), "{} at event {until}: other states", self.name);
        }
        assert_eq!(run.state_hashes(), self.states, "{}", self.name);
        commands
    }

    /// The tasks of the history that were completed.
    fn tasks(&self) -> Vec<Completed> {
        let mut tasks: Vec<Completed> = Vec::new();
        let mut previous = 0;
        for event in &self.events {
            match event.attributes.as_ref().unwrap() {
                A::WorkflowTaskCompletedEventAttributes(completed) => {
                    let started = completed.started_event_id;
                    tasks.push(Completed { started, previous, messages: Vec::new() });
                    previous = started;
                }
                A::WorkflowExecutionUpdateAcceptedEventAttributes(accepted) => {
                    let request = accepted.accepted_request.clone().unwrap();
                    let sequencing_id = SequencingId::EventId(accepted.accepted_request_sequencing_event_id);
                    tasks.last_mut().unwrap().messages.push(Message {
                        id: accepted.accepted_request_message_id.clone(),
                        protocol_instance_id: accepted.protocol_instance_id.clone(),
                        body: Some(Any { type_url: type_url(&request), value: request.encode_to_vec() }),
                        sequencing_id: Some(sequencing_id),
                    });
                }
                _ => {}
            }
        }
        tasks
    }

    fn has_local_activities(&self) -> bool {
        self.events.iter().any(|event| match event.attributes.as_ref().unwrap() {
            A::MarkerRecordedEventAttributes(marker) => marker.marker_name == LOCAL_ACTIVITY,
            _ => false,
        })
    }

    fn encoded(&self, from: usize, until: usize) -> Vec<Bytes> {
        self.events[from..until].iter().map(|event| event.encode_to_vec().into()).collect()
    }

    fn driver(&self) -> RunDriver {
        let Some(A::WorkflowExecutionStartedEventAttributes(started)) = &self.events[0].attributes else {
            panic!("{}: no start", self.name)
        };
        let run_id = started.original_execution_run_id.clone();
        let identity = RunIdentity {
            namespace: "default".to_owned(),
            workflow_id: started.workflow_id.clone(),
            run_id: run_id.clone(),
        };
        let config = RunConfig { run_id, writes_sdk_metadata: true, ..RunConfig::default() };
        RunDriver::new(Arc::clone(&self.module), identity, config).recording_states()
    }
}

fn type_url<M: prost::Name>(_: &M) -> String {
    M::type_url()
}

/// The module of a sample: the component in its folder, if it is not written in Rust, or else built of its package.
fn module(engine: &Engine, sample: &Path) -> Arc<LoadedModule> {
    let kept = sorted(sample).into_iter().find(|path| path.extension().is_some_and(|kind| kind == "wasm"));
    let path = kept.unwrap_or_else(|| {
        let manifest = fs::read_to_string(sample.join("Cargo.toml")).unwrap();
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = ")).unwrap().trim_matches('"');
        build(&Package::new(sample, name)).unwrap_or_else(|error| panic!("{error}"))
    });
    Arc::new(LoadedModule::new(engine.load(&fs::read(path).unwrap()).unwrap(), None))
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
