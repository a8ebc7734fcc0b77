//! Shared by the tests of the sandbox: the guests of `tests/guests`, and a driver of the script guest.

#![allow(dead_code, unreachable_pub, reason = "every test target uses its own part of it")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use guest_build::{Package, build};
use host_sandbox::wit::workflow::host::{activation, log, metrics, types};
use host_sandbox::wit::{Query, Task};
use host_sandbox::{Activation, Command, Config, Engine, Fault, Instance, Module, RunInit, Sink};

/// The time of the first workflow task, in nanoseconds since 1970.
pub const START: u64 = 1_700_000_000_123_456_789;

/// The bytes of a guest of `tests/guests`.
pub fn guest(name: &str) -> Vec<u8> {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests"));
    let path = build(&Package::new(workspace, name)).unwrap_or_else(|error| panic!("{error}"));
    std::fs::read(path).expect("a component that was built can be read")
}

/// The bytes of the guest `plain` without names and line tables, which compiles quickly.
pub fn small_guest() -> Vec<u8> {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests"));
    let package = Package { profile: "small", ..Package::new(workspace, "plain") };
    let path = build(&package).unwrap_or_else(|error| panic!("{error}"));
    std::fs::read(path).expect("a component that was built can be read")
}

/// The configuration of test engines: few guests, and the default deadline, which a slow machine does not
/// reach.
pub fn config() -> Config {
    Config { instances: 16, ..Config::for_tests() }
}

/// The script guest in an engine of its own.
pub fn script(config: Config) -> Module {
    let engine = Engine::new(config).expect("an engine can be set up");
    engine.load(&guest("script")).expect("the script guest is a module")
}

/// A sink that stores the messages of log entries and measurements.
#[derive(Clone, Debug, Default)]
pub struct Collect(Arc<Mutex<Vec<String>>>);

impl Collect {
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics in here"))
    }

    fn push(&self, line: String) {
        self.0.lock().expect("no test panics in here").push(line);
    }
}

impl Sink for Collect {
    fn log(&mut self, entry: log::Entry) {
        self.push(format!("{} {}", entry.target, entry.message));
    }

    fn measure(&mut self, measurement: metrics::Measurement) {
        self.push(format!("{} {}", measurement.name, measurement.value));
    }
}

/// A run of a script.
pub struct ScriptRun {
    pub instance: Instance,
    pub sink: Collect,
}

impl ScriptRun {
    pub fn new(module: &Module) -> Self {
        let sink = Collect::default();
        let random_seed = host_sandbox::random::seed("a run id");
        let init = RunInit { random_seed, sink: Box::new(sink.clone()) };
        Self { instance: module.instantiate(init).expect("there is room for a guest"), sink }
    }

    pub fn start(&mut self, script: &str) -> Result<Vec<Command>, Fault> {
        self.activate(task(vec![start(script)]))
    }

    pub fn activate(&mut self, task: Task) -> Result<Vec<Command>, Fault> {
        self.instance.activate(&task, Activation::default())
    }

    pub fn query(&mut self, line: &str) -> Result<String, Fault> {
        let query = Query { name: line.to_owned(), arguments: Vec::new(), headers: Vec::new() };
        let answer = self.instance.query(&query)?.expect("the guest answers");
        Ok(String::from_utf8(answer.data).expect("the answer is text"))
    }
}

/// A task at the start time.
pub fn task(jobs: Vec<activation::Job>) -> Task {
    Task {
        time: START,
        history_length: 3,
        history_size: 100,
        continue_as_new_suggested: false,
        continue_as_new_reasons: Vec::new(),
        target_deployment_version_changed: false,
        deployment_version: None,
        jobs,
    }
}

/// The job that starts a script.
pub fn start(script: &str) -> activation::Job {
    let argument = types::Payload {
        encoding: types::Encoding::BinaryPlain,
        metadata: Vec::new(),
        data: script.as_bytes().to_vec(),
    };
    activation::Job::Start(activation::Start { info: info(), arguments: vec![argument] })
}

fn info() -> activation::WorkflowInfo {
    activation::WorkflowInfo {
        namespace: "default".to_owned(),
        workflow_id: "a workflow".to_owned(),
        run_id: "a run id".to_owned(),
        workflow_type: "Script".to_owned(),
        task_queue: "q".to_owned(),
        start_time: START,
        attempt: 1,
        identity: String::new(),
        execution_timeout: None,
        run_timeout: None,
        task_timeout: None,
        execution_expiration_time: None,
        retry_policy: None,
        cron_schedule: String::new(),
        cron_schedule_to_schedule_interval: None,
        parent: None,
        root: None,
        continued_from_run_id: String::new(),
        continued_initiator: activation::ContinuedInitiator::None,
        continued_failure: None,
        last_completion_result: Vec::new(),
        first_run_id: "a run id".to_owned(),
        original_run_id: "a run id".to_owned(),
        memo: Vec::new(),
        search_attributes: Vec::new(),
        headers: Vec::new(),
        priority: None,
    }
}

/// Renders commands, one in each line.
pub fn render(commands: &[Command]) -> String {
    let lines: Vec<_> = commands.iter().map(line).collect();
    lines.join("\n")
}

fn line(command: &Command) -> String {
    let text = |payload: &types::Payload| String::from_utf8_lossy(&payload.data).into_owned();
    match command {
        Command::StartTimer { seq, options } => {
            format!("timer {seq} {} ms", options.start_to_fire_timeout / 1_000_000)
        }
        Command::ScheduleActivity { seq, options } => {
            format!("activity {seq} {} {}", options.activity_type, text(&options.arguments[0]))
        }
        Command::Complete { result } => {
            format!("complete {}", result.as_ref().map_or_else(String::new, text))
        }
        Command::Fail { failure } => format!("fail {}", failure[0].message),
        other => format!("{other:?}"),
    }
}
