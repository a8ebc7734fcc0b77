//! Where logical workflow tasks end, and where replay does.

use expect_test::expect;

use super::support::{Drive, Driver, check, check_live, config, history};

const GUEST: &str = "
    start => timer 1
    signal go => timer 2
    timer 1 fired => complete done
";

#[test]
fn failed_and_timed_out_attempts_are_skipped() {
    check(
        "started
         task timed-out
         task failed
         task
         timer-started 1
         timer-fired 11 1
         task failed
         signaled late
         task
         completed",
        GUEST,
        &expect![[r#"
            replay 9.0s: start => timer 1
            replay 18.0s: signal late, timer 1 fired => complete done
            idle
        "#]],
    );
    // Scheduled, and timed out before a worker took it.
    check_live(
        0,
        "started
         task timed-out
         signaled go
         task open",
        GUEST,
        &expect![[r#"
            new 7.0s: start, signal go => timer 1; timer 2
            respond: start timer 1; start timer 2; flags [1, 2, 3] host
            idle
        "#]],
    );
}

#[test]
fn heartbeats_are_merged() {
    check(
        "started
         task
         task
         task
         timer-started 1
         timer-fired 11 1
         task
         completed",
        GUEST,
        &expect![[r#"
            replay 9.0s: start => timer 1
            replay 14.0s: timer 1 fired => complete done
            idle
        "#]],
    );
    // With a command between they are not.
    check(
        "started
         task
         timer-started 1
         task
         signaled go
         task
         timer-started 2",
        GUEST,
        &expect![[r#"
            replay 3.0s: start => timer 1
            replay 11.0s: signal go => timer 2
            idle
        "#]],
    );
}

#[test]
fn newer_histories_tell_heartbeats_by_what_follows_them() {
    let replay = |events: &str| {
        super::support::steps(&history(&format!("flags 1 2 3 4\n{events}")), GUEST, Drive::replay())
    };
    expect![[r#"
        replay 9.0s: start => timer 1
        replay 14.0s: signal go => timer 2
        idle
    "#]]
    .assert_eq(&replay("started\n task\n task\n task\n timer-started 1\n signaled go\n task"));
    // A task that failed is none, nor is one that took an update.
    expect![[r#"
        replay 3.0s: start => timer 1
        idle
    "#]]
    .assert_eq(&replay("started\n task\n task failed\n task\n timer-started 1"));
    let events = "flags 1 2 3 4\n started\n task\n task\n update-accepted u 5";
    expect![[r#"
        replay 3.0s: start
        replay 6.0s: update u
        idle
    "#]]
    .assert_eq(&super::support::steps(&history(events), "", Drive::replay()));
}

#[test]
fn a_reset_gives_a_new_seed() {
    check_live(
        8,
        "started
         task
         timer-started 1
         signaled go
         task reset
         signaled late
         task open",
        GUEST,
        &expect![[r#"
            replay 3.0s: start => timer 1
            new 12.0s: seed new-run, signal go, signal late => timer 2
            respond: start timer 2;
            idle
        "#]],
    );
}

#[test]
fn ends_end_it() {
    for (end, last) in [("terminated", ""), ("terminated", "signaled late"), ("completed", "")] {
        let events = format!(
            "started
             task
             timer-started 1
             {end}
             {last}"
        );
        let steps = super::support::steps(&history(&events), GUEST, Drive::replay());
        match (end, last) {
            ("terminated", "") => expect![[r#"
                replay 3.0s: start => timer 1
                idle
            "#]],
            ("terminated", _) => expect![[r#"
                replay 3.0s: start => timer 1
                error: history is broken at event 6: WorkflowExecutionTerminated: history goes on after it
            "#]],
            _ => expect![[r#"
                replay 3.0s: start => timer 1
                error: nondeterminism at event 6: history has a completion of the workflow, the workflow has no command for it
            "#]],
        }
        .assert_eq(&steps);
    }
    for (end, guest) in
        [("failed", "start => fail"), ("canceled", "start => cancel"), ("continued", "start => continue")]
    {
        let steps =
            super::support::steps(&history(&format!("started\n task\n {end}")), guest, Drive::replay());
        assert!(steps.ends_with("idle\n"), "{end}: {steps}");
    }
}

#[test]
fn an_open_history_replays_as_far_as_it_goes() {
    check(
        "started",
        GUEST,
        &expect![[r#"
        idle
    "#]],
    );
    check(
        "started\n task scheduled",
        GUEST,
        &expect![[r#"
        new 1.0s: start => timer 1
        idle
    "#]],
    );
    check(
        "started\n task open",
        GUEST,
        &expect![[r#"
        new 3.0s: start => timer 1
        idle
    "#]],
    );
    check(
        "started\n task",
        GUEST,
        &expect![[r#"
        replay 3.0s: start => timer 1
        idle
    "#]],
    );
    check(
        "started\n task\n timer-started 1\n signaled go",
        GUEST,
        &expect![[r#"
        replay 3.0s: start => timer 1
        new 3.0s: signal go => timer 2
        idle
    "#]],
    );
}

#[test]
fn a_cached_run_takes_the_tail_of_its_history() {
    let mut driver = Driver::new(config(), GUEST);
    driver.task(&history("started\n task open"), Drive::live(0));
    driver
        .task(&history("@4\n task-completed 2\n timer-started 1\n signaled go\n task open"), Drive::live(3));
    // Whole, instead of its tail: what is known is dropped.
    driver.task(
        &history(
            "started
             task
             timer-started 1
             signaled go
             task
             timer-started 2
             timer-fired 5 1
             task open",
        ),
        Drive::live(8),
    );
    // A gap.
    driver.task(&history("@20\n signaled go\n task open"), Drive::live(13));
    expect![[r#"
        new 3.0s: start => timer 1
        respond: start timer 1; flags [1, 2, 3] host
        idle
        new 8.0s: signal go => timer 2
        respond: start timer 2;
        idle
        new 13.0s: timer 1 fired => complete done
        respond: complete done;
        idle
        error: history is broken at event 20: WorkflowExecutionSignaled: it follows the start of a workflow task
    "#]].assert_eq(&driver.lines);
}

#[test]
fn a_task_without_news_is_answered() {
    check_live(
        3,
        "started
         task
         timer-started 1
         task open",
        GUEST,
        &expect![[r#"
            replay 3.0s: start => timer 1
            respond:
            idle
        "#]],
    );
}

#[test]
fn events_that_are_not_known_are_refused_unless_they_may_be_ignored() {
    for how in ["", "ignorable"] {
        let events = format!(
            "started
             task
             timer-started 1
             unknown {how}
             timer-fired 5 1
             task
             completed"
        );
        let steps = super::support::steps(&history(&events), GUEST, Drive::replay());
        match how {
            "" => expect![[r#"
                replay 3.0s: start => timer 1
                error: event 6 has type 4000, which this host does not know and which it may not ignore: a newer host is needed
            "#]],
            _ => expect![[r#"
                replay 3.0s: start => timer 1
                replay 9.0s: timer 1 fired => complete done
                idle
            "#]],
        }
        .assert_eq(&steps);
    }
}

#[test]
fn broken_histories_say_where() {
    for (events, message) in [
        (
            "@2\n task open",
            expect![[r#"
            error: history is broken at event 2: WorkflowTaskScheduled: the event before it has id 0
        "#]],
        ),
        (
            "started\n started\n task open",
            expect![[r#"
            error: history is broken at event 2: WorkflowExecutionStarted: the run has started before
        "#]],
        ),
        (
            "started\n task\n @9\n timer-started 1",
            expect![[r#"
            replay 3.0s: start => timer 1
            error: history is broken at event 9: TimerStarted: the event before it has id 4
        "#]],
        ),
        (
            "started\n task\n timer-started 1\n timer-fired 4 1\n task open",
            expect![[r#"
            replay 3.0s: start => timer 1
            error: history is broken at event 6: TimerFired: nothing that is open was begun by event 4
        "#]],
        ),
        (
            "started\n task\n timer-started 1\n timer-fired 5 7\n task open",
            expect![[r#"
            replay 3.0s: start => timer 1
            error: nondeterminism at event 6: history has timer 7 firing, the workflow has timer 1 started by the same event
        "#]],
        ),
        (
            "started\n task\n timer-started 1\n timer-fired 5 1\n timer-fired 5 1\n task open",
            expect![[r#"
            replay 3.0s: start => timer 1
            error: history is broken at event 7: TimerFired: nothing that is open was begun by event 5
        "#]],
        ),
        (
            "started\n task open\n timer-started 1\n task open",
            expect![[r#"
            error: history is broken at event 4: TimerStarted: it follows the start of a workflow task
        "#]],
        ),
        (
            "started\n task open\n task-completed 9\n timer-started 1",
            expect![[r#"
            replay 3.0s: start => timer 1
            error: history is broken at event 4: WorkflowTaskCompleted: no workflow task was scheduled by event 9
        "#]],
        ),
        (
            "flags 1 2 3 4\n started\n task\n timer-started 1",
            expect![[r#"
                replay 3.0s: start => timer 1
                idle
            "#]],
        ),
    ] {
        message.assert_eq(&super::support::steps(&history(events), GUEST, Drive::replay()));
    }
}
