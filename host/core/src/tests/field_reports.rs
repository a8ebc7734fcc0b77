//! Faults that users of other SDKs reported, told to this core; `tests/field-reports.md` names the reports.

use expect_test::expect;
use host_wire::temporal::api::{
    command::v1::{StartChildWorkflowExecutionCommandAttributes, command::Attributes},
    common::v1::WorkflowType,
};

use super::support::{Drive, Driver, check, check_live, config, history, payload, steps, update_message};
use crate::{ChildWorkflowCancellation, Command, Outcome, Run, Step};

/// The lines of the activations alone, without whether they were replayed.
fn activations(lines: &str) -> Vec<&str> {
    lines
        .lines()
        .filter_map(|line| line.strip_prefix("new ").or_else(|| line.strip_prefix("replay ")))
        .collect()
}

#[test]
fn local_activities_end_in_one_order() {
    const GUEST: &str = "
        start => local 1 slow; local 2 quick
        local 1 => timer 1
        local 2 => activity 3 after
    ";
    let mut live = Driver::new(config(), GUEST);
    live.task(&history("started\n task open"), Drive::live(0));
    live.local_activity(2, Outcome::Completed(Some(payload("second"))));
    live.local_activity(1, Outcome::Completed(Some(payload("first"))));
    expect![[r#"
        new 3.0s: start => local 1 slow; local 2 quick
        run local activity 1 slow
        run local activity 2 quick
        idle
        local activity 2 is over
        new 3.5s: local 2 completed second => activity 3 after
        idle
        local activity 1 is over
        new 3.5s: local 1 completed first => timer 1
        respond: marker core_local_activity data={"seq":2,"attempt":1,"activity_id":"2","activity_type":"quick","complete_time":{"seconds":3,"nanos":500000000},"backoff":null,"original_schedule_time":null,"activation_index":1} result=second; schedule activity 3 after; marker core_local_activity data={"seq":1,"attempt":1,"activity_id":"1","activity_type":"slow","complete_time":{"seconds":3,"nanos":500000000},"backoff":null,"original_schedule_time":null,"activation_index":2} result=first; start timer 1; flags [1, 2, 3] host
        idle
    "#]]
    .assert_eq(&live.lines);
    let replayed = steps(
        &history(
            "started
             task
             local-marker 2 quick second 1
             activity-scheduled 3 after
             local-marker 1 slow first 2
             timer-started 1",
        ),
        GUEST,
        Drive::replay(),
    );
    assert!(replayed.ends_with("idle\n"), "{replayed}");
    assert_eq!(activations(&replayed), activations(&live.lines));
}

#[test]
fn a_cancelled_activity_and_a_local_one_end_in_one_order() {
    const GUEST: &str = "
        start => activity 1 long; timer 1
        timer 1 fired => cancel-activity 1; local 2 quick
        activity 1 => timer 2
        local 2 => timer 3
    ";
    const TASK: &str = "started\n task\n activity-scheduled 1 long\n timer-started 1\n timer-fired 6 1\n";
    let mut live = Driver::new(config(), GUEST);
    live.task(&history(&format!("{TASK} task open")), Drive::live(3));
    live.local_activity(2, Outcome::Completed(None));
    expect![[r#"
        replay 3.0s: start => activity 1 long; timer 1
        new 9.0s: timer 1 fired => cancel-activity 1; local 2 quick
        run local activity 2 quick
        new 9.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] ) => timer 2
        idle
        local activity 2 is over
        new 9.5s: local 2 completed - => timer 3
        respond: cancel activity of event 5; start timer 2; marker core_local_activity data={"seq":2,"attempt":1,"activity_id":"2","activity_type":"quick","complete_time":{"seconds":9,"nanos":500000000},"backoff":null,"original_schedule_time":null,"activation_index":2}; start timer 3;
        idle
    "#]]
    .assert_eq(&live.lines);
    let recorded = format!(
        "{TASK} task
         activity-cancel-requested 5
         timer-started 2
         local-marker 2 quick x 2
         timer-started 3"
    );
    let replayed = steps(&history(&recorded), GUEST, Drive::replay());
    expect![[r#"
        replay 3.0s: start => activity 1 long; timer 1
        replay 9.0s: timer 1 fired => cancel-activity 1; local 2 quick
        replay 9.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] ) => timer 2
        replay 9.0s: local 2 completed x => timer 3
        idle
    "#]]
    .assert_eq(&replayed);
}

#[test]
fn a_local_activity_that_is_over_can_be_cancelled() {
    const GUEST: &str = "
        start => local 1 quick; timer 1
        local 1 => timer 2
        signal stop => cancel-activity 1; cancel-activity 1
    ";
    // The worker has its result while the signal is on the way, and then history has it.
    let mut live = Driver::new(config(), GUEST);
    live.task(&history("started\n task open"), Drive::live(0));
    live.local_activity(1, Outcome::Completed(None));
    live.task(
        &history(
            "@4
             task-completed 2
             timer-started 1
             local-marker 1 quick x 1
             timer-started 2
             signaled stop
             task open",
        ),
        Drive::live(3),
    );
    expect![[r#"
        new 3.0s: start => local 1 quick; timer 1
        run local activity 1 quick
        idle
        local activity 1 is over
        new 3.5s: local 1 completed - => timer 2
        respond: start timer 1; marker core_local_activity data={"seq":1,"attempt":1,"activity_id":"1","activity_type":"quick","complete_time":{"seconds":3,"nanos":500000000},"backoff":null,"original_schedule_time":null,"activation_index":1}; start timer 2; flags [1, 2, 3] host
        idle
        new 10.0s: signal stop => cancel-activity 1; cancel-activity 1
        respond:
        idle
    "#]]
    .assert_eq(&live.lines);
}

#[test]
fn cancelling_twice_asks_once() {
    check_live(
        11,
        "started
         task
         activity-scheduled 1 greet
         timer-started 1
         nexus-scheduled
         nexus-started 7
         signaled stop
         task
         task
         cancel-requested
         task open",
        "start => activity 1 greet wait; timer 1; nexus 1 op
         cancel => cancel-activity 1; cancel-activity 1; cancel-timer 1; cancel-timer 1; cancel-nexus 1; cancel-nexus 1",
        &expect![[r#"
            replay 3.0s: start => activity 1 greet wait; timer 1; nexus 1 op
            replay 11.0s: signal stop, nexus 1 started token
            new 18.0s: cancel => cancel-activity 1; cancel-activity 1; cancel-timer 1; cancel-timer 1; cancel-nexus 1; cancel-nexus 1
            respond: cancel activity of event 5; cancel timer 1; cancel nexus of event 7;
            idle
        "#]],
    );
}

#[test]
fn what_no_worker_took_is_cancelled_beside_a_child() {
    check(
        "started
         task
         activity-scheduled 1 backup
         child-initiated kid
         child-started 6
         cancel-requested
         task
         activity-cancel-requested 5
         external-cancel-initiated
         activity-canceled 5
         external-cancel-requested 13
         child-canceled 6
         task
         canceled",
        "start => activity 1 backup wait; child 1 kid
         cancel => cancel-activity 1; cancel-child 1
         child 1 canceled => cancel",
        &expect![[r#"
            replay 3.0s: start => activity 1 backup wait; child 1 kid
            replay 10.0s: child 1 started child-run, cancel => cancel-activity 1; cancel-child 1
            replay 18.0s: activity 1 canceled ([activity 1] Activity cancelled: [canceled] ), child 1 canceled ([child] Child Workflow execution cancelled: [canceled] ) => cancel
            idle
        "#]],
    );
}

#[test]
fn a_child_is_cancelled_before_it_is_known_to_have_started() {
    for cancellation in ["wait", "try", "abandon"] {
        let guest = format!(
            "start => child 1 kid {cancellation}
             signal stop => cancel-child 1"
        );
        let steps = steps(
            &history("started\n task\n child-initiated kid\n signaled stop\n task open"),
            &guest,
            Drive::live(3),
        );
        match cancellation {
            "wait" => expect![[r#"
                replay 3.0s: start => child 1 kid wait
                new 8.0s: signal stop => cancel-child 1
                respond: cancel workflow kid (why not);
                idle
            "#]],
            "try" => expect![[r#"
                replay 3.0s: start => child 1 kid try
                new 8.0s: signal stop => cancel-child 1
                new 8.0s: child 1 canceled ([child] Child Workflow execution cancelled: [canceled] )
                respond: cancel workflow kid (why not);
                idle
            "#]],
            _ => expect![[r#"
                replay 3.0s: start => child 1 kid abandon
                new 8.0s: signal stop => cancel-child 1
                new 8.0s: child 1 canceled ([child] Child Workflow execution cancelled: [canceled] )
                respond:
                idle
            "#]],
        }
        .assert_eq(&steps);
    }
}

/// A child may have continued as new: its run is another one by then, its workflow id is the same.
#[test]
fn a_child_is_cancelled_in_whatever_run_it_is() {
    let mut run = Run::new(config());
    run.start_task(Drive::live(3).task).unwrap();
    let events = "started\n task\n child-initiated kid\n child-started 5\n signaled stop\n task open";
    run.feed(history(events), true);
    let start = || StartChildWorkflowExecutionCommandAttributes {
        workflow_id: "kid".to_owned(),
        workflow_type: Some(WorkflowType { name: "Child".to_owned() }),
        ..StartChildWorkflowExecutionCommandAttributes::default()
    };
    let mut sent = None;
    loop {
        match run.next_step().unwrap() {
            Step::Activate(activation) if activation.is_replaying => {
                let start = Command::StartChildWorkflow {
                    seq: 1,
                    attributes: Box::new(start()),
                    cancellation: ChildWorkflowCancellation::WaitCancellationCompleted,
                    user_metadata: None,
                };
                run.activated(vec![start]).unwrap();
            }
            Step::Activate(_) => {
                let cancel = Command::CancelChildWorkflow { seq: 1, reason: "why not".to_owned() };
                run.activated(vec![cancel]).unwrap();
            }
            Step::Respond(completion) => sent = Some(completion),
            Step::Idle => break,
            other => panic!("{other:?}"),
        }
    }
    let command = sent.unwrap().commands.remove(0);
    let Some(Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(request)) =
        command.attributes
    else {
        panic!("another command: {:?}", command.attributes)
    };
    assert_eq!((request.workflow_id.as_str(), request.run_id.as_str()), ("kid", ""));
    assert!(request.child_workflow_only);
}

#[test]
fn deprecated_patches_next_to_each_other_go_one_by_one() {
    const EVENTS: &str = "
        started
        task
        patch one deprecated
        upserted TemporalChangeVersion
        patch two deprecated
        upserted TemporalChangeVersion
        activity-scheduled 1 new
    ";
    for guest in [
        "start => deprecated one; deprecated two; activity 1 new",
        "start => deprecated two; activity 1 new",
        "start => deprecated one; activity 1 new",
        "start => activity 1 new",
    ] {
        let steps = steps(&history(EVENTS), guest, Drive::replay());
        assert!(steps.ends_with("idle\n"), "{guest}: {steps}");
    }
    // One of them is removed while the other becomes deprecated.
    let recorded = EVENTS.replace("patch two deprecated", "patch two");
    let steps = steps(&history(&recorded), "start => deprecated two; activity 1 new", Drive::replay());
    assert!(steps.ends_with("idle\n"), "{steps}");
}

#[test]
fn a_patch_in_the_handler_of_an_update_replays() {
    const GUEST: &str = "
        start => timer 1
        update u => patched p; complete-update u; patched q; activity 1 greet
    ";
    let mut drive = Drive::live(3);
    drive.task.messages = vec![update_message("u", 6)];
    let live = steps(&history("started\n task\n timer-started 1\n task open"), GUEST, drive);
    expect![[r#"
        replay 3.0s: start => timer 1
        validate u: true
        new 7.0s: update u => patched p; complete-update u; patched q; activity 1 greet
        respond: message u/request/accept; marker core_patch patch-data={"id":"p","deprecated":false}; upsert TemporalChangeVersion=["p"]; message u/request/complete; marker core_patch patch-data={"id":"q","deprecated":false}; upsert TemporalChangeVersion=["p","q"]; schedule activity 1 greet; message u/request/accept; message u/request/complete;
        idle
    "#]]
    .assert_eq(&live);
    let replayed = steps(
        &history(
            "started
             task
             timer-started 1
             task
             update-accepted u 6
             patch p
             upserted TemporalChangeVersion
             update-completed
             patch q
             upserted TemporalChangeVersion
             activity-scheduled 1 greet
             task open",
        ),
        GUEST,
        Drive::replay(),
    );
    expect![[r#"
        replay 3.0s: start => timer 1
        replay 7.0s: update u => patched p; complete-update u; patched q; activity 1 greet
        idle
    "#]]
    .assert_eq(&replayed);
}

#[test]
fn an_update_is_accepted_and_completed_once() {
    let mut drive = Drive::live(3);
    drive.task.messages = vec![update_message("u", 6), update_message("u", 6)];
    let events = history("started\n task\n timer-started 1\n task open");
    let twice_asked = steps(&events, "start => timer 1\n update u => complete-update u", drive.clone());
    expect![[r#"
        replay 3.0s: start => timer 1
        validate u: true
        new 7.0s: update u => complete-update u
        respond: message u/request/accept; message u/request/complete; message u/request/accept; message u/request/complete;
        idle
    "#]]
    .assert_eq(&twice_asked);
    drive.task.messages.truncate(1);
    let twice_completed =
        steps(&events, "start => timer 1\n update u => complete-update u; complete-update u", drive);
    expect![[r#"
        replay 3.0s: start => timer 1
        validate u: true
        new 7.0s: update u => complete-update u; complete-update u
        error: workflow asked for the impossible: update u is completed, which is not running
    "#]]
    .assert_eq(&twice_completed);
}

#[test]
fn an_update_completes_before_its_run_continues_as_new() {
    let mut drive = Drive::live(3);
    drive.task.messages = vec![update_message("u", 6)];
    let steps = steps(
        &history("started\n task\n timer-started 1\n task open"),
        "start => timer 1\n update u => continue; complete-update u",
        drive,
    );
    expect![[r#"
        replay 3.0s: start => timer 1
        validate u: true
        new 7.0s: update u => continue; complete-update u
        respond: message u/request/accept; message u/request/complete; continue as new memo=true search attributes=false; message u/request/accept; message u/request/complete;
        idle
    "#]]
    .assert_eq(&steps);
}
