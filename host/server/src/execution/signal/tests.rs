//! Signals and cancellation by request.

use expect_test::expect;

use crate::execution::tests::check;

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
