//! Updates: validated once, accepted, completed.

use expect_test::expect;
use host_wire::temporal::api::query::v1::WorkflowQuery;

use super::support::{Drive, check, history, steps, update_message};

const GUEST: &str = "
    start => timer 1
    update u => complete-update u; activity 1 greet
";

fn live(previous_started: i64, events: &str, updates: &[(&str, i64)]) -> String {
    let mut drive = Drive::live(previous_started);
    drive.task.messages = updates.iter().map(|(id, after)| update_message(id, *after)).collect();
    steps(&history(events), GUEST, drive)
}

#[test]
fn a_new_update_is_validated_and_accepted_first() {
    expect![[r#"
        replay 3.0s: start => timer 1
        validate u: true
        new 7.0s: update u => complete-update u; activity 1 greet
        respond: message u/request/accept; message u/request/complete; schedule activity 1 greet; message u/request/accept; message u/request/complete;
        idle
    "#]].assert_eq(&live(
        3,
        "started
         task
         timer-started 1
         task open",
        &[("u", 6)],
    ));
}

#[test]
fn a_rejected_update_leaves_the_activation_whole() {
    expect![[r#"
        replay 3.0s: start => timer 1
        validate bad after signal poke: false
        validate u after signal poke: true
        new 9.0s: signal poke, update u, timer 1 fired => complete-update u; activity 1 greet
        respond: message u/request/accept; message u/request/complete; schedule activity 1 greet; message bad/request/reject; message u/request/accept; message u/request/complete;
        idle
    "#]].assert_eq(&live(
        3,
        "started
         task
         timer-started 1
         signaled poke
         timer-fired 5 1
         task open",
        &[("bad", 8), ("u", 8)],
    ));
}

#[test]
fn an_accepted_update_replays_where_it_ran() {
    check(
        "started
         task
         timer-started 1
         task
         update-accepted u 6
         update-completed
         activity-scheduled 1 greet
         timer-fired 5 1
         task open",
        GUEST,
        &expect![[r#"
            replay 3.0s: start => timer 1
            replay 7.0s: update u => complete-update u; activity 1 greet
            new 14.0s: timer 1 fired
            idle
        "#]],
    );
}

#[test]
fn queries_come_last_and_alone() {
    let mut drive = Drive::live(3);
    let query = |name: &str| WorkflowQuery { query_type: name.to_owned(), ..WorkflowQuery::default() };
    drive.task.queries = [("q".to_owned(), query("state"))].into();
    let events = history(
        "started
         task
         timer-started 1
         timer-fired 5 1
         task open",
    );
    expect![[r#"
        replay 3.0s: start => timer 1
        new 8.0s: timer 1 fired
        query q state
        respond: answer q;
        idle
    "#]]
    .assert_eq(&steps(&events, GUEST, drive));

    let mut drive = Drive::live(3);
    drive.task.query = Some(query("state"));
    expect![[r#"
        replay 3.0s: start => timer 1
        query  state
        respond to query
        idle
    "#]]
    .assert_eq(&steps(&history("started\n task\n timer-started 1"), GUEST, drive));
}
