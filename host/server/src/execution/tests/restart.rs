//! What a restart ends.

use expect_test::expect;

use crate::execution::tests::check;

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
