//! Paused, reset and changed activities.

use expect_test::expect;

use crate::execution::tests::check;

#[test]
fn a_paused_activity_has_no_attempts() {
    check(
        "start\npoll\ncomplete activity:a:run=5\npause a\ntake a\n+100\nunpause a\ntake a\ndone a",
        expect![[r#"
            take: a attempt 1: false
            take: a attempt 1: true
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 5 beat 0
              6 ActivityTaskStarted of 5 attempt 1
              7 ActivityTaskCompleted of 5,6
              8 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn an_attempt_goes_on_when_its_activity_is_paused() {
    check(
        "start\npoll\ncomplete activity:a:run=5:attempts=2\ntake a\npause a\nbeat a\n+100\nerror a\n+100\ntake a\nunpause a attempts beat\ntake a\nerror a\n+2\ntake a\nerror a",
        expect![[r#"
            take: a attempt 1: true
            beat: cancel requested: false, paused: true, reset: false
            take: a attempt 2: false
            take: a attempt 1: true
            take: a attempt 2: true
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 5 beat 0
              6 ActivityTaskStarted of 5 attempt 2
              7 ActivityTaskFailed of 5,6 MaximumAttemptsReached
              8 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn a_reset_begins_with_the_first_attempt() {
    check(
        "start\npoll\ncomplete activity:a:run=50:attempts=3\ntake a\nerror a\n+5\ntake a\nbeat a half\nanew a beat\nbeat a more\nerror a\n+9\ntake a\npause a\nanew a paused\nerror a\nanew a paused\ntake a\nanew a\ntake a\ndone a",
        expect![[r#"
            take: a attempt 1: true
            take: a attempt 2: true
            beat: cancel requested: false
            beat: cancel requested: false, paused: false, reset: true
            take: a attempt 2: true
            take: a attempt 1: false
            take: a attempt 1: true
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 50 beat 0
              6 ActivityTaskStarted of 5 attempt 1
              7 ActivityTaskCompleted of 5,6
              8 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn options_change_for_the_next_attempt() {
    check(
        "start\npoll\ncomplete activity:a:run=50:attempts=2\noptions a run=2 attempts=1\ntake a\n+2",
        expect![[r#"
            take: a attempt 1: true
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 50 beat 0
              6 ActivityTaskStarted of 5 attempt 1
              7 ActivityTaskTimedOut of 5,6 MaximumAttemptsReached: activity StartToClose timeout
              8 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
    check(
        "start\npoll\ncomplete activity:a:run=50\ntake a\nerror a\noptions a interval=20\n+5\ntake a\n+15\ntake a\noptions a run=0\nanew a options",
        expect![[r#"
            take: a attempt 1: true
            take: a attempt 2: false
            take: a attempt 2: true
            options: InvalidArgument: A valid StartToClose or ScheduleToCloseTimeout is not set on request.
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 50 beat 0
        "#]],
    );
    check(
        "start\npoll\ncomplete activity:a\npause b\noptions b run=1\nunpause b\nanew b",
        expect![[r#"
        pause: NotFound: Can't find pending activity with such ID. Invalid activityID or activity already completed
        options: NotFound: Can't find pending activity with such ID. Invalid activityID or activity already completed
        unpause: NotFound: Can't find pending activity with such ID. Invalid activityID or activity already completed
        anew: NotFound: Can't find pending activity with such ID. Invalid activityID or activity already completed
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
    "#]],
    );
}
