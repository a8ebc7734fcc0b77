//! The order of jobs and commands, patches, flags: what older histories decide.

use expect_test::expect;

use super::support::{Drive, check, check_live, config, history, steps};

#[test]
fn jobs_come_in_their_order() {
    check_live(
        3,
        "started
         task
         activity-scheduled 1 greet
         timer-started 1
         timer-fired 6 1
         cancel-requested
         activity-started 5
         activity-completed 5 hi
         signaled a
         signaled b
         task open",
        "start => activity 1 greet; timer 1",
        &expect![[r#"
            replay 3.0s: start => activity 1 greet; timer 1
            new 14.0s: signal a, signal b, timer 1 fired, cancel, activity 1 completed hi
            respond:
            idle
        "#]],
    );
}

#[test]
fn the_first_end_counts_and_comes_last() {
    check_live(
        0,
        "started\n task open",
        "start => fail; activity 1 greet; complete done; timer 1",
        &expect![[r#"
            new 3.0s: start => fail; activity 1 greet; complete done; timer 1
            respond: schedule activity 1 greet; start timer 1; fail; flags [1, 2, 3] host
            idle
        "#]],
    );
    // As it was before the rule was made.
    let old = "
        flags 1
        started
        task
        activity-scheduled 1 greet
        failed";
    check(
        old,
        "start => activity 1 greet; fail; timer 1",
        &expect![[r#"
        replay 3.0s: start => activity 1 greet; fail; timer 1
        idle
    "#]],
    );
}

#[test]
fn patches_decide_once() {
    const GUEST: &str = "start => patched p; either activity 1 new | activity 1 old";
    // New: with a marker, and the list of patches.
    check_live(
        0,
        "started\n task open",
        GUEST,
        &expect![[r#"
        new 3.0s: start => patched p; either activity 1 new | activity 1 old
        respond: marker core_patch patch-data={"id":"p","deprecated":false}; upsert TemporalChangeVersion=["p"]; schedule activity 1 new; flags [1, 2, 3] host
        idle
    "#]],
    );
    // Recorded so.
    check(
        "started
         task
         patch p
         upserted TemporalChangeVersion
         activity-scheduled 1 new",
        GUEST,
        &expect![[r#"
            replay 3.0s: start => patched p; either activity 1 new | activity 1 old
            idle
        "#]],
    );
    // Recorded before the rule that upserts.
    check(
        "flags 1
         started
         task
         patch p
         activity-scheduled 1 new",
        GUEST,
        &expect![[r#"
            replay 3.0s: start => patched p; either activity 1 new | activity 1 old
            idle
        "#]],
    );
    // Recorded before the change.
    check(
        "started
         task
         activity-scheduled 1 old",
        GUEST,
        &expect![[r#"
            replay 3.0s: start => either activity 1 new | activity 1 old
            idle
        "#]],
    );
    // Code that no longer asks.
    for marker in ["patch p", "patch p deprecated"] {
        let events = format!(
            "started
             task
             {marker}
             upserted TemporalChangeVersion
             activity-scheduled 1 new"
        );
        let steps = steps(&history(&events), "start => activity 1 new", Drive::replay());
        match marker {
            "patch p" => expect![[r#"
                replay 3.0s: start => activity 1 new
                error: nondeterminism at event 5: history has a marker of patch p, the workflow has no call for it
            "#]],
            _ => expect![[r#"
                replay 3.0s: start => activity 1 new
                idle
            "#]],
        }
        .assert_eq(&steps);
    }
    // Code that declares the old path gone, on a history that has it.
    check(
        "started
         task
         activity-scheduled 1 new
         activity-started 5
         activity-completed 5
         task
         timer-started 1",
        "start => deprecated p; activity 1 new
         activity 1 => timer 1",
        &expect![[r#"
            replay 3.0s: start => deprecated p; activity 1 new
            replay 9.0s: activity 1 completed - => timer 1
            idle
        "#]],
    );
}

#[test]
fn ids_are_compared_where_they_were_compared_before() {
    for flags in ["1 2 3", ""] {
        let events = format!(
            "flags {flags}
             started
             task
             activity-scheduled 1 greet
             activity-started 5
             activity-completed 5
             task
             completed"
        );
        let guest = "start => activity 1 other
                     activity 1 => complete done";
        let steps = steps(&history(&events), guest, Drive::replay());
        match flags {
            "" => expect![[r#"
                replay 3.0s: start => activity 1 other
                replay 9.0s: activity 1 completed - => complete done
                idle
            "#]],
            _ => expect![[r#"
                replay 3.0s: start => activity 1 other
                error: nondeterminism at event 5: history has a schedule of activity 1 of type greet, the workflow has a schedule of activity 1 of type other
            "#]],
        }
        .assert_eq(&steps);
    }
}

#[test]
fn without_the_capability_no_flags_are_written() {
    let mut drive = Drive::live(0);
    drive.config.writes_sdk_metadata = false;
    expect![[r#"
        new 3.0s: start => patched p; upsert TemporalChangeVersion; memo
        respond: marker core_patch patch-data={"id":"p","deprecated":false}; upsert TemporalChangeVersion=x; upsert memo;
        idle
    "#]].assert_eq(&steps(
        &history("started\n task open"),
        "start => patched p; upsert TemporalChangeVersion; memo",
        drive,
    ));
    let mut drive = Drive::live(0);
    drive.config = config();
    expect![[r#"
        new 3.0s: start => patched p; upsert TemporalChangeVersion; memo
        respond: marker core_patch patch-data={"id":"p","deprecated":false}; upsert TemporalChangeVersion=["p"]; upsert ; upsert memo; flags [1, 2, 3] host
        idle
    "#]].assert_eq(&steps(
        &history("started\n task open"),
        "start => patched p; upsert TemporalChangeVersion; memo",
        drive,
    ));
}

#[test]
fn a_continuation_inherits() {
    check_live(
        0,
        "started\n task open",
        "start => upsert color; continue",
        &expect![[r#"
        new 3.0s: start => upsert color; continue
        respond: upsert color=x; continue as new memo=true search attributes=true; flags [1, 2, 3] host
        idle
    "#]],
    );
}

#[test]
fn other_workflows_answer() {
    check(
        "started
         task
         signal-initiated
         signal-initiated
         external-cancel-initiated
         external-signaled 5
         signal-failed 6
         external-cancel-requested 7
         child-initiated kid
         task
         completed",
        "start => signal 1 a; signal 2 b; cancel-external 1 other; child 1 kid
         external => complete done",
        &expect![[r#"
            replay 3.0s: start => signal 1 a; signal 2 b; cancel-external 1 other; child 1 kid
            replay 13.0s: external signal 1 done, external signal 2 failed (Unable to signal external workflow because it was not found), external cancel 1 done => complete done; complete done; complete done
            idle
        "#]],
    );
    check(
        "started
         task
         child-initiated kid
         child-initiated twin
         child-started 5
         child-start-failed 6
         child-completed 5 hi
         task
         completed",
        "start => child 1 kid; child 2 twin
         child 1 completed => complete done",
        &expect![[r#"
            replay 3.0s: start => child 1 kid; child 2 twin
            replay 11.0s: child 1 started child-run, child 2 start failed WorkflowAlreadyExists, child 1 completed hi => complete done
            idle
        "#]],
    );
    check(
        "started
         task
         child-initiated kid
         child-started 5
         child-failed 5
         task
         memo-modified
         upserted color
         completed",
        "start => child 1 kid
         child 1 failed => memo; upsert color; complete done",
        &expect![[r#"
            replay 3.0s: start => child 1 kid
            replay 9.0s: child 1 started child-run, child 1 failed ([child] Child Workflow execution failed: boom) => memo; upsert color; complete done
            idle
        "#]],
    );
    check(
        "started
         task
         child-initiated sibling",
        "start => child 1 kid",
        &expect![[r#"
            replay 3.0s: start => child 1 kid
            error: nondeterminism at event 5: history has a start of child workflow sibling of type Child, the workflow has a start of child workflow kid of type Child
        "#]],
    );
    check(
        "started
         task
         nexus-scheduled
         nexus-completed 5 hi
         task
         completed",
        "start => nexus 1 op
         nexus 1 completed => complete done",
        &expect![[r#"
            replay 3.0s: start => nexus 1 op
            replay 8.0s: nexus 1 started, nexus 1 completed hi => complete done
            idle
        "#]],
    );
}
