//! Starting, signalling, ending runs.

use expect_test::expect;

use crate::execution::tests::check;

#[test]
fn one_request_starts_once() {
    check(
        "start request=r\nstart request=r\nterminate\nstart request=r",
        expect![[r#"
        start: run 0 started=true
        start: run 0 started=true
        w Terminated
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowExecutionTerminated
    "#]],
    );
}

#[test]
fn policies_while_a_run_is_open() {
    check(
        "start\nstart\nstart conflict=USE_EXISTING\nstart conflict=TERMINATE_EXISTING\nstart reuse=TERMINATE_IF_RUNNING",
        expect![[r#"
            start: AlreadyStarted: Workflow execution is already running. WorkflowId: w, RunId: 00000000-0000-4000-8000-000000000002.
            start: run 0 started=false
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionTerminated
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn policies_after_a_run_is_closed() {
    check(
        "start\npoll\ncomplete complete\nstart reuse=REJECT_DUPLICATE\nstart reuse=ALLOW_DUPLICATE_FAILED_ONLY\nstart\nterminate\nstart reuse=ALLOW_DUPLICATE_FAILED_ONLY",
        expect![[r#"
            start: AlreadyStarted: Workflow execution already finished. WorkflowId: w, RunId: 00000000-0000-4000-8000-000000000002.
            start: AlreadyStarted: Workflow execution already finished successfully. WorkflowId: w, RunId: 00000000-0000-4000-8000-000000000002.
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn the_first_task_can_be_delayed() {
    check(
        "start delay=10\nsignal one\n+9\npoll\n+1\npoll\ncomplete complete",
        expect![[r#"
        poll: NotFound: Workflow task not found.
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowExecutionSignaled one
          3 WorkflowTaskScheduled attempt 1 on queue
          4 WorkflowTaskStarted of 3
          5 WorkflowTaskCompleted of 3,4
          6 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn signals_and_cancellation_count_once() {
    check(
        "start\nsignal one r\nsignal one r\ncancel\ncancel\nsignal two\nterminate enough\nsignal x\ncancel",
        expect![[r#"
            signal: Completed: workflow execution already completed
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionSignaled one
              4 WorkflowExecutionCancelRequested
              5 WorkflowExecutionSignaled two
              6 WorkflowExecutionTerminated
        "#]],
    );
}

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
fn a_restart_ends_what_workers_of_the_process_had() {
    check(
        "start\nin-process\npoll\ncomplete activity:a activity:b:attempts=1\ntake a\ntake b\nsignal one\npoll\nrestart\n+1\ntake a",
        expect![[r#"
            take: a attempt 1: true
            take: b attempt 1: true
            take: a attempt 2: true
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
              6 ActivityTaskScheduled b close 0 start 0 run 10 beat 0
              7 WorkflowExecutionSignaled one
              8 WorkflowTaskScheduled attempt 1 on queue
              9 WorkflowTaskStarted of 8
              10 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
              11 ActivityTaskStarted of 6 attempt 1
              12 ActivityTaskFailed of 6,11 MaximumAttemptsReached
              task scheduled, attempt 2
        "#]],
    );
}

#[test]
fn a_restart_leaves_other_workers_alone() {
    check(
        "start\npoll\ncomplete activity:a\ntake a\nsignal one\npoll\nrestart\ndone a\ncomplete",
        expect![[r#"
            take: a attempt 1: true
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
              6 WorkflowExecutionSignaled one
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskCompleted of 7,8
              10 ActivityTaskStarted of 5 attempt 1
              11 ActivityTaskCompleted of 5,10
              12 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}
