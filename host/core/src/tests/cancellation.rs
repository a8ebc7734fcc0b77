//! Cancelling: before a command is sent, and after, by every type.

use expect_test::expect;

use super::support::{Drive, check, check_live, history, steps};

#[test]
fn what_is_cancelled_in_the_task_that_began_it_is_never_sent() {
    check_live(
        0,
        "started\n task open",
        "start => activity 1 greet; timer 1; child 1 kid; signal 1 poke; nexus 1 op; timer 2
         start => cancel-activity 1; cancel-timer 1; cancel-child 1; cancel-signal 1; cancel-nexus 1",
        &expect![[r#"
            new 3.0s: start => activity 1 greet; timer 1; child 1 kid; signal 1 poke; nexus 1 op; timer 2; cancel-activity 1; cancel-timer 1; cancel-child 1; cancel-signal 1; cancel-nexus 1
            new 3.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] ), child 1 start canceled ([child] Child Workflow Execution cancelled before scheduled: why not: [canceled] ), external signal 1 failed ([canceled] Signal was cancelled before being sent), nexus 1 start failed ([nexus] Nexus Operation cancelled before scheduled: [canceled] )
            respond: start timer 2; flags [1, 2, 3] host
            idle
        "#]],
    );
}

#[test]
fn activities_follow_their_cancellation_type() {
    for (cancellation, end) in [
        ("try", "activity-canceled 5"),
        ("wait", "activity-canceled 5"),
        ("wait", "activity-completed 5 hi"),
        ("wait", "activity-timed-out 5"),
        ("abandon", "activity-completed 5 hi"),
        ("abandon", "activity-failed 5"),
    ] {
        let guest = format!(
            "start => activity 1 greet {cancellation}
             signal stop => cancel-activity 1
             activity 1 => timer 1"
        );
        let request =
            if cancellation == "abandon" { "timer-started 1" } else { "activity-cancel-requested 5" };
        let (after, timer) = match (cancellation, end) {
            ("try", _) => ("timer-started 1", ""),
            ("wait", _) => ("", "timer-started 1"),
            _ => ("", ""),
        };
        let events = format!(
            "started
             task
             activity-scheduled 1 greet
             activity-started 5
             signaled stop
             task
             {request}
             {after}
             {end}
             task
             {timer}
             cancel-requested
             task open"
        );
        let steps = steps(&history(&events), &guest, Drive::live(9));
        match (cancellation, end) {
            ("try", _) => expect![[r#"
                replay 3.0s: start => activity 1 greet try
                replay 9.0s: signal stop => cancel-activity 1
                replay 9.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] ) => timer 1
                new 19.0s: cancel
                respond:
                idle
            "#]],
            ("wait", "activity-canceled 5") => expect![[r#"
                replay 3.0s: start => activity 1 greet wait
                replay 9.0s: signal stop => cancel-activity 1
                replay 14.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] ) => timer 1
                new 19.0s: cancel
                respond:
                idle
            "#]],
            ("wait", "activity-completed 5 hi") => expect![[r#"
                replay 3.0s: start => activity 1 greet wait
                replay 9.0s: signal stop => cancel-activity 1
                replay 14.0s: activity 1 completed hi => timer 1
                new 19.0s: cancel
                respond:
                idle
            "#]],
            ("wait", _) => expect![[r#"
                replay 3.0s: start => activity 1 greet wait
                replay 9.0s: signal stop => cancel-activity 1
                replay 14.0s: activity 1 failed ([activity 1] Activity task timed out: boom) => timer 1
                new 19.0s: cancel
                respond:
                idle
            "#]],
            ("abandon", "activity-completed 5 hi") => expect![[r#"
                replay 3.0s: start => activity 1 greet abandon
                replay 9.0s: signal stop => cancel-activity 1
                replay 9.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] ) => timer 1
                new 18.0s: cancel
                respond:
                idle
            "#]],
            _ => expect![[r#"
                replay 3.0s: start => activity 1 greet abandon
                replay 9.0s: signal stop => cancel-activity 1
                replay 9.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] ) => timer 1
                new 18.0s: cancel
                respond:
                idle
            "#]],
        }
        .assert_eq(&steps);
    }
}

#[test]
fn children_follow_their_cancellation_type() {
    for cancellation in ["abandon", "try", "wait"] {
        let guest = format!(
            "start => child 1 kid {cancellation}
             signal stop => cancel-child 1"
        );
        let request = if cancellation == "abandon" {
            ""
        } else {
            "external-cancel-initiated\n external-cancel-requested 11"
        };
        let events = format!(
            "started
             task
             child-initiated kid
             child-started 5
             signaled stop
             task
             {request}
             child-canceled 5
             task open"
        );
        let steps = steps(&history(&events), &guest, Drive::live(9));
        match cancellation {
            "abandon" => expect![[r#"
                replay 3.0s: start => child 1 kid abandon
                replay 9.0s: signal stop, child 1 started child-run => cancel-child 1
                replay 9.0s: child 1 canceled ([child] Child Workflow execution cancelled: [canceled] )
                respond:
                idle
            "#]],
            "try" => expect![[r#"
                replay 3.0s: start => child 1 kid try
                replay 9.0s: signal stop, child 1 started child-run => cancel-child 1
                replay 9.0s: child 1 canceled ([child] Child Workflow execution cancelled: [canceled] )
                respond:
                idle
            "#]],
            _ => expect![[r#"
                replay 3.0s: start => child 1 kid wait
                replay 9.0s: signal stop, child 1 started child-run => cancel-child 1
                new 15.0s: child 1 canceled ([child] Child Workflow execution cancelled: [canceled] )
                respond:
                idle
            "#]],
        }
        .assert_eq(&steps);
    }
}

#[test]
fn nexus_operations_follow_their_cancellation_type() {
    for cancellation in ["abandon", "try", "wait", "requested"] {
        let guest = format!(
            "start => nexus 1 op {cancellation}
             signal stop => cancel-nexus 1"
        );
        let request = if cancellation == "abandon" {
            ""
        } else {
            "nexus-cancel-requested 5\n nexus-cancel-request-completed 5"
        };
        let events = format!(
            "started
             task
             nexus-scheduled
             nexus-started 5
             signaled stop
             task
             {request}
             nexus-completed 5 hi
             task open"
        );
        let steps = steps(&history(&events), &guest, Drive::live(9));
        match cancellation {
            "abandon" => expect![[r#"
                replay 3.0s: start => nexus 1 op abandon
                replay 9.0s: signal stop, nexus 1 started token => cancel-nexus 1
                replay 9.0s: nexus 1 canceled ([nexus] Nexus operation cancelled after starting: [canceled] )
                respond:
                idle
            "#]],
            "try" => expect![[r#"
                replay 3.0s: start => nexus 1 op try
                replay 9.0s: signal stop, nexus 1 started token => cancel-nexus 1
                replay 9.0s: nexus 1 canceled ([nexus] Nexus operation cancelled after starting: [canceled] )
                respond:
                idle
            "#]],
            "wait" => expect![[r#"
                replay 3.0s: start => nexus 1 op wait
                replay 9.0s: signal stop, nexus 1 started token => cancel-nexus 1
                new 15.0s: nexus 1 completed hi
                respond:
                idle
            "#]],
            _ => expect![[r#"
                replay 3.0s: start => nexus 1 op requested
                replay 9.0s: signal stop, nexus 1 started token => cancel-nexus 1
                new 15.0s: nexus 1 canceled ([nexus] Nexus operation cancellation request completed: [canceled] )
                respond:
                idle
            "#]],
        }
        .assert_eq(&steps);
    }
}

#[test]
fn a_timer_is_cancelled_or_has_fired() {
    check(
        "started
         task
         timer-started 1
         signaled stop
         task
         timer-canceled 5 1
         completed",
        "start => timer 1
         signal stop => cancel-timer 1; complete done",
        &expect![[r#"
            replay 3.0s: start => timer 1
            replay 8.0s: signal stop => cancel-timer 1; complete done
            idle
        "#]],
    );
    check(
        "started
         task
         timer-started 1
         timer-fired 5 1
         task
         completed",
        "start => timer 1
         timer 1 fired => cancel-timer 1; complete done",
        &expect![[r#"
            replay 3.0s: start => timer 1
            replay 8.0s: timer 1 fired => cancel-timer 1; complete done
            idle
        "#]],
    );
}

#[test]
fn what_was_never_begun_cannot_be_cancelled() {
    for guest in [
        "start => cancel-activity 1",
        "start => cancel-timer 7",
        "start => cancel-child 1",
        "start => cancel-nexus 0",
        "start => timer 2; timer 1",
        "start => complete-update u",
    ] {
        let steps = steps(&history("started\n task open"), guest, Drive::live(0));
        assert!(steps.contains("error: workflow asked for the impossible"), "{guest}: {steps}");
    }
}
