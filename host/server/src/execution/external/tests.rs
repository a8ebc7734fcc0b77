//! Signals and cancellations from one run to another.

use expect_test::expect;

use crate::execution::tests::check;

#[test]
fn signals_and_cancellations_between_runs() {
    check(
        "start @other\nstart\npoll\ncomplete signal:other signal:nobody cancel-external:other",
        expect![[r#"
            other Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionSignaled hello
              4 WorkflowExecutionCancelRequested
              task scheduled, attempt 1
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 SignalExternalWorkflowExecutionInitiated
              6 SignalExternalWorkflowExecutionInitiated
              7 RequestCancelExternalWorkflowExecutionInitiated
              8 ExternalWorkflowExecutionSignaled
              9 WorkflowTaskScheduled attempt 1 on queue
              10 SignalExternalWorkflowExecutionFailed ExternalWorkflowExecutionNotFound
              11 ExternalWorkflowExecutionCancelRequested
              task scheduled, attempt 1
        "#]],
    );
}
