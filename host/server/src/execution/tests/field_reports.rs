//! Faults that users of Temporal's server reported, told to this one; `tests/field-reports.md` names the reports.

use expect_test::expect;

use crate::execution::tests::{check, script::Script};

#[test]
fn a_close_policy_reaches_the_run_that_a_child_continued_as() {
    check(
        "start\npoll\ncomplete child:ended:1 child:asked:3\n+2\npoll @ended\ncomplete continue\npoll @asked\ncomplete continue\npoll\ncomplete complete",
        expect![[r#"
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 StartChildWorkflowExecutionInitiated ended Terminate
              6 StartChildWorkflowExecutionInitiated asked RequestCancel
              7 ChildWorkflowExecutionStarted
              8 WorkflowTaskScheduled attempt 1 on queue
              9 ChildWorkflowExecutionStarted
              10 WorkflowTaskStarted of 8
              11 WorkflowTaskCompleted of 8,10
              12 WorkflowExecutionCompleted
            ended ContinuedAsNew
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionContinuedAsNew
            asked ContinuedAsNew
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionContinuedAsNew
            ended Terminated
              1 WorkflowExecutionStarted attempt 1 continued
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionTerminated
            asked Running
              1 WorkflowExecutionStarted attempt 1 continued
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionCancelRequested
              task scheduled, attempt 1
        "#]],
    );
}

/// As with Temporal's server, the child is not started then. Its id is free, and no half of it is left.
#[test]
fn a_parent_that_closes_with_its_command_leaves_no_half_of_a_child() {
    check(
        "start\npoll\ncomplete child:left:2 child:ended:1 complete\nstart @left\npoll @left\ncomplete complete",
        expect![[r#"
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 StartChildWorkflowExecutionInitiated left Abandon
              6 StartChildWorkflowExecutionInitiated ended Terminate
              7 WorkflowExecutionCompleted
            left Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
        "#]],
    );
}

#[test]
fn a_cancellation_of_what_ended_meanwhile_is_no_fault() {
    check(
        "start\npoll\ncomplete activity:a activity:b\ntake a\nsignal s\npoll\ndone a\ncomplete cancel-activity:5 cancel-activity:6\npoll\ncomplete complete",
        expect![[r#"
            take: a attempt 1: true
            w Completed
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
              13 ActivityTaskStarted of 5 attempt 1
              14 ActivityTaskCompleted of 5,13
              15 ActivityTaskCanceled of 6,0
              16 WorkflowTaskScheduled attempt 1 on queue
              17 WorkflowTaskStarted of 16
              18 WorkflowTaskCompleted of 16,17
              19 WorkflowExecutionCompleted
        "#]],
    );
}

#[test]
fn timers_of_no_time_fire_and_long_ones_wait() {
    check(
        "start\npoll\ncomplete timer:t:0\n+0\npoll\ncomplete timer:long:9000000000 activity:a:run=9000000000:beat=9000000000\n+3600",
        expect![[r#"
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 TimerStarted t
              6 TimerFired t of 5
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskCompleted of 7,8
              10 TimerStarted long
              11 ActivityTaskScheduled a close 0 start 0 run 3153600000 beat 3153600000
        "#]],
    );
}

#[test]
fn the_last_heartbeat_of_an_attempt_that_fails_reaches_the_next() {
    let mut script = Script::default();
    for line in
        ["start", "poll", "complete activity:a", "take a", "beat a one", "beat a two", "error a", "+1"]
    {
        script.line(line);
    }
    assert_eq!(script.heartbeat("w", "a"), "two");
    script.line("take a");
    script.line("beat a three");
    // The worker is gone: the attempt times out.
    script.line("+10");
    script.line("+2");
    assert_eq!(script.heartbeat("w", "a"), "three");
    script.check_recovery();
}

#[test]
fn what_comes_while_a_run_ends_is_not_lost() {
    check(
        "start\npoll\nsignal one\nsignal two\ncomplete continue\npoll\ncomplete continue\n+2\npoll\ncomplete complete",
        expect![[r#"
            complete: InvalidArgument: UnhandledCommand
            w ContinuedAsNew
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed UnhandledCommand
              5 WorkflowExecutionSignaled one
              6 WorkflowExecutionSignaled two
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskCompleted of 7,8
              10 WorkflowExecutionContinuedAsNew
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
fn policies_that_contradict_each_other_are_refused() {
    check(
        "start\nstart reuse=TERMINATE_IF_RUNNING conflict=FAIL\nstart reuse=TERMINATE_IF_RUNNING conflict=USE_EXISTING\nstart reuse=REJECT_DUPLICATE conflict=TERMINATE_EXISTING\nsignal-start s reuse=REJECT_DUPLICATE conflict=TERMINATE_EXISTING\npoll\ncomplete complete\nstart reuse=ALLOW_DUPLICATE_FAILED_ONLY conflict=TERMINATE_EXISTING",
        expect![[r#"
            start: InvalidArgument: Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used together with a WorkflowIDConflictPolicy
            start: InvalidArgument: Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used together with a WorkflowIDConflictPolicy
            start: InvalidArgument: Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be used together with WorkflowIdConflictPolicy WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
            signal-start: InvalidArgument: Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be used together with WorkflowIdConflictPolicy WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
            start: AlreadyStarted: Workflow execution already finished successfully. WorkflowId: w, RunId: 00000000-0000-4000-8000-000000000002. Workflow Id reuse policy: allow duplicate workflow Id if last run failed.
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
        "#]],
    );
}
