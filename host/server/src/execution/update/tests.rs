//! Updates: what remains of them, and of the workflow tasks that bring them.

use expect_test::expect;

use crate::execution::tests::{check, script::Script};

#[test]
fn an_update_is_accepted_and_completed() {
    check(
        "start\nupdate u\nreached u\npoll\ncomplete accept:u\nreached u\nupdate u\nsignal one\npoll\n\
         complete finish:u\nreached u\nupdate u\nreached nothing",
        expect![[r#"
            update u: ADMITTED
            poll: u/request after 2
            update u: ACCEPTED
            update u: succeeded
            update nothing: unknown
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionUpdateAccepted u
              6 WorkflowExecutionSignaled one
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskCompleted of 7,8
              10 WorkflowExecutionUpdateCompleted u of 5
        "#]],
    );
}

#[test]
fn a_rejection_leaves_no_events() {
    check(
        "start\npoll\ncomplete\nupdate u\npoll\ncomplete reject:u\nreached u\nupdate u\npoll\ncomplete reject:u",
        expect![[r#"
            poll: u/request after 5
            poll: shown besides: 5 WorkflowTaskScheduled attempt 1 on queue, 6 WorkflowTaskStarted of 5
            update u is rejected: it failed
            complete: nothing remains after event 3
            update u: unknown
            poll: u/request after 5
            poll: shown besides: 5 WorkflowTaskScheduled attempt 1 on queue, 6 WorkflowTaskStarted of 5
            update u is rejected: it failed
            complete: nothing remains after event 3
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
        "#]],
    );
}

#[test]
fn a_worker_that_does_not_mention_an_update_rejects_it() {
    check(
        "start\nupdate u\npoll\ncomplete\nupdate v\npoll\ncomplete",
        expect![[r#"
        poll: u/request after 2
        update u is rejected: Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow Update is not supported by the worker.
        poll: v/request after 5
        poll: shown besides: 5 WorkflowTaskScheduled attempt 1 on queue, 6 WorkflowTaskStarted of 5
        update v is rejected: Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow Update is not supported by the worker.
        complete: nothing remains after event 3
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
    "#]],
    );
}

#[test]
fn updates_of_a_run_that_closes() {
    check(
        "start\nupdate a\nupdate b\npoll\nupdate c\ncomplete accept:a complete\nreached a\nupdate a\nupdate d",
        expect![[r#"
            poll: a/request after 2
            poll: b/request after 2
            update b is aborted: workflow update was aborted by closing workflow
            update c is aborted: workflow update was aborted by closing workflow
            update a: failed: Workflow Update failed because the Workflow completed before the Update completed.
            update: Completed: workflow execution already completed
            w Completed
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionUpdateAccepted a
              6 WorkflowExecutionCompleted
        "#]],
    );
    check(
        "start\npoll\ncomplete\nupdate u\nterminate enough\nupdate u",
        expect![[r#"
        update u is aborted: workflow update was aborted by closing workflow
        update: Completed: workflow execution already completed
        w Terminated
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionTerminated
    "#]],
    );
    check(
        "start\npoll\ncomplete\nupdate u\npoll\nterminate enough",
        expect![[r#"
        poll: u/request after 5
        poll: shown besides: 5 WorkflowTaskScheduled attempt 1 on queue, 6 WorkflowTaskStarted of 5
        update u is aborted: workflow update was aborted by closing workflow
        w Terminated
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowTaskScheduled attempt 1 on queue
          6 WorkflowTaskStarted of 5
          7 WorkflowTaskFailed ForceCloseCommand
          8 WorkflowExecutionTerminated
    "#]],
    );
    check(
        "start run=5\npoll\ncomplete\nupdate u\npoll\n+5",
        expect![[r#"
        poll: u/request after 5
        poll: shown besides: 5 WorkflowTaskScheduled attempt 1 on queue, 6 WorkflowTaskStarted of 5
        update u is aborted: workflow update was aborted by closing workflow
        w TimedOut
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowTaskScheduled attempt 1 on queue
          6 WorkflowTaskStarted of 5
          7 WorkflowTaskFailed ForceCloseCommand
          8 WorkflowExecutionTimedOut RetryPolicyNotSet
    "#]],
    );
    check(
        "start\npoll\nupdate u\ncomplete continue\nupdate u",
        expect![[r#"
        update u is aborted: workflow operation can not be applied because workflow is closing
        w ContinuedAsNew
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionContinuedAsNew
        w Running
          1 WorkflowExecutionStarted attempt 1 continued
          task scheduled, attempt 1
    "#]],
    );
    check(
        "start\nupdate u\npoll\ncomplete late:u complete\nreached u",
        expect![[r#"
        poll: u/request after 2
        update u is aborted: workflow update was aborted by closing workflow
        update u: unknown
        w Completed
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionCompleted
    "#]],
    );
}

#[test]
fn a_run_that_keeps_failing_takes_no_updates() {
    check(
        "start\npoll\nfail\npoll\nfail\nupdate u\npoll\ncomplete\nupdate u",
        expect![[r#"
        poll: shown besides: 5 WorkflowTaskScheduled attempt 2 on queue, 6 WorkflowTaskStarted of 5
        update: WorkflowNotReady: Unable to perform workflow execution update due to Workflow Task in failed state.
        poll: shown besides: 5 WorkflowTaskScheduled attempt 3 on queue, 6 WorkflowTaskStarted of 5
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
          5 WorkflowTaskScheduled attempt 3 on queue
          6 WorkflowTaskStarted of 5
          7 WorkflowTaskCompleted of 5,6
          task scheduled, attempt 1
    "#]],
    );
}

#[test]
fn a_run_that_is_about_to_close_takes_no_updates() {
    check(
        "start\npoll\nsignal one\ncomplete complete\npoll\nupdate u\ncomplete\nsignal two\npoll\nupdate u",
        expect![[r#"
            complete: InvalidArgument: UnhandledCommand
            update: Exhausted: workflow operation can not be applied because workflow is closing
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed UnhandledCommand
              5 WorkflowExecutionSignaled one
              6 WorkflowTaskScheduled attempt 1 on queue
              7 WorkflowTaskStarted of 6
              8 WorkflowTaskCompleted of 6,7
              9 WorkflowExecutionSignaled two
              10 WorkflowTaskScheduled attempt 1 on queue
              11 WorkflowTaskStarted of 10
              task started, attempt 1
        "#]],
    );
}

#[test]
fn wrong_messages_fail_the_task() {
    check(
        "start\nupdate u\nupdate v\npoll\ncomplete accept:none\npoll\ncomplete finish:u",
        expect![[r#"
            poll: u/request after 2
            poll: v/request after 2
            update u is aborted: Unable to perform workflow execution update due to unexpected workflow task failure.
            update v is aborted: Unable to perform workflow execution update due to unexpected workflow task failure.
            complete: InvalidArgument: BadUpdateWorkflowExecutionMessage: update none wasn't found on the server. This is most likely a transient error which will be resolved automatically by retries
            poll: shown besides: 5 WorkflowTaskScheduled attempt 2 on queue, 6 WorkflowTaskStarted of 5
            complete: InvalidArgument: BadUpdateWorkflowExecutionMessage: update u wasn't found on the server. This is most likely a transient error which will be resolved automatically by retries
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskFailed BadUpdateWorkflowExecutionMessage
              task started, attempt 2
        "#]],
    );
    check(
        "start\nupdate u\npoll\ncomplete accept:u reject:u",
        expect![[r#"
        poll: u/request after 2
        update u is aborted: Unable to perform workflow execution update due to unexpected workflow task failure.
        complete: InvalidArgument: BadUpdateWorkflowExecutionMessage: invalid state transition attempted for Update u: received *update.Rejection message while in state Accepted
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed BadUpdateWorkflowExecutionMessage
          task scheduled, attempt 2
    "#]],
    );
    check(
        "start\nupdate u\npoll\ncomplete accept:u finish:u finish:u",
        expect![[r#"
        poll: u/request after 2
        update u is aborted: Unable to perform workflow execution update due to unexpected workflow task failure.
        complete: InvalidArgument: BadUpdateWorkflowExecutionMessage: invalid state transition attempted for Update u: received *update.Response message while in state Completed
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed BadUpdateWorkflowExecutionMessage
          task scheduled, attempt 2
    "#]],
    );
}

#[test]
fn a_restart_forgets_updates_that_no_worker_accepted() {
    check(
        "start\npoll\ncomplete\nupdate u\nforget\nreached u\nupdate u\npoll\ncomplete accept:u",
        expect![[r#"
        update u: unknown
        poll: u/request after 5
        poll: shown besides: 5 WorkflowTaskScheduled attempt 1 on queue, 6 WorkflowTaskStarted of 5
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowTaskScheduled attempt 1 on queue
          6 WorkflowTaskStarted of 5
          7 WorkflowTaskCompleted of 5,6
          8 WorkflowExecutionUpdateAccepted u
    "#]],
    );
    // A worker that has one still knows what was asked for.
    check(
        "start\nupdate u\npoll\nforget\ncomplete revive:u\nreached u",
        expect![[r#"
        poll: u/request after 2
        update u: ACCEPTED
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionUpdateAccepted u
    "#]],
    );
    check(
        "start\nupdate u\npoll\nforget\ncomplete accept:u",
        expect![[r#"
        poll: u/request after 2
        complete: InvalidArgument: BadUpdateWorkflowExecutionMessage: update u wasn't found on the server. This is most likely a transient error which will be resolved automatically by retries
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskFailed BadUpdateWorkflowExecutionMessage
          task scheduled, attempt 2
    "#]],
    );
}

#[test]
fn an_update_does_not_wait_for_the_delay_of_a_start() {
    check(
        "start delay=60\nupdate u\npoll\ncomplete reject:u\n+60",
        expect![[r#"
        poll: u/request after 2
        poll: shown besides: 2 WorkflowTaskScheduled attempt 1 on queue, 3 WorkflowTaskStarted of 2
        update u is rejected: it failed
        complete: nothing remains after event 0
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          task scheduled, attempt 1
    "#]],
    );
    check(
        "start delay=60\nupdate u\npoll\ncomplete accept:u\n+60",
        expect![[r#"
        poll: u/request after 2
        poll: shown besides: 2 WorkflowTaskScheduled attempt 1 on queue, 3 WorkflowTaskStarted of 2
        w Running
          1 WorkflowExecutionStarted attempt 1
          2 WorkflowTaskScheduled attempt 1 on queue
          3 WorkflowTaskStarted of 2
          4 WorkflowTaskCompleted of 2,3
          5 WorkflowExecutionUpdateAccepted u
    "#]],
    );
}

#[test]
fn an_update_with_start() {
    check(
        "update-start u\npoll\ncomplete accept:u finish:u\nupdate-start u\nupdate-start v\n\
         update-start v conflict=USE_EXISTING\npoll\ncomplete reject:v\nupdate-start w conflict=TERMINATE_EXISTING",
        expect![[r#"
            update-start: started
            poll: u/request after 2
            update-start: not started
            update-start: Start(AlreadyStarted { message: "Workflow execution is already running. WorkflowId: w, RunId: 00000000-0000-4000-8000-000000000002.", request_id: "00000000-0000-4000-8000-000000000001", run_id: "00000000-0000-4000-8000-000000000002", first_run_id: "00000000-0000-4000-8000-000000000002" })
            update-start: not started
            poll: v/request after 7
            poll: shown besides: 7 WorkflowTaskScheduled attempt 1 on queue, 8 WorkflowTaskStarted of 7
            update v is rejected: it failed
            update-start: started
            w Terminated
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              3 WorkflowTaskStarted of 2
              4 WorkflowTaskCompleted of 2,3
              5 WorkflowExecutionUpdateAccepted u
              6 WorkflowExecutionUpdateCompleted u of 5
              7 WorkflowTaskScheduled attempt 1 on queue
              8 WorkflowTaskStarted of 7
              9 WorkflowTaskCompleted of 7,8
              10 WorkflowExecutionTerminated
            w Running
              1 WorkflowExecutionStarted attempt 1
              2 WorkflowTaskScheduled attempt 1 on queue
              task scheduled, attempt 1
        "#]],
    );
}

#[test]
fn updates_are_bounded() {
    let mut script = Script::default();
    script.line("start");
    for number in 0..11 {
        script.line(&format!("update u{number}"));
    }
    script.line("poll");
    script.line("complete");
    for number in 0..200 {
        let names = (0..10).map(|index| format!("v{number}-{index}"));
        let names: Vec<String> = names.collect();
        names.iter().for_each(|name| script.line(&format!("update {name}")));
        script.line("poll");
        let words = names.iter().map(|name| format!(" accept:{name} finish:{name}"));
        script.line(&format!("complete{}", words.collect::<String>()));
    }
    script.line("update last");
    script.check_recovery();
    let printed = script.print();
    for said in [
        "update: Exhausted: limit on number of concurrent in-flight updates has been reached (10)",
        "update: FailedPrecondition: The limit on the total number of distinct updates in this workflow has been \
         reached (2000).",
    ] {
        assert_eq!(printed.matches(said).count(), 1, "{said}");
    }
}
