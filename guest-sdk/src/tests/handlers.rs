//! Handlers: what they are told, what becomes of calls that no handler takes, and of handlers that do not end.

use super::workflows::{Counter, Handlers};
use super::{TestRun, signal, update};
use crate::bindings::workflow::host::activation::Job;
use crate::{SyncWorkflowContext, WorkflowContextView};

#[test]
fn handlers_that_still_run_are_told_of() {
    let mut run = TestRun::of("counting", ("start", 5));
    run.check(vec![Job::Update(update("slowly", (3,)))], &["time.start_timer"]);
    run.check(
        vec![signal("add", (95,))],
        &["log.write while handlers run: update `slowly` (id `update`); wait", "workflow.complete"],
    );
}

const DROPPED: &str =
    r#"log.write signal `add` is dropped: its arguments were not decoded: invalid type: string \"four\""#;
const COUNTED: &str = r#"metrics.record corrupted_signals & "signal_name", "add""#;

#[test]
fn signals_that_do_not_decode_are_dropped_and_counted() {
    let mut run = TestRun::of("counting", ("start", 5));
    run.check(vec![signal("add", ("four",)), signal("add", (1,))], &[DROPPED, COUNTED]);
    assert_eq!(run.answer("value"), "6");
    let mut late = TestRun::of("Late", ());
    late.check(vec![], &["time.start_timer"]).check(vec![Job::TimerFired(1)], &[]);
    late.check(vec![signal("add", ("four",)), signal("add", (1,))], &[DROPPED, COUNTED]);
    assert_eq!(late.answer("values"), "[1]");
}

#[test]
fn signals_of_a_strict_handler_fail_the_task() {
    let mut run = TestRun::of("Handlers", ());
    run.check_task_failure(
        vec![signal("only numbers", ("four",))],
        r#"arguments of signal `only numbers` not decoded: invalid type: string "four", expected u8 at line 1 column 6"#,
    );
}

#[test]
fn handlers_that_may_be_abandoned_are_not_told_of() {
    let mut run = TestRun::of("Handlers", ());
    run.check(vec![signal("pause", ())], &["time.start_timer"]);
    run.check(vec![signal("only numbers", (1,))], &["workflow.complete"]);
}

#[test]
fn dynamic_handlers_do_not_get_reserved_names() {
    let mut run = TestRun::of("Dynamic", (1,));
    assert_eq!(
        run.answer("__temporal_unknown"),
        "query `__temporal_unknown` has no handler; known queries: []"
    );
    run.check(vec![signal("__temporal_unknown", ())], &["log.write has no handler"]);
}

#[test]
fn user_interfaces_learn_what_there_is() {
    let run = TestRun::of("counting", ("start", 5));
    let expected =
        r#"{"currentDetails":"","definition":{"queryDefinitions":[{"name":"fails"},{"name":"value"}],"#;
    let answer = run.answer("__temporal_workflow_metadata");
    assert!(answer.starts_with(expected), "{answer}");

    let run = TestRun::of("Handlers", ());
    let described = concat!(
        r#""signalDefinitions":[{"description":"Takes numbers only.","name":"only numbers"},"#,
        r#"{"description":"Waits a while, and then changes nothing.","name":"pause"}]"#,
    );
    let answer = run.answer("__temporal_workflow_metadata");
    assert!(answer.contains(described), "{answer}");
}

/// Where a run waits for its condition: the host asks for it.
#[test]
fn conditions_are_in_the_stack() {
    let mut run = TestRun::of("Handlers", ());
    run.check(vec![], &[]);
    let stack = run.answer("__stack_trace");
    let lines = include_str!("workflows.rs").lines();
    let waits = lines.clone().position(|line| line.contains("ctx.wait_condition(|state| state.0 > 0)"));
    assert_eq!(stack, format!("[[\"guest-sdk/src/tests/workflows.rs\",{}]]", waits.unwrap() + 1));
    run.check(vec![signal("only numbers", (7,))], &["workflow.complete"]);
    assert_eq!(run.answer("__stack_trace"), "[]");
}

/// Without a run, as a unit test of an author has it.
#[test]
fn handlers_are_called_alone() {
    let mut state = Handlers::default();
    Handlers::numbers.call(&mut state, &mut SyncWorkflowContext::for_tests(), 7);
    let view = WorkflowContextView::for_tests();
    let mut counter = Counter::new(&view, "start".to_owned(), 5);
    Counter::add.call(&mut counter, &mut SyncWorkflowContext::for_tests(), 2);
    assert_eq!(Counter::value.call(&counter, &view), 7);
}
