//! Activities, timers, signals and ends: what every workflow is made of.

use expect_test::expect;

use super::support::{check, check_live};

const HELLO: &str = "
    started
    task
    activity-scheduled 1 greet
    activity-started 5
    activity-completed 5 hi
    task
    completed
";

#[test]
fn a_history_replays_to_its_end() {
    check(
        HELLO,
        "start => activity 1 greet
         activity 1 completed => complete done",
        &expect![[r#"
            replay 3.0s: start => activity 1 greet
            replay 9.0s: activity 1 completed hi => complete done
            idle
        "#]],
    );
}

#[test]
fn a_new_run_is_served_task_by_task() {
    check_live(
        0,
        "started
         task open",
        "start => activity 1 greet; timer 1",
        &expect![[r#"
            new 3.0s: start => activity 1 greet; timer 1
            respond: schedule activity 1 greet; start timer 1; flags [1, 2, 3] host
            idle
        "#]],
    );
    check_live(
        3,
        "started
         task
         activity-scheduled 1 greet
         timer-started 1
         activity-started 5
         activity-completed 5 hi
         task open",
        "start => activity 1 greet; timer 1
         activity 1 completed => cancel-timer 1; complete done",
        &expect![[r#"
            replay 3.0s: start => activity 1 greet; timer 1
            new 10.0s: activity 1 completed hi => cancel-timer 1; complete done
            respond: cancel timer 1; complete done;
            idle
        "#]],
    );
}

#[test]
fn differences_name_the_event_and_both_sides() {
    check(
        HELLO,
        "start => activity 1 farewell",
        &expect![[r#"
        replay 3.0s: start => activity 1 farewell
        error: nondeterminism at event 5: history has a schedule of activity 1 of type greet, the workflow has a schedule of activity 1 of type farewell
    "#]],
    );
    check(
        HELLO,
        "start => timer 1",
        &expect![[r#"
            replay 3.0s: start => timer 1
            error: nondeterminism at event 5: history has a schedule of activity 1 of type greet, the workflow has a start of timer 1
        "#]],
    );
    check(
        HELLO,
        "",
        &expect![[r#"
            replay 3.0s: start
            error: nondeterminism at event 5: history has a schedule of activity 1 of type greet, the workflow has no command for it
        "#]],
    );
    check(
        HELLO,
        "start => activity 1 greet
         activity 1 completed => activity 2 greet",
        &expect![[r#"
            replay 3.0s: start => activity 1 greet
            replay 9.0s: activity 1 completed hi => activity 2 greet
            error: nondeterminism at event 11: history has a completion of the workflow, the workflow has a schedule of activity 2 of type greet
        "#]],
    );
}
