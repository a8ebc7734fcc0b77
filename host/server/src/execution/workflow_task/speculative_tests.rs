//! Workflow tasks that only bring updates: what they become, and what remains of them.

use expect_test::expect;

use crate::execution::tests::check;

#[test]
fn a_task_for_updates_becomes_one_as_any_other_when_something_happens() {
    check(
        "start\npoll\ncomplete\nupdate u\nsignal one\npoll\ncomplete reject:u\nupdate v\npoll\nsignal two\n\
         complete reject:v",
        expect![[r#"
            poll: u/request after 6
            update u is rejected: it failed
            poll: v/request after 9
            poll: shown besides: 9 WorkflowTaskScheduled attempt 1 on queue, 10 WorkflowTaskStarted of 9
            update v is rejected: it failed
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowTaskScheduled attempt 1 on queue
              6 WorkflowExecutionSignaled one
              7 WorkflowTaskStarted of 5
              8 WorkflowTaskCompleted of 5,7
              9 WorkflowTaskScheduled attempt 1 on queue
              10 WorkflowTaskStarted of 9
              11 WorkflowTaskCompleted of 9,10
              12 WorkflowExecutionSignaled two
              13 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn a_task_for_updates_that_no_worker_takes_times_out() {
    check(
        "start\npoll\ncomplete\nupdate u\n+6\npoll\ncomplete accept:u\nupdate v\nsignal one\n+6",
        expect![[r#"
        poll: u/request after 7
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowTaskScheduled attempt 1 on queue
          6 WorkflowTaskTimedOut ScheduleToStart
          7 WorkflowTaskScheduled attempt 1 on queue
          8 WorkflowTaskStarted of 7
          9 WorkflowTaskCompleted of 7,8
          10 WorkflowExecutionUpdateAccepted u
          11 WorkflowTaskScheduled attempt 1 on queue
          12 WorkflowExecutionSignaled one
          13 WorkflowTaskTimedOut ScheduleToStart
          14 WorkflowTaskScheduled attempt 1 on queue
          task scheduled, attempt 1
    "#]],
    );
}

#[test]
fn a_task_for_updates_goes_to_the_sticky_queue() {
    check(
        "start\npoll\ncomplete-sticky\nupdate u\npoll\ncomplete-sticky reject:u\nupdate v\n+5\npoll\ncomplete accept:v",
        expect![[r#"
            task on sticky queue sticky
            poll: u/request after 5
            poll: shown besides: 5 WorkflowTaskScheduled attempt 1 on sticky, 6 WorkflowTaskStarted of 5
            update u is rejected: it failed
            complete: nothing remains after event 3
            task on sticky queue sticky
            poll: v/request after 7
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowTaskScheduled attempt 1 on sticky
              6 WorkflowTaskTimedOut ScheduleToStart
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskCompleted of 7,8
              10 WorkflowExecutionUpdateAccepted v
        "#]],
    );
}

#[test]
fn a_task_for_updates_that_fails_is_tried_again_with_them() {
    check(
        "start\npoll\ncomplete\nupdate u\npoll\nfail\npoll\n+10\npoll\nupdate v\ncomplete accept:u finish:u",
        expect![[r#"
            poll: u/request after 5
            poll: shown besides: 5 WorkflowTaskScheduled attempt 1 on queue, 6 WorkflowTaskStarted of 5
            poll: u/request after 8
            poll: shown besides: 8 WorkflowTaskScheduled attempt 2 on queue, 9 WorkflowTaskStarted of 8
            poll: u/request after 8
            poll: shown besides: 8 WorkflowTaskScheduled attempt 3 on queue, 9 WorkflowTaskStarted of 8
            update: WorkflowNotReady: Unable to perform workflow execution update due to Workflow Task in failed state.
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowTaskScheduled attempt 1 on queue
              6 WorkflowTaskStarted of 5
              7 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
              8 WorkflowTaskScheduled attempt 3 on queue
              9 WorkflowTaskStarted of 8
              10 WorkflowTaskCompleted of 8,9
              11 WorkflowExecutionUpdateAccepted u
              12 WorkflowExecutionUpdateCompleted u of 11
        "#]],
    );
}

#[test]
fn a_task_for_updates_that_also_brings_events_stays() {
    check(
        "start\npoll\ncomplete marker:m\nupdate u\npoll\ncomplete reject:u\nupdate u\npoll\ncomplete reject:u",
        expect![[r#"
            poll: u/request after 6
            poll: shown besides: 6 WorkflowTaskScheduled attempt 1 on queue, 7 WorkflowTaskStarted of 6
            update u is rejected: it failed
            poll: u/request after 9
            poll: shown besides: 9 WorkflowTaskScheduled attempt 1 on queue, 10 WorkflowTaskStarted of 9
            update u is rejected: it failed
            complete: nothing remains after event 7
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 MarkerRecorded
              6 WorkflowTaskScheduled attempt 1 on queue
              7 WorkflowTaskStarted of 6
              8 WorkflowTaskCompleted of 6,7
        "#]],
    );
}

#[test]
fn an_update_that_comes_during_a_task_goes_along_with_the_next() {
    check(
        "start\npoll\nupdate u\ncomplete --return\nupdate v\ncomplete reject:u --return\ncomplete reject:v\n\
         update w\npoll\nupdate x\ncomplete accept:w",
        expect![[r#"
            complete: next task in the answer
            update u is rejected: it failed
            complete: nothing remains after event 3
            complete: next task in the answer
            update v is rejected: it failed
            complete: nothing remains after event 3
            poll: w/request after 5
            poll: shown besides: 5 WorkflowTaskScheduled attempt 1 on queue, 6 WorkflowTaskStarted of 5
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowTaskScheduled attempt 1 on queue
              6 WorkflowTaskStarted of 5
              7 WorkflowTaskCompleted of 5,6
              8 WorkflowExecutionUpdateAccepted w
              9 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn a_heartbeat_keeps_updates_with_the_worker() {
    check(
        "start\nupdate u\npoll\nupdate v\ncomplete --force --return\ncomplete accept:u accept:v",
        expect![[r#"
            poll: u/request after 2
            complete: next task in the answer
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowTaskScheduled attempt 1 on queue
              6 WorkflowTaskStarted of 5
              7 WorkflowTaskCompleted of 5,6
              8 WorkflowExecutionUpdateAccepted u
              9 WorkflowExecutionUpdateAccepted v
        "#]],
    );
}
