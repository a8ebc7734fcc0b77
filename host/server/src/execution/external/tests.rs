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

/// Signals to a run that is closing are delivered all the same: their sender cannot try again.
#[test]
fn a_run_that_is_closing_gets_signals_of_others() {
    check(
        "start @other\npoll @other\nsignal one @other\ncomplete complete\npoll @other\nsignal two @other\nstart\npoll\ncomplete signal:other",
        expect![[r#"
            complete: InvalidArgument: UnhandledCommand
            signal: Exhausted: workflow operation can not be applied because workflow is closing
            other Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed UnhandledCommand
              5 WorkflowExecutionSignaled one
              6 WorkflowTaskScheduled attempt 1 on queue
              7 WorkflowTaskStarted of 6
              task started, attempt 1
              buffered: 0 WorkflowExecutionSignaled hello
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 SignalExternalWorkflowExecutionInitiated
              6 ExternalWorkflowExecutionSignaled
              7 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}
