//! Children.

use expect_test::expect;

use crate::execution::tests::check;

#[test]
fn a_child_from_start_to_end() {
    check(
        "start\npoll\ncomplete child:c\npoll @c\ncomplete complete\npoll\ncomplete complete",
        expect![[r#"
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 StartChildWorkflowExecutionInitiated c Terminate
              6 ChildWorkflowExecutionStarted
              7 WorkflowTaskScheduled attempt 1 on queue
              8 ChildWorkflowExecutionCompleted of 5,6
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
fn a_child_that_is_there_already() {
    check(
        "start @c\nstart\npoll\ncomplete child:c\npoll\ncomplete complete",
        expect![[r#"
        c Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          task scheduled, attempt 1
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 StartChildWorkflowExecutionInitiated c Terminate
          6 StartChildWorkflowExecutionFailed WorkflowAlreadyExists
          7 WorkflowTaskScheduled attempt 1 on queue
          8 WorkflowTaskStarted of 7
          9 WorkflowTaskCompleted of 7,8
          10 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn what_becomes_of_children() {
    check(
        "start\npoll\ncomplete child:ended:1 child:left:2 child:asked:3\npoll\ncomplete complete",
        expect![[r#"
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 StartChildWorkflowExecutionInitiated ended Terminate
              6 StartChildWorkflowExecutionInitiated left Abandon
              7 StartChildWorkflowExecutionInitiated asked RequestCancel
              8 ChildWorkflowExecutionStarted
              9 WorkflowTaskScheduled attempt 1 on queue
              10 ChildWorkflowExecutionStarted
              11 ChildWorkflowExecutionStarted
              12 WorkflowTaskStarted of 9
              13 WorkflowTaskCompleted of 9,12
              14 WorkflowExecutionCompleted
            ended Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionTerminated
            left Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
            asked Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowExecutionCancelRequested
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn a_child_ends_while_its_parent_works() {
    check(
        "start\npoll\ncomplete child:c\npoll\nterminate @c\ncomplete",
        expect![[r#"
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 StartChildWorkflowExecutionInitiated c Terminate
          6 ChildWorkflowExecutionStarted
          7 WorkflowTaskScheduled attempt 1 on queue
          8 WorkflowTaskStarted of 7
          9 WorkflowTaskCompleted of 7,8
          10 ChildWorkflowExecutionTerminated of 5,6
          11 WorkflowTaskScheduled attempt 1 on queue
          task scheduled, attempt 1
        c Terminated
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowExecutionTerminated
    "#]],
    );
}

#[test]
fn a_parent_hears_of_the_last_run_of_a_chain() {
    check(
        "start\npoll\ncomplete child:c\n+5\npoll @c\ncomplete continue\npoll @c\ncomplete complete",
        expect![[r#"
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 StartChildWorkflowExecutionInitiated c Terminate
              6 ChildWorkflowExecutionStarted
              7 WorkflowTaskScheduled attempt 1 on queue
              8 ChildWorkflowExecutionCompleted of 5,6
              task scheduled, attempt 1
            c ContinuedAsNew
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionContinuedAsNew
            c Completed
              1 WorkflowExecutionStarted attempt 1 continued
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
        "#]],
    );
}
