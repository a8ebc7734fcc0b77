//! Runs that close, and the runs that follow them.

use expect_test::expect;

use crate::execution::tests::{check, script::Script};

#[test]
fn a_run_times_out() {
    check(
        "start run=5\npoll\nsignal one\n+5",
        expect![[r#"
        w TimedOut
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed ForceCloseCommand
          5 WorkflowExecutionSignaled one
          6 WorkflowExecutionTimedOut RetryPolicyNotSet
    "#]],
    );
}

#[test]
fn a_run_that_fails_is_followed_by_its_next_attempt() {
    check(
        "start attempts=2\npoll\ncomplete fail\n+1\npoll\ncomplete fail",
        expect![[r#"
        w Failed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionFailed InProgress
        w Failed
          1 WorkflowExecutionStarted attempt 2 continued
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionFailed MaximumAttemptsReached
    "#]],
    );
}

#[test]
fn continuing_as_new() {
    check(
        "start\n+3\npoll\ncomplete continue\npoll\ncomplete continue\n+1\npoll\ncomplete complete",
        expect![[r#"
            w ContinuedAsNew
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionContinuedAsNew
            w ContinuedAsNew
              1 WorkflowExecutionStarted attempt 1 continued
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionContinuedAsNew
            w Completed
              1 WorkflowExecutionStarted attempt 1 continued
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
        "#]],
    );
}

#[test]
fn a_run_with_too_large_a_history_is_terminated() {
    let mut script = Script::default();
    let markers = format!("complete --force --return{}", " marker:m".repeat(1_000));
    script.line("start");
    script.line("poll");
    for _ in 0..51 {
        script.line(&markers);
        script.line("+0");
    }
    assert!(script.is_open("w"), "51,200 events are allowed");
    script.line(&markers);
    script.line("+0");
    script.check_recovery();
    let printed = script.print();
    assert!(printed.contains("w Terminated"));
    assert!(
        printed.ends_with("WorkflowTaskFailed ForceCloseCommand\n  52161 WorkflowExecutionTerminated\n"),
        "{}",
        &printed[printed.len() - 300..]
    );
}
