//! Interceptors: what they see, in which order, and what becomes of what they change.

mod examples;
mod lazy;

use guest_sdk_types::{Failure, NamedPayloads, Payload, RawValue};

pub(super) use self::examples::{Calls, Heard};
use self::examples::{Doubles, Late, Path, Refuses};
use self::lazy::Lazy;
use super::test_run::TestRun;
use super::{TYPES, completed, failed, query, signal, start, task, update};
use crate::bindings::workflow::host::activation::{
    ChildStartResolution, ChildWorkflowStartResolved, Job, OutcomeResolved,
};
use crate::bindings::workflow::host::types::Outcome;
use crate::component::definition;
use crate::convert::{named_payloads, payload};
use crate::workflow_instance::WorkflowInstance;
use crate::workflow_interceptors::{PropagatedHeaders, WorkflowInterceptorConstructor};

macro_rules! chain {
    ($($interceptor:expr),*) => {
        const { &[$(WorkflowInterceptorConstructor::new(|_| std::rc::Rc::new($interceptor))),*] }
    };
}

fn run(workflow_type: &str, part: &str, chain: &[WorkflowInterceptorConstructor]) -> TestRun {
    let mut start = start(workflow_type, (part,));
    if let Job::Start(start) = &mut start {
        start.info.headers = named_payloads(path(">"));
    }
    TestRun::started(start, &[chain])
}

fn path(path: &str) -> NamedPayloads {
    [("path".to_owned(), Payload::from_value(path).unwrap())].into()
}

/// The header as the recorder writes it.
fn recorded(path: &str) -> String {
    format!("\"path\" & {:?}", format!("\"{path}\"").as_bytes())
}

#[test]
fn outbound_calls_meet_the_last_interceptor_first() {
    let expected = [
        "time.start_timer 1000000000 & [34, 98, 97, 34]".to_owned(),
        format!("activities.schedule {}", recorded("ba")),
        format!("activities.schedule_local {}", recorded("ba")),
        format!("child_workflows.start \"child\" & {}", recorded("ba")),
        format!("external_workflows.signal \"other\" & {}", recorded("ba")),
        "external_workflows.request_cancel \"other\" & enough ba".to_owned(),
        "nexus.schedule (\"path\", \"ba\")".to_owned(),
        format!("workflow.continue_as_new {}", recorded("ba")),
    ];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    run("Calls", "all", chain![Path("a"), Path("b")]).check(vec![], &expected);
}

/// The workflow drops all futures of these calls without a poll.
#[test]
fn calls_go_out_when_they_are_made() {
    run("Calls", "all", chain![Lazy]).check(
        vec![],
        &[
            "time.start_timer",
            "activities.schedule",
            "activities.schedule_local",
            "child_workflows.start",
            "external_workflows.signal",
            "external_workflows.request_cancel",
            "nexus.schedule",
            "workflow.continue_as_new",
        ],
    );
}

#[test]
fn inbound_calls_meet_the_first_interceptor_first() {
    let mut run = run("Heard", "", chain![Path("a"), Path("b")]);
    run.check(vec![], &[]);
    assert_eq!(run.answer("heard"), r#"["init >ab","run >ab","? ab"]"#);
    let mut said = signal("say", ("hello",));
    if let Job::Signal(said) = &mut said {
        said.headers = named_payloads(path("from a client "));
    }
    run.check(vec![said], &[]);
    run.check(
        vec![Job::Update(update("say_too", ("bye",)))],
        &[&format!("workflow.complete_update Completed & {:?}", "\"bye ab!\"".as_bytes())],
    );
    let expected = r#"["init >ab","run >ab","hello from a client ab","bye ab","? ab"]"#;
    assert_eq!(run.answer("heard"), expected);
    assert_eq!(run.verdict(update("say_too", ("",))), Err("nothing is said to ab".to_owned()));
    assert_eq!(run.verdict(update("say_too", ("much",))), Ok(()));
}

#[test]
fn unknown_and_reserved_names_do_not_reach_interceptors() {
    let mut run = run("Heard", "", chain![Refuses("query"), Refuses("validate"), Refuses("update")]);
    run.check(vec![], &[]);
    assert_eq!(run.answer("nothing"), "query `nothing` has no handler; known queries: [heard]");
    assert!(run.answer("__temporal_workflow_metadata").starts_with(r#"{"currentDetails""#));
    let unknown = "update `nothing` has no handler; known updates: [say_too]";
    assert_eq!(run.verdict(update("nothing", ())), Err(unknown.to_owned()));
    run.check_task_failure(vec![Job::Update(update("nothing", ()))], unknown);
}

#[test]
fn an_error_of_an_interceptor_is_the_answer_to_the_call() {
    let refused = |hook: &'static str| -> TestRun {
        match hook {
            "execute" => run("Heard", "", chain![Refuses("execute")]),
            "signal" => run("Heard", "", chain![Refuses("signal")]),
            "query" => run("Heard", "", chain![Refuses("query")]),
            "validate" => run("Heard", "", chain![Refuses("validate")]),
            "update" => run("Heard", "", chain![Refuses("update")]),
            _ => run("Calls", "activity", chain![Refuses("activity")]),
        }
    };
    refused("execute").check(vec![], &[r#"workflow.fail "execute refused""#]);
    refused("signal").check_task_failure(vec![signal("say", ("x",))], "signal refused");
    assert_eq!(refused("query").answer("heard"), "query refused");
    assert_eq!(refused("validate").verdict(update("say_too", ("x",))), Err("validate refused".to_owned()));
    refused("update").check(
        vec![Job::Update(update("say_too", ("x",)))],
        &[r#"workflow.complete_update Failed & "update refused""#],
    );
    // The activity is not scheduled, and the workflow gets the error from the handle.
    refused("activity").check(vec![], &[r#"workflow.fail "activity refused""#]);
}

#[test]
fn an_interceptor_may_wait_before_it_goes_on() {
    let mut run = run("Heard", "", chain![Late, Path("a")]);
    run.check(vec![], &["time.start_timer"]);
    assert_eq!(run.answer("heard"), r#"["init >a","? a"]"#);
    run.check(vec![signal("say", ("hello",))], &["time.start_timer"]);
    run.check(vec![Job::TimerFired(1)], &[]);
    assert_eq!(run.answer("heard"), r#"["init >a","run >a","? a"]"#);
    run.check(vec![Job::TimerFired(2)], &[]);
    assert_eq!(run.answer("heard"), r#"["init >a","run >a","hello a","? a"]"#);
    // It is a handler that has not ended.
    run.check(vec![signal("say", ("more",))], &["time.start_timer"]);
    run.check(
        vec![signal("stop", ()), Job::TimerFired(4)],
        &["time.start_timer", "log.write while handlers run: signal `say`; wait", "workflow.complete"],
    );
}

/// The other signals of the task are handled before, with interceptors as without: open runs of a module stay
/// replayable when it gets some.
#[test]
fn bodies_of_async_handlers_begin_after_all_jobs() {
    let mut run = TestRun::of("Heard", ("",));
    run.check(vec![signal("hear", ("one",)), signal("say", ("two",))], &[]);
    assert_eq!(run.answer("heard"), r#"["init ","two","one","run "]"#);
}

#[test]
fn results_pass_through_interceptors() {
    let mut doubled = run("Calls", "activity", chain![Doubles]);
    doubled.check(vec![], &["activities.schedule"]);
    doubled.check(vec![completed(1, (4,))], &["workflow.complete [56]"]);
    let mut failing = run("Calls", "activity", chain![Doubles]);
    failing.check(vec![], &["activities.schedule"]);
    failing.check(
        vec![failed(1, Failure::application("", "no funds").build())],
        &[r#"workflow.fail "no funds""#],
    );
    let mut child = run("Calls", "child", chain![Doubles]);
    child.check(vec![], &["child_workflows.start"]);
    let resolution = ChildStartResolution::Started("run".to_owned());
    let outcome = Outcome::Completed(Some(payload(Payload::from_json("4"))));
    child.check(
        vec![
            Job::ChildWorkflowStartResolved(ChildWorkflowStartResolved { seq: 1, resolution }),
            Job::ChildWorkflowResolved(OutcomeResolved { seq: 1, outcome }),
        ],
        &["workflow.complete [56]"],
    );
}

#[test]
fn cancellation_reaches_what_is_intercepted() {
    let mut handles = run("Calls", "cancel", chain![Doubles]);
    handles.check(
        vec![],
        &[
            "activities.schedule",
            "activities.schedule_local",
            "child_workflows.start",
            "time.start_timer",
            "activities.cancel (1,)",
            "activities.cancel (2,)",
            "child_workflows.cancel (1, \"enough\")",
            "time.cancel_timer (1,)",
            "workflow.complete",
        ],
    );
    let mut token = run("Calls", "activity", chain![Doubles]);
    token.check(vec![], &["activities.schedule"]);
    token.check(vec![Job::Cancel(String::new())], &["activities.cancel (1,)"]);
}

#[test]
fn what_interceptors_break_fails_the_task() {
    let start_of = |workflow_type, argument: &str, chain| {
        let mut task = task(vec![start(workflow_type, RawValue(vec![Payload::from_json(argument)]))]);
        let started = WorkflowInstance::start(TYPES, chain, &mut task);
        started.and_then(|mut instance| instance.activate(task)).unwrap_err().to_string()
    };
    let forgotten = start_of("Heard", "\"\"", chain![Refuses("initialize")]);
    assert_eq!(forgotten, "an interceptor's `initialize_workflow` did not call `next`");
    // One of them has an `#[init]` method, which decodes the arguments first.
    for (workflow_type, argument) in [("Heard", "1"), ("Chain", "\"two\"")] {
        let undecoded = start_of(workflow_type, argument, chain![Path("a")]);
        let expected = format!("arguments of workflow `{workflow_type}` not decoded: ");
        assert!(undecoded.starts_with(&expected), "{undecoded}");
    }
}

#[test]
fn each_run_has_its_own_interceptors() {
    let run_id = WorkflowInterceptorConstructor::new(|view| {
        std::rc::Rc::new(Path(if view.run_id() == "run" { "r" } else { "?" }))
    });
    let started = start("Heard", ("",));
    let instance = WorkflowInstance::start(TYPES, &[run_id], &mut task(vec![started])).unwrap();
    let answer = instance.query(query("heard")).unwrap();
    assert_eq!(String::from_utf8(answer.data).unwrap(), r#"["init r","? r"]"#);
}

#[test]
fn headers_are_propagated() {
    let propagates = WorkflowInterceptorConstructor::new(|run| {
        std::rc::Rc::new(PropagatedHeaders::new(run, &["path", "absent"]))
    });
    let check = |chain: &[WorkflowInterceptorConstructor], expected: &str| {
        let mut start = start("Calls", ("all",));
        if let Job::Start(start) = &mut start {
            let mut headers = path(">");
            headers.insert("other".to_owned(), Payload::null());
            start.info.headers = named_payloads(headers);
        }
        let headers = format!("headers: {:?}", named_payloads(path(expected)));
        let expected: Vec<String> = [
            "time.start_timer".to_owned(),
            format!("activities.schedule {headers}"),
            format!("activities.schedule_local {headers}"),
            format!("child_workflows.start {headers}"),
            format!("external_workflows.signal {headers}"),
            "external_workflows.request_cancel".to_owned(),
            "nexus.schedule".to_owned(),
            format!("workflow.continue_as_new {headers}"),
        ]
        .into();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        TestRun::started(start, &[chain]).check(vec![], &expected);
    };
    check(&[propagates], ">");
    // What a call has of its own stays.
    check(&[propagates, WorkflowInterceptorConstructor::new(|_| std::rc::Rc::new(Path("own")))], "own");
}

/// The host does not ask about updates without a validator, because nothing could refuse them.
#[test]
fn every_update_of_a_module_with_interceptors_is_validated() {
    let counting = TYPES.iter().find(|known| known.definition.name == "counting").unwrap();
    let validated = |intercepted| {
        let updates = definition(&counting.definition, intercepted).updates;
        updates.into_iter().map(|update| (update.name, update.has_validator)).collect::<Vec<_>>()
    };
    let expected = |slowly| vec![("set".to_owned(), true), ("slowly".to_owned(), slowly)];
    assert_eq!((validated(false), validated(true)), (expected(false), expected(true)));
}
