//! Whole runs, natively: the tests pass jobs to a workflow instance, and check its calls of the host.

mod handlers;
mod interceptors;
mod test_run;
mod workflows;

use guest_sdk_types::{Failure, IntoPayloads, Payload};

use crate::StartChildWorkflowExecutionFailedCause;
use crate::bindings::workflow::host::activation::{
    ActivityResolution, ActivityResolved, ChildStartResolution, ChildWorkflowStartResolved,
    ContinueAsNewReason, DeploymentVersion, Job, LocalActivityBackoff, NexusStartResolution,
    NexusStartResolved, OutcomeResolved, Query, Resolved, Signal, Start, Task, Update, WorkflowInfo,
};
use crate::bindings::workflow::host::definition::VersioningBehavior;
use crate::bindings::workflow::host::types::Outcome;
use crate::component::definition;
use crate::context::for_tests::info;
use crate::convert::{payload, payloads};
use crate::convert_failure::failure;
use crate::workflow::WorkflowType;
use crate::workflow_instance::WorkflowInstance;

use interceptors::{Calls, Heard};
use test_run::TestRun;
use workflows::{Chain, Counter, Dynamic, Everything, Greedy, Handlers, Late, Several, Waiting};

const TYPES: &[WorkflowType] = &[
    WorkflowType::of::<Chain>(),
    WorkflowType::of::<Counter>(),
    WorkflowType::of::<Several>(),
    WorkflowType::of::<Dynamic>(),
    WorkflowType::of::<Late>(),
    WorkflowType::of::<Everything>(),
    WorkflowType::of::<Greedy>(),
    WorkflowType::of::<Handlers>(),
    WorkflowType::of::<Waiting>(),
    WorkflowType::of::<Calls>(),
    WorkflowType::of::<Heard>(),
];

fn task(jobs: Vec<Job>) -> Task {
    Task {
        time: 1_000_000_000,
        history_length: 3,
        history_size: 100,
        continue_as_new_suggested: true,
        continue_as_new_reasons: vec![ContinueAsNewReason::TooManyHistoryEvents],
        target_deployment_version_changed: false,
        deployment_version: Some(DeploymentVersion {
            deployment_name: "shop".to_owned(),
            build_id: "7".to_owned(),
        }),
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
        first_run_id: "run".to_owned(),
        original_run_id: "run".to_owned(),
        ..info()
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

#[test]
fn activities_one_after_another() {
    TestRun::of("Chain", (2,))
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
    TestRun::of("Chain", (1,))
        .check(vec![], &["activities.schedule"])
        .check(vec![failed(1, declined)], &[r#"workflow.fail "no funds" & "CardDeclined""#]);
}

#[test]
fn a_cancelled_run_ends_as_cancelled() {
    TestRun::of("Chain", (1,))
        .check(vec![], &["activities.schedule"])
        .check(vec![Job::Cancel("enough".to_owned())], &["activities.cancel (1,)"])
        .check(vec![canceled(1)], &["workflow.cancel"]);
}

#[test]
fn an_activity_that_was_cancelled_by_itself_fails_the_run() {
    TestRun::of("Chain", (1,))
        .check(vec![], &["activities.schedule"])
        .check(vec![canceled(1)], &["workflow.fail Canceled"]);
}

#[test]
fn results_of_another_type_fail_the_task() {
    TestRun::of("Chain", (1,)).check(vec![], &["activities.schedule"]).check_task_failure(
        vec![completed(1, ("seven",))],
        r#"value not converted: invalid type: string "seven", expected u64 at line 1 column 7"#,
    );
}

#[test]
fn what_does_not_fit_fails_the_task() {
    let mut run = TestRun::of("Chain", (1,));
    run.check(vec![], &["activities.schedule"]);
    run.check_task_failure(
        vec![Job::TimerFired(9)],
        "a job answers Timer 9, which is not pending in this run",
    );
    run.check_task_failure(vec![start("Chain", (1,))], "the run was started before");
    let unstarted = WorkflowInstance::start(TYPES, &[], &mut task(vec![Job::TimerFired(1)])).err().unwrap();
    assert_eq!(unstarted.to_string(), "the first job of a run is not `start`");
    let undecoded =
        WorkflowInstance::start(TYPES, &[], &mut task(vec![start("Chain", ("two",))])).err().unwrap();
    assert!(undecoded.to_string().starts_with("arguments of workflow `Chain` not decoded: "), "{undecoded}");
    let unknown =
        WorkflowInstance::start(&TYPES[..2], &[], &mut task(vec![start("Nothing", ())])).err().unwrap();
    let expected = "there is no workflow type `Nothing` in this module; there are: Chain, counting";
    assert_eq!(unknown.to_string(), expected);
}

#[test]
fn signals_queries_and_updates() {
    let mut run = TestRun::of("counting", ("start", 5));
    run.check(vec![signal("add", (2,))], &[]);
    assert_eq!(run.answer("value"), "7");
    assert_eq!(run.answer("fails"), "never");
    assert_eq!(run.answer("nothing"), "query `nothing` has no handler; known queries: [fails value]");
    assert_eq!(run.verdict(update("set", (1,))), Ok(()));
    assert_eq!(run.verdict(update("set", (-1,))), Err("negative".to_owned()));
    let undecoded = run.verdict(update("set", ("one",))).unwrap_err();
    assert!(undecoded.starts_with("arguments of update `set` not decoded: "), "{undecoded}");
    let unknown = "update `nothing` has no handler; known updates: [set slowly]";
    assert_eq!(run.verdict(update("nothing", ())), Err(unknown.to_owned()));
    run.check(vec![Job::Update(update("set", (20,)))], &["workflow.complete_update protocol & [55]"]);
    assert_eq!(run.answer("value"), "20");
    run.check(vec![Job::Update(update("slowly", (3,)))], &["time.start_timer 1000000000"]);
    run.check(
        vec![signal("later", (1,))],
        &["log.write signal `later` has no handler & known signals: [add]"],
    );
    run.check(
        vec![Job::TimerFired(1), signal("add", (77,))],
        &["workflow.complete_update Completed & [49, 48, 48]", "workflow.complete [49, 48, 48]"],
    );
    assert_eq!(run.answer("value"), "100");
}

#[test]
fn several_at_once() {
    TestRun::of("Several", ())
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
fn a_timer_that_loses_is_cancelled() {
    TestRun::of("Waiting", ())
        .check(vec![], &["time.start_timer"])
        .check(vec![signal("set", (1,))], &["time.cancel_timer (1,)", "time.start_timer"])
        // The second condition timed out; now one timer is kept in a variable.
        .check(vec![Job::TimerFired(2)], &["time.start_timer", "time.start_timer", "time.start_timer"])
        .check(vec![signal("set", (2,))], &["time.cancel_timer (4,)", "time.cancel_timer (5,)"])
        .check(
            vec![Job::TimerFired(3)],
            &[&format!("workflow.complete {:?}", "\"true true false\"".as_bytes())],
        );
}

#[test]
fn a_double_borrow_of_the_state_names_the_line_of_the_author() {
    thread_local!(static PANIC: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) });
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANIC.set(info.to_string());
        before(info);
    }));
    let run = || {
        TestRun::of("Greedy", ()).check(vec![], &[]);
    };
    std::panic::catch_unwind(run).unwrap_err();
    let panic = PANIC.take();
    assert!(panic.contains("src/tests/workflows.rs:"), "{panic}");
    assert!(panic.contains("`state_mut` within a closure that has the state already"), "{panic}");
}

#[test]
fn dynamic_workflows_take_every_name() {
    let mut run = TestRun::of("Anything", ("a", 1));
    run.check(vec![signal("some signal", (1, 2))], &[r#"workflow.complete"#]);
    assert_eq!(run.answer("a query"), r#""a query of Anything, 2 arguments, some signal 2""#);
}

#[test]
fn signals_are_kept_until_there_is_a_handler() {
    let mut run = TestRun::of("Late", ());
    run.check(
        vec![signal("add", (1,)), signal("other", ()), signal("add", (2,))],
        &["log.write", "log.write", "log.write", "time.start_timer"],
    );
    run.check(vec![Job::TimerFired(1)], &[]);
    assert_eq!(run.answer("values"), "[1,2]");
    run.check(vec![signal("add", (3,))], &["workflow.complete"]);
    assert_eq!(run.answer("values"), "[1,2,3]");
}

#[test]
fn definitions_say_what_becomes_of_open_runs() {
    let behavior = |name: &str| {
        let known = TYPES.iter().find(|known| known.definition.name == name).expect("it is among the types");
        definition(&known.definition, false).versioning_behavior
    };
    assert_eq!(behavior("Chain"), VersioningBehavior::Unspecified);
    assert_eq!(behavior("counting"), VersioningBehavior::AutoUpgrade);
    assert_eq!(behavior("Late"), VersioningBehavior::Pinned);
}

fn child_started(seq: u32) -> Job {
    let resolution = ChildStartResolution::Started("child run".to_owned());
    Job::ChildWorkflowStartResolved(ChildWorkflowStartResolved { seq, resolution })
}

fn child_completed(seq: u32, result: impl IntoPayloads) -> Job {
    let outcome = Outcome::Completed(result.into_payloads().unwrap().pop().map(payload));
    Job::ChildWorkflowResolved(OutcomeResolved { seq, outcome })
}

#[test]
fn children() {
    let mut run = TestRun::of("Everything", ("children",));
    run.check(vec![], &[r#"child_workflows.start workflow-type: "Chain" & workflow-id: "child" & [50]"#]);
    run.check(vec![child_started(1)], &[r#"external_workflows.signal Child("child")"#]);
    run.check(
        vec![Job::ExternalSignalResolved(Resolved { seq: 1, failure: None }), child_completed(1, (9,))],
        &[
            "random.next_u64",
            "random.next_u64",
            r#"child_workflows.start workflow-id: "01000000-0000-4000-8200-000000000000""#,
        ],
    );
    // Start and end may come together.
    run.check(vec![child_started(2), child_completed(2, (8,))], &["child_workflows.start"]);
    let cause = StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists;
    let resolution = ChildStartResolution::Failed(cause);
    run.check(
        vec![Job::ChildWorkflowStartResolved(ChildWorkflowStartResolved { seq: 3, resolution })],
        &["child_workflows.start"],
    );
    // The cancellation is issued once, for the start and the end together.
    run.check(vec![child_started(4)], &[]);
    run.check(vec![Job::Cancel(String::new())], &[r#"child_workflows.cancel (4, "")"#]);
    let outcome = Outcome::Canceled(failure(Failure::canceled("child canceled", vec![])));
    run.check(vec![Job::ChildWorkflowResolved(OutcomeResolved { seq: 4, outcome })], &["workflow.complete"]);
}

#[test]
fn other_workflows() {
    let mut run = TestRun::of("Everything", ("others",));
    run.check(vec![], &[r#"external_workflows.signal workflow-id: "other" & "add""#]);
    let reason = Some(failure(Failure::new("not there")));
    run.check(
        vec![Job::ExternalSignalResolved(Resolved { seq: 1, failure: reason })],
        &[r#"external_workflows.request_cancel "other" & "enough""#],
    );
    run.check(vec![Job::ExternalCancelResolved(Resolved { seq: 1, failure: None })], &["workflow.complete"]);
}

#[test]
fn local_activities_wait_with_a_timer() {
    let mut run = TestRun::of("Everything", ("local",));
    run.check(
        vec![],
        &["activities.schedule_local attempt: 1 & schedule-to-close-timeout: Some(100000000000)"],
    );
    let backoff = LocalActivityBackoff { attempt: 4, backoff: 5, original_schedule_time: Some(1) };
    let resolution = ActivityResolution::Backoff(backoff);
    run.check(
        vec![Job::ActivityResolved(ActivityResolved { seq: 1, resolution })],
        &["time.start_timer start-to-fire-timeout: 5"],
    );
    run.check(
        vec![Job::TimerFired(1)],
        &["activities.schedule_local attempt: 4 & original-schedule-time: Some(1)"],
    );
    let resolution = ActivityResolution::Backoff(backoff);
    run.check(vec![Job::ActivityResolved(ActivityResolved { seq: 2, resolution })], &["time.start_timer"]);
    // Between two attempts there is nothing but the timer to cancel.
    run.check(vec![Job::Cancel(String::new())], &["time.cancel_timer", "workflow.cancel"]);
}

#[test]
fn nexus_operations() {
    let mut run = TestRun::of("Everything", ("nexus",));
    run.check(vec![], &[r#"nexus.schedule endpoint: "endpoint""#]);
    let resolution = NexusStartResolution::StartedAsync("token".to_owned());
    run.check(vec![Job::NexusStartResolved(NexusStartResolved { seq: 1, resolution })], &[]);
    let outcome = Outcome::Completed(Some(payload(Payload::from_json("7"))));
    run.check(vec![Job::NexusResolved(OutcomeResolved { seq: 1, outcome })], &["workflow.complete [55]"]);
}

#[test]
fn the_run_itself() {
    TestRun::of("Everything", ("itself",)).check(
        vec![],
        &[
            "workflow.patched patch & false",
            "workflow.patched old & true",
            r#"workflow.upsert_search_attributes "Amount" & "Gone" & BinaryNull"#,
            r#"workflow.upsert_memo "note" & "gone" & BinaryNull"#,
            "workflow.set_current_details **charging**",
            "random.next_u64 (\"\",)",
            "random.next_u64 dice",
            "metrics.record orders & country",
            r#"log.write "amount", "7" & charged"#,
            "workflow.is_replaying",
            "workflow.complete",
        ],
    );
}

#[test]
fn tokens_reach_what_has_them() {
    TestRun::of("Everything", ("tokens",))
        .check(
            vec![],
            &[
                "activities.schedule",
                "time.start_timer",
                "activities.schedule",
                "time.cancel_timer",
                "activities.cancel (1,)",
                "activities.schedule",
                "activities.cancel (3,)",
            ],
        )
        // The second activity has its own token. Dropped handles are not cancelled.
        .check(vec![Job::Cancel(String::new())], &[])
        .check(vec![completed(2, (2,))], &["workflow.complete"]);
}
