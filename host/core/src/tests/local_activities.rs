//! Local activities, run by the worker or resolved by markers.

use crate::Outcome;
use expect_test::expect;

use super::support::{Drive, Driver, check, config, history, payload};

const GUEST: &str = "
    start => local 1 echo
    local 1 completed => complete done
";

#[test]
fn the_worker_runs_what_is_new() {
    let mut driver = Driver::new(config(), GUEST);
    driver.task(&history("started\n task open"), Drive::live(0));
    assert!(driver.run.awaits_local_activities());
    driver.local_activity(1, Outcome::Completed(Some(payload("hi"))));
    assert!(!driver.run.awaits_local_activities());
    expect![[r#"
        new 3.0s: start => local 1 echo
        run local activity 1 echo
        idle
        local activity 1 is over
        new 3.5s: local 1 completed hi => complete done
        respond: marker core_local_activity data={"seq":1,"attempt":1,"activity_id":"1","activity_type":"echo","complete_time":{"seconds":3,"nanos":500000000},"backoff":null,"original_schedule_time":null,"activation_index":1} result=hi; complete done; flags [1, 2, 3] host
        idle
    "#]].assert_eq(&driver.lines);
}

#[test]
fn a_heartbeat_keeps_the_task_while_it_runs() {
    let mut driver = Driver::new(config(), GUEST);
    driver.task(&history("started\n task open"), Drive::live(0));
    driver.heartbeat();
    driver.local_activity(1, Outcome::Completed(Some(payload("hi"))));
    driver.task(&history("@4\n task-completed 2\n task open"), Drive::live(3));
    expect![[r#"
        new 3.0s: start => local 1 echo
        run local activity 1 echo
        idle
        heartbeat
        respond: flags [1, 2, 3] host and another task
        idle
        local activity 1 is over
        idle
        new 6.0s: local 1 completed hi => complete done
        respond: marker core_local_activity data={"seq":1,"attempt":1,"activity_id":"1","activity_type":"echo","complete_time":{"seconds":3,"nanos":500000000},"backoff":null,"original_schedule_time":null,"activation_index":0} result=hi; complete done;
        idle
    "#]].assert_eq(&driver.lines);
}

#[test]
fn a_marker_resolves_it_in_replay() {
    check(
        "started
         task
         local-marker 1 echo hi 1
         completed",
        GUEST,
        &expect![[r#"
            replay 3.0s: start => local 1 echo
            replay 3.5s: local 1 completed hi => complete done
            idle
        "#]],
    );
    // Found in the task after the one that scheduled it: heartbeats are merged.
    check(
        "started
         task
         task
         local-marker 1 echo hi
         completed",
        GUEST,
        &expect![[r#"
            replay 6.0s: start => local 1 echo
            replay 6.0s: local 1 completed hi => complete done
            idle
        "#]],
    );
    check(
        "started
         task
         local-marker 1 other hi
         completed",
        GUEST,
        &expect![[r#"
            replay 3.0s: start => local 1 echo
            replay 3.5s: local 1 completed hi => complete done
            error: nondeterminism at event 5: history has a marker of local activity 1 of type other, the workflow has a marker of local activity 1 of type echo
        "#]],
    );
}

#[test]
fn without_a_marker_it_runs_after_replay() {
    let mut driver = Driver::new(config(), GUEST);
    let events = history(
        "started
         task
         task
         signaled poke
         task open",
    );
    driver.task(&events, Drive::live(6));
    driver.local_activity(1, Outcome::Completed(None));
    expect![[r#"
        replay 6.0s: start => local 1 echo
        run local activity 1 echo
        new 10.0s: signal poke
        idle
        local activity 1 is over
        new 10.0s: local 1 completed - => complete done
        respond: marker core_local_activity data={"seq":1,"attempt":1,"activity_id":"1","activity_type":"echo","complete_time":{"seconds":6,"nanos":500000000},"backoff":null,"original_schedule_time":null,"activation_index":1}; complete done;
        idle
    "#]].assert_eq(&driver.lines);
}

#[test]
fn cancelling_follows_its_type() {
    for cancellation in ["try", "wait", "abandon"] {
        let guest = format!(
            "start => local 1 echo {cancellation}; timer 1
             timer 1 fired => cancel-activity 1
             local 1 => complete done"
        );
        let mut driver = Driver::new(config(), &guest);
        driver.task(&history("started\n task open"), Drive::live(0));
        driver.heartbeat();
        let events = history("@4\n task-completed 2\n timer-started 1\n timer-fired 5 1\n task open");
        driver.task(&events, Drive::live(3));
        driver.local_activity(1, Outcome::Completed(None));
        match cancellation {
            "try" => expect![[r#"
                new 3.0s: start => local 1 echo try; timer 1
                run local activity 1 echo
                idle
                heartbeat
                respond: start timer 1; flags [1, 2, 3] host and another task
                idle
                new 8.0s: timer 1 fired => cancel-activity 1
                cancel local activity 1
                new 8.0s: local 1 canceled ([activity 1] Local Activity cancelled: [canceled] Activity cancelled) => complete done
                cancel all local activities
                respond: marker core_local_activity data={"seq":1,"attempt":1,"activity_id":"1","activity_type":"echo","complete_time":null,"backoff":null,"original_schedule_time":null,"activation_index":1}; complete done;
                idle
                local activity 1 is over
                idle
            "#]],
            "wait" => expect![[r#"
                new 3.0s: start => local 1 echo wait; timer 1
                run local activity 1 echo
                idle
                heartbeat
                respond: start timer 1; flags [1, 2, 3] host and another task
                idle
                new 8.0s: timer 1 fired => cancel-activity 1
                cancel local activity 1
                idle
                local activity 1 is over
                new 8.0s: local 1 completed - => complete done
                respond: marker core_local_activity data={"seq":1,"attempt":1,"activity_id":"1","activity_type":"echo","complete_time":{"seconds":3,"nanos":500000000},"backoff":null,"original_schedule_time":null,"activation_index":1}; complete done;
                idle
            "#]],
            _ => expect![[r#"
                new 3.0s: start => local 1 echo abandon; timer 1
                run local activity 1 echo
                idle
                heartbeat
                respond: start timer 1; flags [1, 2, 3] host and another task
                idle
                new 8.0s: timer 1 fired => cancel-activity 1
                new 8.0s: local 1 canceled ([activity 1] Local Activity cancelled: [canceled] Activity cancelled) => complete done
                respond: marker core_local_activity data={"seq":1,"attempt":1,"activity_id":"1","activity_type":"echo","complete_time":null,"backoff":null,"original_schedule_time":null,"activation_index":1}; complete done;
                idle
                local activity 1 is over
                idle
            "#]],
        }
        .assert_eq(&driver.lines);
    }
}
