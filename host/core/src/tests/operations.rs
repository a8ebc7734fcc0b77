//! How operations close, in every state in which they can: one table a kind.

use expect_test::{Expect, expect};

use super::support::{Drive, Driver, config, failure, history, payload, steps};
use crate::Outcome;

/// A history of one operation: begun by the start of the run, perhaps cancelled by the signal `stop`.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// The command that begins it; its event has id 5.
    begin: &'static str,
    /// Its events before the signal.
    before: &'static str,
    /// The command that the signal leads to.
    cancel: &'static str,
    /// Its events after the task of the signal.
    after: &'static str,
}

/// A case without a cancellation.
const fn plain(begin: &'static str, before: &'static str) -> Case {
    Case { begin, before, cancel: "", after: "" }
}

/// A case with one.
const fn cancelled(
    begin: &'static str,
    before: &'static str,
    cancel: &'static str,
    after: &'static str,
) -> Case {
    Case { begin, before, cancel, after }
}

/// Replays the cases, and compares what the guest is told after the start.
fn check(cases: &[Case], expected: &Expect) {
    let mut table = String::new();
    for Case { begin, before, cancel, after } in cases {
        let line = |events: &str| events.replace("; ", "\n");
        let events =
            format!("started\n task\n {}\n signaled stop\n task\n {}\n task", line(before), line(after));
        let cancels = if cancel.is_empty() { String::new() } else { format!("signal stop => {cancel}") };
        let steps = steps(&history(&events), &format!("start => {begin}\n {cancels}"), Drive::replay());
        let separator = if cancel.is_empty() { "" } else { " | " };
        table += &format!("{begin}: {before}{separator}{cancel}{separator}{after}\n");
        for step in steps.lines().skip(1).filter(|line| *line != "idle") {
            table += &format!("    {step}\n");
        }
    }
    expected.assert_eq(&table);
}

#[test]
fn activities_close() {
    check(
        &[
            plain("activity 1 greet", "activity-scheduled 1 greet; activity-timed-out 5"),
            plain("activity 1 greet", "activity-scheduled 1 greet; activity-started 5; activity-failed 5"),
            plain("activity 1 greet", "activity-scheduled 1 greet; activity-started 5; activity-timed-out 5"),
        ],
        &expect![[r#"
            activity 1 greet: activity-scheduled 1 greet; activity-timed-out 5
                replay 9.0s: signal stop, activity 1 failed ([activity 1] Activity task timed out: boom)
            activity 1 greet: activity-scheduled 1 greet; activity-started 5; activity-failed 5
                replay 10.0s: signal stop, activity 1 failed ([activity 1] Activity task failed: boom)
            activity 1 greet: activity-scheduled 1 greet; activity-started 5; activity-timed-out 5
                replay 10.0s: signal stop, activity 1 failed ([activity 1] Activity task timed out: boom)
        "#]],
    );
}

#[test]
fn cancelled_activities_close() {
    let before = "activity-scheduled 1 greet";
    let started = "activity-scheduled 1 greet; activity-started 5";
    let wait = |before, after| cancelled("activity 1 greet wait", before, "cancel-activity 1", after);
    let abandon = |after| cancelled("activity 1 greet abandon", before, "cancel-activity 1", after);
    check(
        &[
            wait(before, "activity-cancel-requested 5; activity-canceled 5"),
            wait(before, "activity-cancel-requested 5; activity-timed-out 5"),
            wait(before, "activity-cancel-requested 5; activity-started 5; activity-completed 5 hi"),
            wait(started, "activity-cancel-requested 5; activity-failed 5"),
            abandon("activity-started 5; activity-canceled 5"),
            abandon("activity-timed-out 5"),
        ],
        &expect![[r#"
            activity 1 greet wait: activity-scheduled 1 greet | cancel-activity 1 | activity-cancel-requested 5; activity-canceled 5
                replay 8.0s: signal stop => cancel-activity 1
                replay 13.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] )
            activity 1 greet wait: activity-scheduled 1 greet | cancel-activity 1 | activity-cancel-requested 5; activity-timed-out 5
                replay 8.0s: signal stop => cancel-activity 1
                replay 13.0s: activity 1 failed ([activity 1] Activity task timed out: boom)
            activity 1 greet wait: activity-scheduled 1 greet | cancel-activity 1 | activity-cancel-requested 5; activity-started 5; activity-completed 5 hi
                replay 8.0s: signal stop => cancel-activity 1
                replay 14.0s: activity 1 completed hi
            activity 1 greet wait: activity-scheduled 1 greet; activity-started 5 | cancel-activity 1 | activity-cancel-requested 5; activity-failed 5
                replay 9.0s: signal stop => cancel-activity 1
                replay 14.0s: activity 1 failed ([activity 1] Activity task failed: boom)
            activity 1 greet abandon: activity-scheduled 1 greet | cancel-activity 1 | activity-started 5; activity-canceled 5
                replay 8.0s: signal stop => cancel-activity 1
                replay 8.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] )
            activity 1 greet abandon: activity-scheduled 1 greet | cancel-activity 1 | activity-timed-out 5
                replay 8.0s: signal stop => cancel-activity 1
                replay 8.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] )
        "#]],
    );
}

#[test]
fn child_workflows_close() {
    let plain = |before| plain("child 1 kid", before);
    let abandon = |after| cancelled("child 1 kid abandon", "child-initiated kid", "cancel-child 1", after);
    check(
        &[
            plain("child-initiated kid; child-started 5; child-timed-out 5"),
            plain("child-initiated kid; child-started 5; child-terminated 5"),
            abandon("child-start-failed 5"),
            abandon("child-started 5; child-completed 5 hi"),
            abandon("child-started 5; child-failed 5"),
            abandon("child-started 5; child-timed-out 5"),
            abandon("child-started 5; child-terminated 5"),
        ],
        &expect![[r#"
            child 1 kid: child-initiated kid; child-started 5; child-timed-out 5
                replay 10.0s: signal stop, child 1 started child-run, child 1 failed ([child] Child Workflow execution timed out: [timeout] Timed out)
            child 1 kid: child-initiated kid; child-started 5; child-terminated 5
                replay 10.0s: signal stop, child 1 started child-run, child 1 failed ([child] Child Workflow execution terminated: Terminated)
            child 1 kid abandon: child-initiated kid | cancel-child 1 | child-start-failed 5
                replay 8.0s: signal stop => cancel-child 1
                replay 8.0s: child 1 canceled ([child] Child Workflow execution cancelled: [canceled] )
            child 1 kid abandon: child-initiated kid | cancel-child 1 | child-started 5; child-completed 5 hi
                replay 8.0s: signal stop => cancel-child 1
                replay 8.0s: child 1 canceled ([child] Child Workflow execution cancelled: [canceled] )
            child 1 kid abandon: child-initiated kid | cancel-child 1 | child-started 5; child-failed 5
                replay 8.0s: signal stop => cancel-child 1
                replay 8.0s: child 1 canceled ([child] Child Workflow execution cancelled: [canceled] )
            child 1 kid abandon: child-initiated kid | cancel-child 1 | child-started 5; child-timed-out 5
                replay 8.0s: signal stop => cancel-child 1
                replay 8.0s: child 1 canceled ([child] Child Workflow execution cancelled: [canceled] )
            child 1 kid abandon: child-initiated kid | cancel-child 1 | child-started 5; child-terminated 5
                replay 8.0s: signal stop => cancel-child 1
                replay 8.0s: child 1 canceled ([child] Child Workflow execution cancelled: [canceled] )
        "#]],
    );
}

#[test]
fn requests_to_other_workflows_fail() {
    check(
        &[
            plain("cancel-external 1 other", "external-cancel-initiated; external-cancel-failed 5"),
            plain("signal 1 poke", "signal-initiated; signal-failed 5"),
        ],
        &expect![[r#"
            cancel-external 1 other: external-cancel-initiated; external-cancel-failed 5
                replay 9.0s: signal stop, external cancel 1 failed (Unable to cancel external workflow because not found)
            signal 1 poke: signal-initiated; signal-failed 5
                replay 9.0s: signal stop, external signal 1 failed (Unable to signal external workflow because it was not found)
        "#]],
    );
}

#[test]
fn nexus_operations_close() {
    let plain = |before| plain("nexus 1 op", before);
    check(
        &[
            plain("nexus-scheduled; nexus-failed 5"),
            plain("nexus-scheduled; nexus-canceled 5"),
            plain("nexus-scheduled; nexus-timed-out 5"),
            plain("nexus-scheduled; nexus-started 5; nexus-failed 5"),
            plain("nexus-scheduled; nexus-started 5; nexus-canceled 5"),
            plain("nexus-scheduled; nexus-started 5; nexus-timed-out 5"),
        ],
        &expect![[r#"
            nexus 1 op: nexus-scheduled; nexus-failed 5
                replay 9.0s: signal stop, nexus 1 start failed (boom)
            nexus 1 op: nexus-scheduled; nexus-canceled 5
                replay 9.0s: signal stop, nexus 1 start failed (boom)
            nexus 1 op: nexus-scheduled; nexus-timed-out 5
                replay 9.0s: signal stop, nexus 1 start failed (boom)
            nexus 1 op: nexus-scheduled; nexus-started 5; nexus-failed 5
                replay 10.0s: signal stop, nexus 1 started token, nexus 1 failed (boom)
            nexus 1 op: nexus-scheduled; nexus-started 5; nexus-canceled 5
                replay 10.0s: signal stop, nexus 1 started token, nexus 1 canceled (boom)
            nexus 1 op: nexus-scheduled; nexus-started 5; nexus-timed-out 5
                replay 10.0s: signal stop, nexus 1 started token, nexus 1 failed (boom)
        "#]],
    );
}

#[test]
fn cancelled_nexus_operations_close() {
    let started = "nexus-scheduled; nexus-started 5";
    let case = |begin, before, after| cancelled(begin, before, "cancel-nexus 1", after);
    let wait = |after| case("nexus 1 op wait", "nexus-scheduled", after);
    let requested = |after| case("nexus 1 op requested", started, after);
    let attempt = |before, after| case("nexus 1 op try", before, after);
    check(
        &[
            wait("nexus-cancel-requested 5; nexus-started 5; nexus-canceled 5"),
            requested("nexus-cancel-requested 5; nexus-cancel-request-failed 5; nexus-completed 5 hi"),
            attempt("nexus-scheduled", "nexus-cancel-requested 5; nexus-started 5; nexus-completed 5 hi"),
            attempt(started, "nexus-cancel-requested 5; nexus-cancel-request-failed 5; nexus-failed 5"),
            attempt(started, "nexus-cancel-requested 5; nexus-cancel-request-completed 5; nexus-canceled 5"),
            attempt(started, "nexus-cancel-requested 5; nexus-timed-out 5"),
        ],
        &expect![[r#"
            nexus 1 op wait: nexus-scheduled | cancel-nexus 1 | nexus-cancel-requested 5; nexus-started 5; nexus-canceled 5
                replay 8.0s: signal stop => cancel-nexus 1
                replay 14.0s: nexus 1 started token, nexus 1 canceled (boom)
            nexus 1 op requested: nexus-scheduled; nexus-started 5 | cancel-nexus 1 | nexus-cancel-requested 5; nexus-cancel-request-failed 5; nexus-completed 5 hi
                replay 9.0s: signal stop, nexus 1 started token => cancel-nexus 1
                replay 15.0s: nexus 1 failed ([nexus] Nexus operation cancellation request failed: boom)
            nexus 1 op try: nexus-scheduled | cancel-nexus 1 | nexus-cancel-requested 5; nexus-started 5; nexus-completed 5 hi
                replay 8.0s: signal stop => cancel-nexus 1
                replay 8.0s: nexus 1 canceled ([nexus] Nexus operation cancelled after starting: [canceled] )
            nexus 1 op try: nexus-scheduled; nexus-started 5 | cancel-nexus 1 | nexus-cancel-requested 5; nexus-cancel-request-failed 5; nexus-failed 5
                replay 9.0s: signal stop, nexus 1 started token => cancel-nexus 1
                replay 9.0s: nexus 1 canceled ([nexus] Nexus operation cancelled after starting: [canceled] )
            nexus 1 op try: nexus-scheduled; nexus-started 5 | cancel-nexus 1 | nexus-cancel-requested 5; nexus-cancel-request-completed 5; nexus-canceled 5
                replay 9.0s: signal stop, nexus 1 started token => cancel-nexus 1
                replay 9.0s: nexus 1 canceled ([nexus] Nexus operation cancelled after starting: [canceled] )
            nexus 1 op try: nexus-scheduled; nexus-started 5 | cancel-nexus 1 | nexus-cancel-requested 5; nexus-timed-out 5
                replay 9.0s: signal stop, nexus 1 started token => cancel-nexus 1
                replay 9.0s: nexus 1 canceled ([nexus] Nexus operation cancelled after starting: [canceled] )
        "#]],
    );
}

/// A guest whose local activity the worker ran, and which is served another task with these events.
fn after_local_activity(outcome: Option<Outcome>, marker: &str) -> String {
    let mut driver = Driver::new(config(), "start => local 1 echo\n local 1 => timer 1");
    driver.task(&history("started\n task open"), Drive::live(0));
    match outcome {
        Some(outcome) => driver.local_activity(1, outcome),
        None => driver.heartbeat(),
    }
    let events = format!("@4\n task-completed 2\n {marker}\n timer-started 1\n signaled on\n task open");
    driver.task(&history(&events), Drive::live(3));
    driver
        .lines
        .lines()
        .skip_while(|line| !line.starts_with("respond"))
        .skip(2)
        .map(|it| format!("{it}\n"))
        .collect()
}

#[test]
fn markers_of_local_activities_say_what_the_worker_said() {
    let completed = || Some(Outcome::Completed(Some(payload("hi"))));
    let failed = || Some(Outcome::Failed(Box::new(failure("boom"))));
    let canceled = || {
        let failure = crate::failures::canceled(None);
        Some(Outcome::Canceled(Box::new(failure)))
    };
    let mut table = String::new();
    for (name, outcome, marker) in [
        ("completed", completed(), "local-marker 1 echo hi"),
        ("completed", completed(), "failed-local-marker 1 echo"),
        ("failed", failed(), "failed-local-marker 1 echo"),
        ("failed", failed(), "local-marker 1 echo hi"),
        ("canceled", canceled(), "failed-local-marker 1 echo"),
        ("running", None, "local-marker 1 echo hi"),
    ] {
        table += &format!("{name}, {marker}:\n{}", after_local_activity(outcome, marker));
    }
    expect![[r#"
        completed, local-marker 1 echo hi:
        new 9.0s: signal on
        respond:
        idle
        completed, failed-local-marker 1 echo:
        error: nondeterminism at event 5: history has a marker of local activity 1 of type echo with another outcome, the workflow has a marker of local activity 1 of type echo
        failed, failed-local-marker 1 echo:
        new 9.0s: signal on
        respond:
        idle
        failed, local-marker 1 echo hi:
        error: nondeterminism at event 5: history has a marker of local activity 1 of type echo with another outcome, the workflow has a marker of local activity 1 of type echo
        canceled, failed-local-marker 1 echo:
        new 9.0s: signal on
        respond:
        idle
        running, local-marker 1 echo hi:
        error: history is broken at event 5: MarkerRecorded: a marker of a local activity that is not resolved
    "#]].assert_eq(&table);
}

#[test]
fn a_marker_must_be_there_when_its_task_is_replayed() {
    let mut driver = Driver::new(config(), "start => local 1 echo");
    driver.task(&history("started\n task"), Drive::replay());
    driver.task(&history("@5\n local-marker 1 echo hi\n signaled on\n task open"), Drive::live(3));
    expect![[r#"
        replay 3.0s: start => local 1 echo
        idle
        error: history is broken at event 5: MarkerRecorded: a marker of a local activity that is not resolved
    "#]]
    .assert_eq(&driver.lines);
}
