//! Whole runs, natively: jobs go into the engine, and the calls of the host come out.

mod workflows;

use guest_sdk_types::{Failure, IntoPayloads};

use crate::bindings::workflow::host::activation::{
    ActivityResolution, ActivityResolved, ContinuedInitiator, Job, Query, Signal, Start, Task, Update,
    WorkflowInfo,
};
use crate::bindings::workflow::host::types::Outcome;
use crate::convert::{payload, payloads};
use crate::convert_failure::failure;
use crate::engine::Engine;
use crate::host::native::take;
use crate::workflow::WorkflowType;

use workflows::{Chain, Counter, Dynamic, Several};

const TYPES: &[WorkflowType] = &[
    WorkflowType::of::<Chain>(),
    WorkflowType::of::<Counter>(),
    WorkflowType::of::<Several>(),
    WorkflowType::of::<Dynamic>(),
];

fn task(jobs: Vec<Job>) -> Task {
    Task {
        time: 1_000_000_000,
        history_length: 3,
        history_size: 100,
        continue_as_new_suggested: false,
        continue_as_new_reasons: vec![],
        target_deployment_version_changed: false,
        deployment_version: None,
        jobs,
    }
}

fn start(workflow_type: &str, arguments: impl IntoPayloads) -> Job {
    let info = WorkflowInfo {
        namespace: "default".to_owned(),
        workflow_id: "id".to_owned(),
        run_id: "run".to_owned(),
        workflow_type: workflow_type.to_owned(),
        task_queue: "queue".to_owned(),
        start_time: 0,
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
        continued_initiator: ContinuedInitiator::None,
        continued_failure: None,
        last_completion_result: vec![],
        first_run_id: "run".to_owned(),
        original_run_id: "run".to_owned(),
        memo: vec![],
        search_attributes: vec![],
        headers: vec![],
        priority: None,
    };
    Job::Start(Start { info, arguments: payloads(arguments.into_payloads().unwrap()) })
}

fn completed(seq: u32, result: impl IntoPayloads) -> Job {
    let result = result.into_payloads().unwrap().pop().map(payload);
    let resolution = ActivityResolution::Outcome(Outcome::Completed(result));
    Job::ActivityResolved(ActivityResolved { seq, resolution })
}

fn failed(seq: u32, reason: Failure) -> Job {
    let resolution = ActivityResolution::Outcome(Outcome::Failed(failure(reason)));
    Job::ActivityResolved(ActivityResolved { seq, resolution })
}

fn canceled(seq: u32) -> Job {
    let reason = failure(Failure::canceled("canceled", vec![]));
    let resolution = ActivityResolution::Outcome(Outcome::Canceled(reason));
    Job::ActivityResolved(ActivityResolved { seq, resolution })
}

fn signal(name: &str, arguments: impl IntoPayloads) -> Job {
    let arguments = payloads(arguments.into_payloads().unwrap());
    let (name, identity, headers) = (name.to_owned(), String::new(), vec![]);
    Job::Signal(Signal { name, arguments, identity, headers, event_id: 4 })
}

fn update(name: &str, arguments: impl IntoPayloads) -> Update {
    Update {
        id: "update".to_owned(),
        protocol_instance_id: "protocol".to_owned(),
        name: name.to_owned(),
        arguments: payloads(arguments.into_payloads().unwrap()),
        identity: String::new(),
        headers: vec![],
    }
}

fn query(name: &str) -> Query {
    Query { name: name.to_owned(), arguments: vec![], headers: vec![] }
}

/// A run in progress.
struct Run(Option<Engine>);

impl Run {
    fn of(workflow_type: &str, arguments: impl IntoPayloads) -> Self {
        take();
        let mut run = Self(None);
        run.0 = Some(Engine::start(TYPES, &mut task(vec![start(workflow_type, arguments)])).unwrap());
        run
    }

    /// Gives the engine jobs, and checks the names of the calls, with those parts of the arguments that
    /// are named: `time.start_timer 5000000000`.
    fn check(&mut self, jobs: Vec<Job>, expected: &[&str]) -> &mut Self {
        self.0.as_mut().unwrap().activate(task(jobs)).unwrap();
        let calls = take();
        let fits = |call: &String, expected: &&str| {
            let (name, parts) = expected.split_once(' ').unwrap_or((expected, ""));
            call.split(' ').next() == Some(name) && parts.split(" & ").all(|part| call.contains(part))
        };
        let all =
            calls.len() == expected.len() && calls.iter().zip(expected).all(|(call, part)| fits(call, part));
        assert!(all, "expected {expected:#?}, got {calls:#?}");
        self
    }

    fn check_task_failure(&mut self, jobs: Vec<Job>, expected: &str) {
        let reason = self.0.as_mut().unwrap().activate(task(jobs)).unwrap_err();
        assert_eq!(reason.to_string(), expected);
        take();
    }

    fn answer(&self, name: &str) -> String {
        match self.0.as_ref().unwrap().query(query(name)) {
            Ok(answer) => String::from_utf8(answer.data).unwrap(),
            Err(reason) => reason.to_string(),
        }
    }

    fn verdict(&self, update: Update) -> Result<(), String> {
        self.0.as_ref().unwrap().validate(update).map_err(|reason| reason.to_string())
    }
}

#[test]
fn activities_one_after_another() {
    Run::of("Chain", (2,))
        .check(
            vec![],
            &[r#"activities.schedule activity-type: "echo" & start-to-close-timeout: Some(10000000000)"#],
        )
        .check(vec![completed(1, (7,))], &["activities.schedule [55]"])
        .check(vec![completed(2, (8,))], &["workflow.complete JsonPlain & [56]"]);
}

#[test]
fn failures_of_activities_fail_the_run() {
    let declined = Failure::builder("no funds").type_name("CardDeclined").build();
    Run::of("Chain", (1,))
        .check(vec![], &["activities.schedule"])
        .check(vec![failed(1, declined)], &[r#"workflow.fail "no funds" & "CardDeclined""#]);
}

#[test]
fn a_cancelled_run_ends_as_cancelled() {
    Run::of("Chain", (1,))
        .check(vec![], &["activities.schedule"])
        .check(vec![Job::Cancel("enough".to_owned())], &["activities.cancel (1,)"])
        .check(vec![canceled(1)], &["workflow.cancel"]);
}

#[test]
fn an_activity_that_was_cancelled_by_itself_fails_the_run() {
    Run::of("Chain", (1,))
        .check(vec![], &["activities.schedule"])
        .check(vec![canceled(1)], &["workflow.fail Canceled"]);
}

#[test]
fn results_of_another_type_fail_the_task() {
    Run::of("Chain", (1,)).check(vec![], &["activities.schedule"]).check_task_failure(
        vec![completed(1, ("seven",))],
        r#"value not converted: invalid type: string "seven", expected u64 at line 1 column 7"#,
    );
}

#[test]
fn what_does_not_fit_fails_the_task() {
    let mut run = Run::of("Chain", (1,));
    run.check(vec![], &["activities.schedule"]);
    run.check_task_failure(vec![Job::TimerFired(9)], "nothing waits for the answer to Timer 9");
    run.check_task_failure(vec![start("Chain", (1,))], "the run was started before");
    let unstarted = Engine::start(TYPES, &mut task(vec![Job::TimerFired(1)])).err().unwrap();
    assert_eq!(unstarted.to_string(), "the first job of a run is not `start`");
    let undecoded = Engine::start(TYPES, &mut task(vec![start("Chain", ("two",))])).err().unwrap();
    assert!(undecoded.to_string().starts_with("arguments of workflow `Chain` not decoded: "), "{undecoded}");
    let unknown = Engine::start(&TYPES[..2], &mut task(vec![start("Nothing", ())])).err().unwrap();
    let expected = "there is no workflow type `Nothing` in this module; there are: Chain, counting";
    assert_eq!(unknown.to_string(), expected);
}

#[test]
fn signals_queries_and_updates() {
    let mut run = Run::of("counting", ("start", 5));
    run.check(vec![signal("add", (2,))], &[]);
    assert_eq!(run.answer("value"), "7");
    assert_eq!(run.answer("fails"), "never");
    assert_eq!(run.answer("nothing"), "query `nothing` has no handler");
    assert_eq!(run.verdict(update("set", (1,))), Ok(()));
    assert_eq!(run.verdict(update("set", (-1,))), Err("negative".to_owned()));
    let undecoded = run.verdict(update("set", ("one",))).unwrap_err();
    assert!(undecoded.starts_with("arguments of update `set` not decoded: "), "{undecoded}");
    assert_eq!(run.verdict(update("nothing", ())), Err("update `nothing` has no handler".to_owned()));
    run.check(vec![Job::Update(update("set", (20,)))], &["workflow.complete_update protocol & [55]"]);
    assert_eq!(run.answer("value"), "20");
    run.check(vec![Job::Update(update("slowly", (3,)))], &["time.start_timer 1000000000"]);
    run.check(vec![signal("later", ())], &["log.write signal `later` has no handler"]);
    run.check(
        vec![Job::TimerFired(1), signal("add", (77,))],
        &["workflow.complete_update Completed & [49, 48, 48]", "workflow.complete [49, 48, 48]"],
    );
    assert_eq!(run.answer("value"), "100");
}

#[test]
fn handlers_that_still_run_are_told_of() {
    let mut run = Run::of("counting", ("start", 5));
    run.check(vec![Job::Update(update("slowly", (3,)))], &["time.start_timer"]);
    run.check(
        vec![signal("add", (95,))],
        &["log.write while 1 signal or update handlers run", "workflow.complete"],
    );
}

#[test]
fn several_at_once() {
    Run::of("Several", ())
        .check(
            vec![],
            &[
                "activities.schedule one",
                "activities.schedule two",
                "activities.schedule three",
                "time.start_timer",
            ],
        )
        .check(vec![completed(2, (2,))], &[])
        .check(vec![completed(3, (3,)), completed(1, (1,))], &["time.cancel_timer (1,)", "time.start_timer"])
        .check(vec![Job::TimerFired(2)], &[r#"workflow.continue_as_new "next""#]);
}

#[test]
fn dynamic_workflows_take_every_name() {
    let mut run = Run::of("Anything", ("a", 1));
    run.check(vec![signal("some signal", (1, 2))], &[r#"workflow.complete"#]);
    assert_eq!(run.answer("a query"), r#""a query of Anything, 2 arguments, some signal 2""#);
}
