//! Workflows with cron schedules. Scripts begin at 22:13:20 UTC.

use expect_test::expect;

use crate::execution::tests::check;

#[test]
fn runs_begin_at_the_times_of_the_schedule() {
    check(
        "start cron=*/10_*_*_*_*\npoll\n+399\npoll\n+1\npoll\ncomplete complete\n+600\npoll\n+5\ncomplete complete",
        expect![[r#"
            poll: NotFound: Workflow task not found.
            poll: NotFound: Workflow task not found.
            w Completed
              1 WorkflowExecutionStarted attempt 1 cron after 400 s
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
            w Completed
              1 WorkflowExecutionStarted attempt 1 continued cron after 600 s
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
            w Running
              1 WorkflowExecutionStarted attempt 1 continued cron after 595 s
        "#]],
    );
}

#[test]
fn a_failed_run_is_followed_by_the_schedule_after_its_retries() {
    check(
        "start cron=@every_60s attempts=2\n+60\npoll\ncomplete fail\n+1\npoll\ncomplete fail\n+60\npoll\ncomplete complete\n+60\npoll\ncomplete fail",
        expect![[r#"
            w Failed
              1 WorkflowExecutionStarted attempt 1 cron after 60 s
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionFailed InProgress
            w Failed
              1 WorkflowExecutionStarted attempt 2 continued cron after 1 s with a failure
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionFailed MaximumAttemptsReached
            w Completed
              1 WorkflowExecutionStarted attempt 1 continued cron after 60 s with a failure
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
            w Failed
              1 WorkflowExecutionStarted attempt 1 continued cron after 60 s
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionFailed InProgress
            w Running
              1 WorkflowExecutionStarted attempt 2 continued cron after 1 s with a failure
        "#]],
    );
}

#[test]
fn a_run_that_times_out_is_followed_by_the_next() {
    check(
        "start cron=@every_60s run=5\n+70\n+60",
        expect![[r#"
        w TimedOut
          1 WorkflowExecutionStarted attempt 1 cron after 60 s
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowExecutionTimedOut RetryPolicyNotSet
        w TimedOut
          1 WorkflowExecutionStarted attempt 1 continued cron after 55 s with a failure
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowExecutionTimedOut RetryPolicyNotSet
        w Running
          1 WorkflowExecutionStarted attempt 1 continued cron after 55 s with a failure
    "#]],
    );
}

#[test]
fn the_end_of_all_runs_ends_the_schedule() {
    check(
        "start cron=@hourly\nterminate\nstart cron=@hourly\ncancel\n+3600\npoll\ncomplete cancel",
        expect![[r#"
            w Terminated
              1 WorkflowExecutionStarted attempt 1 cron after 2800 s
              2 WorkflowExecutionTerminated
            w Canceled
              1 WorkflowExecutionStarted attempt 1 cron after 2800 s
              2 WorkflowExecutionCancelRequested
              3 WorkflowTaskScheduled attempt 1 on queue
              4 WorkflowTaskStarted of 3
              5 WorkflowTaskCompleted of 3,4
              6 WorkflowExecutionCanceled
        "#]],
    );
}

#[test]
fn a_parent_hears_nothing_of_runs_that_another_follows() {
    check(
        "start\npoll\ncomplete child:c:1:1000:@every_60s\npoll\ncomplete\n+60\npoll @c\ncomplete complete\nterminate @c",
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
            c Completed
              1 WorkflowExecutionStarted attempt 1 cron after 60 s
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionCompleted
            c Terminated
              1 WorkflowExecutionStarted attempt 1 continued cron after 60 s
              2 WorkflowExecutionTerminated
        "#]],
    );
}

#[test]
fn schedules_that_are_refused() {
    check(
        "start cron=nonsense\nstart cron=0_0_31_2_*\nstart cron=@daily delay=5\nstart cron=CRON_TZ=Nowhere/Land_0_0_*_*_*",
        expect![[r#"
            start: InvalidArgument: invalid CronSchedule.
            start: InvalidArgument: invalid CronSchedule, no time can be found to satisfy the schedule
            start: InvalidArgument: CronSchedule and WorkflowStartDelay may not be used together.
            start: InvalidArgument: invalid CronSchedule.
        "#]],
    );
}
