//! Workflow tasks: normal, transient, sticky; buffered events.

use expect_test::expect;

use crate::execution::tests::{check, script::Script};

#[test]
fn a_run_from_start_to_end() {
    check(
        "start\npoll\ncomplete complete",
        expect![[r#"
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn events_wait_for_the_started_task_and_results_come_last() {
    check(
        "start\npoll\ncomplete activity:a timer:t:5\ntake a\nsignal one\npoll\ndone a\nsignal two\n+5\ncomplete",
        expect![[r#"
            take: a attempt 1: true
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
              6 TimerStarted t
              7 WorkflowExecutionSignaled one
              8 WorkflowTaskScheduled attempt 1 on queue
              9 WorkflowTaskStarted of 8
              10 WorkflowTaskCompleted of 8,9
              11 ActivityTaskStarted of 5 attempt 1
              12 WorkflowExecutionSignaled two
              13 TimerFired t of 6
              14 ActivityTaskCompleted of 5,11
              15 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn a_run_does_not_close_over_what_it_has_not_seen() {
    check(
        "start\npoll\nsignal one\ncomplete complete\npoll\nsignal two\ncomplete complete",
        expect![[r#"
        complete: InvalidArgument: UnhandledCommand
        signal: Exhausted: workflow operation can not be applied because workflow is closing
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed UnhandledCommand
          5 WorkflowExecutionSignaled one
          6 WorkflowTaskScheduled attempt 1 on queue
          7 WorkflowTaskStarted of 6
          8 WorkflowTaskCompleted of 6,7
          9 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn later_attempts_leave_no_events() {
    check(
        "start\npoll\nfail\npoll\nfail\npoll\ncomplete complete",
        expect![[r#"
        poll: shown besides: 5 WorkflowTaskScheduled attempt 2 on queue, 6 WorkflowTaskStarted of 5
        poll: shown besides: 5 WorkflowTaskScheduled attempt 3 on queue, 6 WorkflowTaskStarted of 5
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
          5 WorkflowTaskScheduled attempt 3 on queue
          6 WorkflowTaskStarted of 5
          7 WorkflowTaskCompleted of 5,6
          8 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn news_make_a_transient_task_normal() {
    check(
        "start\npoll\nfail\nsignal one\npoll\ncomplete",
        expect![[r#"
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
          5 WorkflowExecutionSignaled one
          6 WorkflowTaskScheduled attempt 1 on queue
          7 WorkflowTaskStarted of 6
          8 WorkflowTaskCompleted of 6,7
    "#]],
    );
}

#[test]
fn a_worker_that_is_gone_times_out() {
    check(
        "start\npoll\n+10\npoll\n+10\npoll\ncomplete complete",
        expect![[r#"
        poll: shown besides: 5 WorkflowTaskScheduled attempt 2 on queue, 6 WorkflowTaskStarted of 5
        poll: shown besides: 5 WorkflowTaskScheduled attempt 3 on queue, 6 WorkflowTaskStarted of 5
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskTimedOut StartToClose
          5 WorkflowTaskScheduled attempt 3 on queue
          6 WorkflowTaskStarted of 5
          7 WorkflowTaskCompleted of 5,6
          8 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn a_sticky_queue_without_worker_is_given_up() {
    check(
        "start\npoll\ncomplete-sticky\nsignal one\n+5\npoll\ncomplete complete",
        expect![[r#"
        task on sticky queue sticky
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionSignaled one
          6 WorkflowTaskScheduled attempt 1 on sticky
          7 WorkflowTaskTimedOut ScheduleToStart
          8 WorkflowTaskScheduled attempt 1 on queue
          9 WorkflowTaskStarted of 8
          10 WorkflowTaskCompleted of 8,9
          11 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn a_failure_on_a_sticky_queue_counts_as_the_first() {
    check(
        "start\npoll\ncomplete-sticky\nsignal one\npoll\nfail\npoll\ncomplete complete",
        expect![[r#"
        task on sticky queue sticky
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionSignaled one
          6 WorkflowTaskScheduled attempt 1 on sticky
          7 WorkflowTaskStarted of 6
          8 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
          9 WorkflowTaskScheduled attempt 1 on queue
          10 WorkflowTaskStarted of 9
          11 WorkflowTaskCompleted of 9,10
          12 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn a_bad_command_leaves_nothing_of_the_completion() {
    check(
        "start\npoll\ncomplete timer:a:1 timer:a:1\npoll\ncomplete timer:a:1 timer:a:1\ncomplete complete marker:m",
        expect![[r#"
            complete: InvalidArgument: StartTimerDuplicateId: timer already exists: a
            poll: shown besides: 5 WorkflowTaskScheduled attempt 2 on queue, 6 WorkflowTaskStarted of 5
            complete: InvalidArgument: StartTimerDuplicateId: timer already exists: a
            complete: InvalidArgument: Invalid command sequence: a command that closes the workflow must be the last.
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed StartTimerDuplicateId
              task started, attempt 2
        "#]],
    );
}

#[test]
fn a_task_can_ask_for_the_next() {
    check(
        "start\npoll\ncomplete --force --return marker:m\ncomplete complete",
        expect![[r#"
        complete: next task in the answer
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 MarkerRecorded
          6 WorkflowTaskScheduled attempt 1 on queue
          7 WorkflowTaskStarted of 6
          8 WorkflowTaskCompleted of 6,7
          9 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn heartbeats_of_a_task_come_to_an_end() {
    let mut script = Script::default();
    script.line("start");
    script.line("poll");
    for _ in 0..200 {
        script.line("+9");
        script.line("complete --force --return");
    }
    script.line("+9");
    script.line("complete --force --return");
    script.check_recovery();
    let printed = script.print();
    let refused = printed.lines().filter(|line| line.contains("workflow task heartbeat timeout")).count();
    assert_eq!(refused, 1, "{printed}");
    assert!(printed.contains("603 WorkflowTaskStarted of 602\n  604 WorkflowTaskTimedOut"), "{printed}");
    assert!(printed.ends_with("task scheduled, attempt 2\n"), "{printed}");
}

#[test]
fn stale_tokens_are_refused() {
    check(
        "start\npoll\ncomplete\ncomplete complete\nsignal x\npoll\n+10\ncomplete",
        expect![[r#"
        complete: NotFound: Workflow task not found.
        complete: NotFound: Workflow task not found.
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionSignaled x
          6 WorkflowTaskScheduled attempt 1 on queue
          7 WorkflowTaskStarted of 6
          8 WorkflowTaskTimedOut StartToClose
          task scheduled, attempt 2
    "#]],
    );
}
