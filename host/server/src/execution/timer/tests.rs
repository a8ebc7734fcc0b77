//! Timers.

use expect_test::expect;

use crate::execution::tests::check;

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
