//! Starting runs.

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
            start: AlreadyStarted: Workflow execution already finished. WorkflowId: w, RunId: 00000000-0000-4000-8000-000000000002. Workflow Id reuse policy: reject duplicate workflow Id.
            start: AlreadyStarted: Workflow execution already finished successfully. WorkflowId: w, RunId: 00000000-0000-4000-8000-000000000002. Workflow Id reuse policy: allow duplicate workflow Id if last run failed.
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
