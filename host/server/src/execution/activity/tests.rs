//! Activities.

use expect_test::expect;

use crate::execution::tests::check;

#[test]
fn an_activity_from_schedule_to_end() {
    check(
        "start\npoll\ncomplete activity:a\ntake a\ndone a\npoll\ncomplete complete",
        expect![[r#"
        take: a attempt 1: true
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
          6 ActivityTaskStarted of 5 attempt 1
          7 ActivityTaskCompleted of 5,6
          8 WorkflowTaskScheduled attempt 1 on queue
          9 WorkflowTaskStarted of 8
          10 WorkflowTaskCompleted of 8,9
          11 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn only_the_last_attempt_is_in_the_history() {
    check(
        "start\npoll\ncomplete activity:a\ntake a\nerror a\ntake a\n+1\ntake a\nerror a\n+2\ntake a\ndone a",
        expect![[r#"
            take: a attempt 1: true
            take: a attempt 2: false
            take: a attempt 2: true
            take: a attempt 3: true
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
              6 ActivityTaskStarted of 5 attempt 3
              7 ActivityTaskCompleted of 5,6
              8 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn failures_that_are_not_retried() {
    check(
        "start\npoll\ncomplete activity:a activity:b:attempts=2\ntake a\nerror a Never\ntake b\nerror b\n+1\ntake b\nerror b",
        expect![[r#"
            take: a attempt 1: true
            take: b attempt 1: true
            take: b attempt 2: true
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
              6 ActivityTaskScheduled b close 0 start 0 run 10 beat 0
              7 ActivityTaskStarted of 5 attempt 1
              8 ActivityTaskFailed of 5,7 NonRetryableFailure
              9 WorkflowTaskScheduled attempt 1 on queue
              10 ActivityTaskStarted of 6 attempt 2
              11 ActivityTaskFailed of 6,10 MaximumAttemptsReached
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn every_timeout() {
    check(
        "start run=100\npoll\ncomplete activity:s:start=2 activity:c:close=3 activity:r:run=4:attempts=1 activity:h:beat=5:attempts=1\ntake r\ntake h\n+1\nbeat h\n+6",
        expect![[r#"
            take: r attempt 1: true
            take: h attempt 1: true
            beat: cancel requested: false
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled s close 100 start 2 run 10 beat 0
              6 ActivityTaskScheduled c close 3 start 3 run 3 beat 0
              7 ActivityTaskScheduled r close 100 start 100 run 4 beat 0
              8 ActivityTaskScheduled h close 100 start 100 run 10 beat 5
              9 ActivityTaskTimedOut of 5,0 NonRetryableFailure: activity ScheduleToStart timeout
              10 WorkflowTaskScheduled attempt 1 on queue
              11 ActivityTaskTimedOut of 6,0 NonRetryableFailure: activity ScheduleToStart timeout
              12 ActivityTaskStarted of 7 attempt 1
              13 ActivityTaskTimedOut of 7,12 MaximumAttemptsReached: activity StartToClose timeout
              14 ActivityTaskStarted of 8 attempt 1
              15 ActivityTaskTimedOut of 8,14 MaximumAttemptsReached: activity Heartbeat timeout
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn timeouts_fill_each_other_in() {
    check(
        "start run=100\npoll\ncomplete activity:a activity:b:close=5 activity:c:close=500:start=7:beat=20\nterminate",
        expect![[r#"
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 100 start 100 run 10 beat 0
              6 ActivityTaskScheduled b close 5 start 5 run 5 beat 0
              7 ActivityTaskScheduled c close 100 start 7 run 10 beat 10
              8 WorkflowExecutionTerminated
        "#]],
    );
}

#[test]
fn an_attempt_that_times_out_is_followed_by_another_until_there_is_no_time() {
    check(
        "start\npoll\ncomplete activity:a:run=2:close=6\ntake a\n+2\n+1\ntake a\n+3",
        expect![[r#"
        take: a attempt 1: true
        take: a attempt 2: true
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 ActivityTaskScheduled a close 6 start 6 run 2 beat 0
          6 ActivityTaskStarted of 5 attempt 2
          7 ActivityTaskTimedOut of 5,6 Timeout: activity ScheduleToClose timeout
          8 WorkflowTaskScheduled attempt 1 on queue
          task scheduled, attempt 1
    "#]],
    );
}

#[test]
fn cancelling_before_and_after_a_worker_has_it() {
    check(
        "start\npoll\ncomplete activity:a activity:b\ntake b\ncanceled b\nsignal s\npoll\ncomplete cancel-activity:5 cancel-activity:6\nbeat b\ncanceled b",
        expect![[r#"
            take: b attempt 1: true
            canceled: InvalidArgument: ActivityTask is not cancel requested.
            beat: cancel requested: true
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
              6 ActivityTaskScheduled b close 0 start 0 run 10 beat 0
              7 WorkflowExecutionSignaled s
              8 WorkflowTaskScheduled attempt 1 on queue
              9 WorkflowTaskStarted of 8
              10 WorkflowTaskCompleted of 8,9
              11 ActivityTaskCancelRequested
              12 ActivityTaskCancelRequested
              13 ActivityTaskCanceled of 5,0
              14 WorkflowTaskScheduled attempt 1 on queue
              15 ActivityTaskStarted of 6 attempt 1
              16 ActivityTaskCanceled of 6,15
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn eager_activities_come_with_the_answer() {
    check(
        "start\npoll\ncomplete activity:a:eager=1\ntake a\ndone a",
        expect![[r#"
        complete: eager activities [5]
        take: a attempt 1: false
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
          6 ActivityTaskStarted of 5 attempt 1
          7 ActivityTaskCompleted of 5,6
          8 WorkflowTaskScheduled attempt 1 on queue
          task scheduled, attempt 1
    "#]],
    );
}

#[test]
fn what_a_command_must_say() {
    check(
        "start\npoll\ncomplete activity:\npoll\n+10\npoll\ncomplete activity:a:run=0\ncomplete activity:a activity:a",
        expect![[r#"
            complete: InvalidArgument: BadScheduleActivityAttributes: ActivityId is not set on ScheduleActivityTaskCommand.
            poll: shown besides: 5 WorkflowTaskScheduled attempt 2 on queue, 6 WorkflowTaskStarted of 5
            poll: shown besides: 5 WorkflowTaskScheduled attempt 3 on queue, 6 WorkflowTaskStarted of 5
            complete: InvalidArgument: BadScheduleActivityAttributes: A valid StartToClose or ScheduleToCloseTimeout is not set on command. ActivityId=a
            complete: InvalidArgument: ScheduleActivityDuplicateId: activity ID already exists: a
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed BadScheduleActivityAttributes
              task started, attempt 3
        "#]],
    );
}
