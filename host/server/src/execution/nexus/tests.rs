//! Nexus operations.

use expect_test::expect;

use crate::execution::tests::check;

#[test]
fn an_operation_completes_at_once() {
    check(
        "start\npoll\ncomplete nexus:a\nnexus 5 sync\npoll\ncomplete complete",
        expect![[r#"
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 NexusOperationScheduled a
          6 NexusOperationCompleted of 5
          7 WorkflowTaskScheduled attempt 1 on queue
          8 WorkflowTaskStarted of 7
          9 WorkflowTaskCompleted of 7,8
          10 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn an_operation_is_completed_by_the_workflow_that_its_handler_started() {
    check(
        "start\npoll\ncomplete nexus:a\nstart-for 5 @c\nnexus 5 async\npoll @c\ncomplete complete\npoll\ncomplete complete",
        expect![[r#"
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 NexusOperationScheduled a
              6 NexusOperationStarted of 5 as token
              7 WorkflowTaskScheduled attempt 1 on queue
              8 NexusOperationCompleted of 5
              9 WorkflowTaskStarted of 7
              10 WorkflowTaskCompleted of 7,9
              11 WorkflowExecutionCompleted
            c Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
        "#]],
    );
}

#[test]
fn a_callee_may_end_before_its_handler_answers() {
    check(
        "start\npoll\ncomplete nexus:a\nstart-for 5 @c\npoll @c\ncomplete fail\nnexus 5 async",
        expect![[r#"
            nexus: NotFound: Nexus task not found or already expired
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 NexusOperationScheduled a
              6 NexusOperationStarted of 5 as token
              7 WorkflowTaskScheduled attempt 1 on queue
              8 NexusOperationFailed of 5: it failed
              task scheduled, attempt 1
            c Failed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionFailed RetryPolicyNotSet
        "#]],
    );
}

#[test]
fn a_callee_that_goes_on_as_another_run_ends_later() {
    check(
        "start\npoll\ncomplete nexus:a\nstart-for 5 @c\nnexus 5 async\npoll @c\ncomplete continue\n+1\npoll @c\ncomplete cancel",
        expect![[r#"
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 NexusOperationScheduled a
              6 NexusOperationStarted of 5 as token
              7 WorkflowTaskScheduled attempt 1 on queue
              8 NexusOperationCanceled of 5
              task scheduled, attempt 1
            c ContinuedAsNew
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionContinuedAsNew
            c Canceled
              1 WorkflowExecutionStarted attempt 1 continued
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCanceled
        "#]],
    );
}

#[test]
fn calls_are_tried_again_after_errors_that_may_pass() {
    check(
        "start\npoll\ncomplete nexus:a\nnexus 5 INTERNAL\nnexus 5 sync\n+1\nnexus 5 empty\n+1\nnexus 5 sync\n+1\nnexus 5 strange\n+4\nnexus 5 NOT_FOUND",
        expect![[r#"
            nexus: NotFound: Nexus task not found or already expired
            nexus: NotFound: Nexus task not found or already expired
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 NexusOperationScheduled a
              6 NexusOperationFailed of 5: handler error (NOT_FOUND): no
              7 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn a_handler_that_does_not_answer_is_called_again_until_the_operation_times_out() {
    check(
        "start\npoll\ncomplete nexus:a:25\n+9\n+1\nnexus 5 sync\n+1\n+14",
        expect![[r#"
        nexus: NotFound: Nexus task not found or already expired
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 NexusOperationScheduled a
          6 NexusOperationTimedOut of 5: operation timed out
          7 WorkflowTaskScheduled attempt 1 on queue
          task scheduled, attempt 1
    "#]],
    );
}

#[test]
fn an_operation_is_cancelled_once_it_is_started() {
    check(
        "start\npoll\ncomplete nexus:a timer:t:1\n+1\npoll\ncomplete cancel-nexus:5\nnexus 5 async\npoll\nnexus 5 sync\nnexus 5 sync\ncomplete cancel-nexus:5\npoll\ncomplete complete",
        expect![[r#"
            nexus: NotFound: Nexus task not found or already expired
            complete: InvalidArgument: BadRequestCancelNexusOperationAttributes: cancelation was already requested for an operation with scheduled event ID 5
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 NexusOperationScheduled a
              6 TimerStarted t
              7 TimerFired t of 6
              8 WorkflowTaskScheduled attempt 1 on queue
              9 WorkflowTaskStarted of 8
              10 WorkflowTaskCompleted of 8,9
              11 NexusOperationCancelRequested of 5
              12 NexusOperationStarted of 5 as token
              13 WorkflowTaskScheduled attempt 1 on queue
              14 WorkflowTaskStarted of 13
              15 WorkflowTaskFailed BadRequestCancelNexusOperationAttributes
              16 NexusOperationCancelRequestCompleted of 5,11
              17 WorkflowTaskScheduled attempt 1 on queue
              18 WorkflowTaskStarted of 17
              19 WorkflowTaskCompleted of 17,18
              20 WorkflowExecutionCompleted
        "#]],
    );
}

#[test]
fn a_request_to_cancel_may_fail() {
    check(
        "start\npoll\ncomplete nexus:a\nnexus 5 async\npoll\ncomplete cancel-nexus:5\nnexus 5 UNAVAILABLE\n+1\nnexus 5 BAD_REQUEST",
        expect![[r#"
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 NexusOperationScheduled a
              6 NexusOperationStarted of 5 as token
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskCompleted of 7,8
              10 NexusOperationCancelRequested of 5
              11 NexusOperationCancelRequestFailed of 5,10: handler error (BAD_REQUEST): no
              12 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn an_operation_without_an_endpoint_fails() {
    check(
        "start\npoll\ncomplete nexus:a\nnexus 5 INTERNAL\nendpoint gone\n+1\npoll\ncomplete nexus:b",
        expect![[r#"
            complete: InvalidArgument: BadScheduleNexusOperationAttributes: endpoint "endpoint" not found
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 NexusOperationScheduled a
              6 NexusOperationFailed of 5: handler error (NOT_FOUND): endpoint not registered
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskFailed BadScheduleNexusOperationAttributes
              task scheduled, attempt 2
        "#]],
    );
}

#[test]
fn what_is_not_open_is_not_cancelled() {
    check(
        "start\npoll\ncomplete cancel-nexus:5\npoll\ncomplete nexus:a\npoll\nnexus 5 sync\ncomplete nexus:a\nsignal s\npoll\nnexus 9 sync\ncomplete cancel-nexus:9",
        expect![[r#"
            complete: InvalidArgument: BadRequestCancelNexusOperationAttributes: requested cancelation for a non-existing or already completed operation with scheduled event ID of 5
            poll: shown besides: 5 WorkflowTaskScheduled attempt 2 on queue, 6 WorkflowTaskStarted of 5
            poll: NotFound: Workflow task not found.
            nexus: NotFound: Nexus task not found or already expired
            complete: NotFound: Workflow task not found.
            nexus: NotFound: Nexus task not found or already expired
            complete: InvalidArgument: BadRequestCancelNexusOperationAttributes: requested cancelation for a non-existing or already completed operation with scheduled event ID of 9
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed BadRequestCancelNexusOperationAttributes
              5 WorkflowTaskScheduled attempt 2 on queue
              6 WorkflowTaskStarted of 5
              7 WorkflowTaskCompleted of 5,6
              8 NexusOperationScheduled a
              9 WorkflowExecutionSignaled s
              10 WorkflowTaskScheduled attempt 1 on queue
              11 WorkflowTaskStarted of 10
              12 WorkflowTaskFailed BadRequestCancelNexusOperationAttributes
              task scheduled, attempt 2
        "#]],
    );
}

#[test]
fn a_reset_run_calls_again_and_hears_of_what_was_started() {
    check(
        "start\npoll\ncomplete nexus:a nexus:b\nstart-for 6 @c\nnexus 6 async\npoll\nsignal s\ncomplete timer:t:100\nreset 9\nterminate @c\nnexus 5 sync",
        expect![[r#"
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 NexusOperationScheduled a
              6 NexusOperationScheduled b
              7 NexusOperationStarted of 6 as token
              8 WorkflowTaskScheduled attempt 1 on queue
              9 WorkflowTaskStarted of 8
              10 WorkflowTaskCompleted of 8,9
              11 TimerStarted t
              12 WorkflowExecutionSignaled s
              13 WorkflowTaskScheduled attempt 1 on queue
              14 WorkflowExecutionTerminated
            c Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 NexusOperationScheduled a
              6 NexusOperationScheduled b
              7 NexusOperationStarted of 6 as token
              8 WorkflowTaskScheduled attempt 1 on queue
              9 WorkflowTaskStarted of 8
              10 WorkflowTaskFailed ResetWorkflow
              11 WorkflowExecutionSignaled s
              12 WorkflowTaskScheduled attempt 1 on queue
              13 NexusOperationFailed of 6: operation terminated
              14 NexusOperationCompleted of 5
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn events_of_operations_wait_for_the_workflow_task() {
    check(
        "start\npoll\ncomplete nexus:a nexus:b nexus:c\nsignal s\npoll\nnexus 5 sync\nnexus 6 async\nsignal t\nnexus 7 failed\ncomplete",
        expect![[r#"
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 NexusOperationScheduled a
              6 NexusOperationScheduled b
              7 NexusOperationScheduled c
              8 WorkflowExecutionSignaled s
              9 WorkflowTaskScheduled attempt 1 on queue
              10 WorkflowTaskStarted of 9
              11 WorkflowTaskCompleted of 9,10
              12 NexusOperationStarted of 6 as token
              13 WorkflowExecutionSignaled t
              14 NexusOperationCompleted of 5
              15 NexusOperationFailed of 7: no
              16 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}
