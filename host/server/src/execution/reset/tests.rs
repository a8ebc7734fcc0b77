//! Resets: what the new run takes over, what happens to it again, and what becomes of the old ones.

use expect_test::expect;

use crate::execution::tests::check;

#[test]
fn an_open_run_is_reset_to_its_first_task() {
    check(
        "start\npoll\ncomplete timer:t:5 activity:a\nsignal one\nreset 4\npoll\ncomplete timer:u:1\n+1",
        expect![[r#"
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 TimerStarted t
              6 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
              7 WorkflowExecutionSignaled one
              8 WorkflowTaskScheduled attempt 1 on queue
              9 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed ResetWorkflow
              5 WorkflowExecutionSignaled one
              6 WorkflowTaskScheduled attempt 1 on queue
              7 WorkflowTaskStarted of 6
              8 WorkflowTaskCompleted of 6,7
              9 TimerStarted u
              10 TimerFired u of 9
              11 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn a_task_that_a_worker_has_is_reset_with_what_waits_for_it() {
    check(
        "start\npoll\nsignal one\nsignal two\nreset 3",
        expect![[r#"
        w Terminated
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed ForceCloseCommand
          5 WorkflowExecutionSignaled one
          6 WorkflowExecutionSignaled two
          7 WorkflowExecutionTerminated
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed ResetWorkflow
          5 WorkflowExecutionSignaled one
          6 WorkflowExecutionSignaled two
          7 WorkflowTaskScheduled attempt 1 on queue
          task scheduled, attempt 1
    "#]],
    );
}

#[test]
fn what_is_excluded_does_not_happen_again() {
    check(
        "start\nupdate u\npoll\nsignal one\ncomplete accept:u\nreset 4 exclude=signal\npoll\ncomplete accept:u\nreset 4 exclude=update",
        expect![[r#"
            poll: u/request after 2
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionUpdateAccepted u
              6 WorkflowExecutionSignaled one
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowExecutionTerminated
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed ResetWorkflow
              5 WorkflowExecutionUpdateAdmitted u Reapply
              6 WorkflowTaskScheduled attempt 1 on queue
              7 WorkflowTaskStarted of 6
              8 WorkflowTaskCompleted of 6,7
              9 WorkflowExecutionUpdateAccepted u without its request
              10 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed ResetWorkflow
              5 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn updates_are_admitted_again() {
    check(
        "start\nupdate u\nupdate v\nupdate x\npoll\ncomplete accept:u finish:u accept:v accept:x\nreset 4\nreached u\nupdate u\npoll\ncomplete accept:u finish:u reject:v\nreached u\nreached v\nreached x\nforget\nreached v",
        expect![[r#"
            poll: u/request after 2
            poll: v/request after 2
            poll: x/request after 2
            update u: ADMITTED
            update u: succeeded
            update v: failed: it failed
            update x: failed: Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow Update is not supported by the worker.
            update v: failed: it failed
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionUpdateAccepted u
              6 WorkflowExecutionUpdateCompleted u of 5
              7 WorkflowExecutionUpdateAccepted v
              8 WorkflowExecutionUpdateAccepted x
              9 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed ResetWorkflow
              5 WorkflowExecutionUpdateAdmitted u Reapply
              6 WorkflowExecutionUpdateAdmitted v Reapply
              7 WorkflowExecutionUpdateAdmitted x Reapply
              8 WorkflowTaskScheduled attempt 1 on queue
              9 WorkflowTaskStarted of 8
              10 WorkflowTaskCompleted of 8,9
              11 WorkflowExecutionUpdateAccepted u without its request
              12 WorkflowExecutionUpdateCompleted u of 11
        "#]],
    );
}

#[test]
fn a_closed_run_is_reset_and_the_current_one_terminated() {
    check(
        "start\npoll\ncomplete complete\nstart\npoll\ncomplete timer:t:3\nreset 4 run=0",
        expect![[r#"
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 TimerStarted t
              6 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed ResetWorkflow
              5 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn signals_of_runs_that_continue_the_base_come_along() {
    check(
        "start\npoll\nsignal one\ncomplete\npoll\ncomplete continue\nsignal two\n+1\npoll\nsignal three\nreset 4 run=0",
        expect![[r#"
            w ContinuedAsNew
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionSignaled one
              6 WorkflowTaskScheduled attempt 1 on queue
              7 WorkflowTaskStarted of 6
              8 WorkflowTaskCompleted of 6,7
              9 WorkflowExecutionContinuedAsNew
            w Terminated
              1 WorkflowExecutionStarted attempt 1 continued
              2 WorkflowExecutionSignaled two
              3 WorkflowTaskScheduled attempt 1 on queue
              4 WorkflowTaskStarted of 3
              5 WorkflowTaskFailed ForceCloseCommand
              6 WorkflowExecutionSignaled three
              7 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed ResetWorkflow
              5 WorkflowExecutionSignaled one
              6 WorkflowExecutionSignaled two
              7 WorkflowExecutionSignaled three
              8 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn the_same_request_resets_once() {
    check(
        "start\npoll\ncomplete\nreset 4 request=r\nreset 4 request=r",
        expect![[r#"
        reset: run 1 was made before
        w Terminated
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionTerminated
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed ResetWorkflow
          5 WorkflowTaskScheduled attempt 1 on queue
          task scheduled, attempt 1
    "#]],
    );
}

#[test]
fn points_to_which_no_run_is_reset() {
    check(
        "start\npoll\ncomplete timer:t:3 activity:a\nreset 0\nreset 1\nreset 2\nreset 5\nreset 6\nreset 7\nreset 3",
        expect![[r#"
            reset: InvalidArgument: Workflow task finish ID must be > 1 && <= workflow last event ID.
            reset: InvalidArgument: Workflow task finish ID must be > 1 && <= workflow last event ID.
            reset: InvalidArgument: Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: 2
            reset: InvalidArgument: Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: 5
            reset: InvalidArgument: Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: 6
            reset: InvalidArgument: Workflow task finish ID must be > 1 && <= workflow last event ID.
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 TimerStarted t
              6 ActivityTaskScheduled a close 0 start 0 run 10 beat 0
              7 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed ResetWorkflow
              5 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn children_stay_with_the_new_run() {
    check(
        "start\npoll\ncomplete child:c child:d\npoll\ncomplete\nterminate @d\nreset 9\npoll @c\ncomplete complete\n",
        expect![[r#"
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 StartChildWorkflowExecutionInitiated c Terminate
              6 StartChildWorkflowExecutionInitiated d Terminate
              7 ChildWorkflowExecutionStarted
              8 WorkflowTaskScheduled attempt 1 on queue
              9 ChildWorkflowExecutionStarted
              10 WorkflowTaskStarted of 8
              11 WorkflowTaskCompleted of 8,10
              12 ChildWorkflowExecutionTerminated of 6,9
              13 WorkflowTaskScheduled attempt 1 on queue
              14 WorkflowExecutionTerminated
            c Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
            d Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 StartChildWorkflowExecutionInitiated c Terminate
              6 StartChildWorkflowExecutionInitiated d Terminate
              7 ChildWorkflowExecutionStarted
              8 WorkflowTaskScheduled attempt 1 on queue
              9 WorkflowTaskStarted of 8
              10 WorkflowTaskFailed ResetWorkflow
              11 ChildWorkflowExecutionStarted
              12 ChildWorkflowExecutionTerminated of 6,11
              13 WorkflowTaskScheduled attempt 1 on queue
              14 ChildWorkflowExecutionCompleted of 5,7
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn a_child_that_was_reset_reports_once_to_a_parent_that_was_reset() {
    check(
        "start\npoll\ncomplete child:c\npoll\ncomplete\npoll @c\ncomplete timer:t:9\nreset 4 @c\nreset 8\npoll @c\ncomplete complete",
        expect![[r#"
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 StartChildWorkflowExecutionInitiated c Terminate
              6 ChildWorkflowExecutionStarted
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskCompleted of 7,8
              10 WorkflowExecutionTerminated
            c Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 TimerStarted t
              6 WorkflowExecutionTerminated
            c Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed ResetWorkflow
              5 WorkflowTaskScheduled attempt 1 on queue
              6 WorkflowTaskStarted of 5
              7 WorkflowTaskCompleted of 5,6
              8 WorkflowExecutionCompleted
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 StartChildWorkflowExecutionInitiated c Terminate
              6 ChildWorkflowExecutionStarted
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskFailed ResetWorkflow
              10 WorkflowTaskScheduled attempt 1 on queue
              11 ChildWorkflowExecutionCompleted of 5,6
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn children_of_another_run_that_is_terminated_end() {
    check(
        "start\npoll\ncomplete complete\nstart\npoll\ncomplete child:c\nreset 4 run=0",
        expect![[r#"
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 StartChildWorkflowExecutionInitiated c Terminate
              6 ChildWorkflowExecutionStarted
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowExecutionTerminated
            c Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed ResetWorkflow
              5 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn timers_and_timeouts_go_on_from_the_reset() {
    check(
        "start run=10\npoll\ncomplete timer:t:3\npoll\n+5\npoll\ncomplete marker:m\nsignal s\n+3\nreset 8\n+9\n+1",
        expect![[r#"
            poll: NotFound: Workflow task not found.
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 TimerStarted t
              6 TimerFired t of 5
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskCompleted of 7,8
              10 MarkerRecorded
              11 WorkflowExecutionSignaled s
              12 WorkflowTaskScheduled attempt 1 on queue
              13 WorkflowExecutionTerminated
            w TimedOut
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 TimerStarted t
              6 TimerFired t of 5
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskFailed ResetWorkflow
              10 WorkflowExecutionSignaled s
              11 WorkflowTaskScheduled attempt 1 on queue
              12 WorkflowExecutionTimedOut RetryPolicyNotSet
        "#]],
    );
}
