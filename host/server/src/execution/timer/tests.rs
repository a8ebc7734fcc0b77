//! Timers.

use expect_test::expect;

use crate::execution::tests::{check, script::Script};

/// A run with tens of thousands of timers does not keep other callers out: a transition fires some of them.
#[test]
fn a_transition_fires_a_bounded_number_of_timers() {
    let mut script = Script::default();
    let timers: Vec<_> = (0..600).map(|number| format!("timer:{number}:5")).collect();
    for line in ["start", "poll", &format!("complete {}", timers.join(" "))] {
        script.line(line);
    }
    let before = script.kept().records().len();
    script.line("+5");
    assert_eq!(script.kept().records().len() - before, 3, "transitions for 600 timers");
}

#[test]
fn a_timer_fires() {
    check(
        "start\npoll\ncomplete timer:t:5\n+4\n+1\npoll\ncomplete complete",
        expect![[r#"
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 TimerStarted t
          6 TimerFired t of 5
          7 WorkflowTaskScheduled attempt 1 on queue
          8 WorkflowTaskStarted of 7
          9 WorkflowTaskCompleted of 7,8
          10 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn a_timer_of_no_time_fires_at_once() {
    check(
        "start\npoll\ncomplete timer:zero:0 timer:absent\n+0\npoll\ncomplete complete",
        expect![[r#"
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 TimerStarted zero
              6 TimerStarted absent
              7 TimerFired zero of 5
              8 WorkflowTaskScheduled attempt 1 on queue
              9 TimerFired absent of 6
              10 WorkflowTaskStarted of 8
              11 WorkflowTaskCompleted of 8,10
              12 WorkflowExecutionCompleted
        "#]],
    );
}

#[test]
fn a_timer_that_fired_unseen_can_be_cancelled() {
    check(
        "start\npoll\ncomplete timer:t:5\nsignal one\npoll\n+5\ncomplete cancel-timer:t complete",
        expect![[r#"
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 TimerStarted t
              6 WorkflowExecutionSignaled one
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskCompleted of 7,8
              10 TimerCanceled t of 5
              11 WorkflowExecutionCompleted
        "#]],
    );
}
