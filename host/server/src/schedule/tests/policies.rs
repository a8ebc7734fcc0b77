//! Overlaps, requests, failures and limits.

use std::time::Duration;

use host_wire::{
    duration_to_proto,
    temporal::api::{
        enums::v1::{ScheduleOverlapPolicy as Overlap, WorkflowExecutionStatus as Status},
        schedule::v1::{BackfillRequest, Schedule as Message, SchedulePatch, TriggerImmediatelyRequest},
    },
};

use super::world::{SECOND, World, every, message};
use crate::{limits, schedule::describe::describe, time::Time};

/// Noon of 15 March 2024.
const NOON: i64 = 1_710_504_000;

/// A schedule of every minute, some seconds before the first.
fn world(policy: Overlap) -> World {
    let mut world = World::at(NOON - 5);
    world.create(&message(every(60), policy), SchedulePatch::default());
    world
}

fn info(world: &World) -> host_wire::temporal::api::schedule::v1::ScheduleInfo {
    describe(world.schedule().unwrap()).info.unwrap()
}

fn trigger(policy: Overlap) -> SchedulePatch {
    let trigger = TriggerImmediatelyRequest { overlap_policy: policy.into(), scheduled_time: None };
    SchedulePatch { trigger_immediately: Some(trigger), ..SchedulePatch::default() }
}

fn backfill(from: i64, until: i64, policy: Overlap) -> SchedulePatch {
    let time = |seconds: i64| Some(Time(seconds * SECOND).into());
    let request =
        BackfillRequest { start_time: time(from), end_time: time(until), overlap_policy: policy.into() };
    SchedulePatch { backfill_request: vec![request], ..SchedulePatch::default() }
}

fn ids(world: &World) -> Vec<String> {
    world.runs().iter().map(|(_, run)| run.identity().workflow_id.clone()).collect()
}

#[test]
fn an_action_that_overlaps_is_skipped() {
    let mut world = world(Overlap::Skip);
    world.pass(5);
    assert_eq!(world.open(), ["w-2024-03-15T12:00:00Z"]);
    world.pass(120);
    assert_eq!((world.open().len(), info(&world).overlap_skipped), (1, 2));
    world.complete("done");
    assert_eq!(info(&world).running_workflows, []);
    assert_eq!(info(&world).recent_actions[0].start_workflow_status(), Status::Completed);
    world.pass(60);
    assert_eq!(world.open(), ["w-2024-03-15T12:03:00Z"]);
}

#[test]
fn one_action_or_all_wait() {
    for (policy, waiting, skipped) in [(Overlap::BufferOne, 1, 3), (Overlap::BufferAll, 4, 0)] {
        let mut world = world(policy);
        world.pass(5 + 4 * 60);
        assert_eq!((info(&world).buffer_size, info(&world).overlap_skipped), (waiting, skipped));
        assert_eq!(world.open(), ["w-2024-03-15T12:00:00Z"]);
        world.restart();
        for left in (0..waiting).rev() {
            world.complete("done");
            assert_eq!((world.open().len(), info(&world).buffer_size), (1, left));
        }
        world.complete("done");
        assert_eq!(world.open().len(), 0);
        assert_eq!(ids(&world)[1], "w-2024-03-15T12:01:00Z");
    }
}

#[test]
fn another_is_ended_before_the_next_starts() {
    let mut terminating = world(Overlap::TerminateOther);
    terminating.pass(65);
    assert_eq!(terminating.open(), ["w-2024-03-15T12:01:00Z"]);
    let first = terminating.runs()[0].1.history().last().unwrap();
    assert!(format!("{first:?}").contains("terminated by schedule overlap policy"), "{first:?}");

    let mut cancelling = world(Overlap::CancelOther);
    cancelling.pass(65);
    assert_eq!(cancelling.open(), ["w-2024-03-15T12:00:00Z"]);
    assert!(cancelling.runs()[0].1.cancel_requested());
    cancelling.terminate();
    assert_eq!(cancelling.open(), ["w-2024-03-15T12:01:00Z"]);
}

#[test]
fn all_may_run_at_once() {
    let mut world = world(Overlap::AllowAll);
    world.pass(5 + 3 * 60);
    assert_eq!(world.open().len(), 4);
    // They run beside the schedule.
    assert_eq!(info(&world).running_workflows, []);
    assert_eq!(info(&world).recent_actions.len(), 4);
}

#[test]
fn results_and_failures_are_carried_over() {
    let mut world = world(Overlap::BufferAll);
    world.pass(5);
    let last = |world: &World| {
        let runs = world.runs();
        let start = runs.last().unwrap().1.start().attributes().clone();
        let result = start.last_completion_result.map(|result| result.payloads[0].data.clone());
        let failure = start.continued_failure.map(|failure| failure.message);
        (result.map(|data| String::from_utf8(data.to_vec()).unwrap()), failure)
    };
    assert_eq!(last(&world), (None, None));
    world.complete("first");
    world.pass(60);
    assert_eq!(last(&world), (Some("first".to_owned()), None));
    world.restart();
    world.fail("broke");
    world.pass(60);
    assert_eq!(last(&world), (Some("first".to_owned()), Some("broke".to_owned())));
    world.complete("third");
    world.pass(60);
    assert_eq!(last(&world), (Some("third".to_owned()), None));
    world.pass(1);
    world.patch(trigger(Overlap::AllowAll));
    assert_eq!(last(&world), (None, None));
}

#[test]
fn a_failure_pauses() {
    let mut pausing = message(every(60), Overlap::Skip);
    pausing.policies.as_mut().unwrap().pause_on_failure = true;
    let mut world = World::at(NOON - 5);
    world.create(&pausing, SchedulePatch::default());
    world.pass(5);
    let before = describe(world.schedule().unwrap()).conflict_token;
    world.fail("broke");
    let description = describe(world.schedule().unwrap());
    let state = description.schedule.unwrap().state.unwrap();
    assert!(state.paused);
    assert_eq!(state.notes, "paused due to workflow failure: w-2024-03-15T12:00:00Z: broke");
    assert_ne!(description.conflict_token, before);
    world.pass(600);
    assert_eq!(world.runs().len(), 1);
    // Time that passed while it was paused is no missed time.
    world.patch(SchedulePatch { unpause: "again".to_owned(), ..SchedulePatch::default() });
    world.pass(60);
    assert_eq!(world.runs().len(), 2);
    assert_eq!(info(&world).missed_catchup_window, 0);
}

#[test]
fn the_catchup_window_is_kept() {
    let mut late = message(every(60), Overlap::AllowAll);
    let window = Some(duration_to_proto(Duration::from_secs(150)));
    late.policies.as_mut().unwrap().catchup_window = window;
    let mut world = World::at(NOON - 5);
    world.create(&late, SchedulePatch::default());
    world.now = Time((NOON + 3_600) * SECOND);
    world.settle();
    assert_eq!(ids(&world), ["w-2024-03-15T12:58:00Z", "w-2024-03-15T12:59:00Z", "w-2024-03-15T13:00:00Z"]);
    assert_eq!(info(&world).missed_catchup_window, 58);
    world.restart();
    world.settle();
    assert_eq!(info(&world).missed_catchup_window, 58);
}

#[test]
fn actions_are_limited() {
    let mut limited = message(every(60), Overlap::AllowAll);
    let state = limited.state.as_mut().unwrap();
    (state.limited_actions, state.remaining_actions) = (true, 2);
    let mut world = World::at(NOON - 5);
    world.create(&limited, SchedulePatch::default());
    assert_eq!(info(&world).future_action_times.len(), 2);
    world.pass(600);
    assert_eq!(world.runs().len(), 2);
    assert_eq!(info(&world).future_action_times.len(), 0);
    // Requests are not limited.
    world.patch(trigger(Overlap::Unspecified));
    assert_eq!(world.runs().len(), 3);
    // It has nothing to do any more.
    world.pass(7 * 86_400);
    assert!(world.schedule().is_none());
    world.restart();
    assert!(world.schedule().is_none());
}

#[test]
fn a_trigger_is_an_action_now() {
    let mut world = World::at(NOON + 1);
    let mut paused = message(every(3_600), Overlap::Skip);
    paused.state.as_mut().unwrap().paused = true;
    world.create(&paused, trigger(Overlap::Unspecified));
    assert_eq!(world.open(), ["w-2024-03-15T12:00:01Z"]);
    world.pass(1);
    world.patch(trigger(Overlap::Unspecified));
    assert_eq!((world.open().len(), info(&world).overlap_skipped), (1, 1));
    world.patch(trigger(Overlap::BufferOne));
    assert_eq!(info(&world).buffer_size, 1);
    // Two of the same second have one id: the second does not start.
    world.patch(trigger(Overlap::AllowAll));
    world.patch(trigger(Overlap::AllowAll));
    assert_eq!(world.open(), ["w-2024-03-15T12:00:01Z", "w-2024-03-15T12:00:02Z"]);
}

#[test]
fn a_backfill_takes_the_times_of_its_range() {
    let mut world = world(Overlap::Skip);
    world.patch(backfill(NOON - 3_600, NOON - 3_000, Overlap::BufferAll));
    // Both ends belong to it.
    let mut taken = 0;
    while world.open().len() == 1 {
        taken += 1;
        world.complete("done");
    }
    assert_eq!(taken, 11);
    assert_eq!(ids(&world).first().unwrap(), "w-2024-03-15T11:00:00Z");
    assert_eq!(ids(&world).last().unwrap(), "w-2024-03-15T11:10:00Z");

    let mut world = self::world(Overlap::Skip);
    world.patch(backfill(NOON - 3_600, NOON - 1, Overlap::AllowAll));
    assert_eq!(world.open().len(), 10);
    world.restart();
    world.pass(4);
    assert_eq!(world.open().len(), 50);
    world.pass(2);
    // With the action of noon.
    assert_eq!(world.open().len(), 61);
}

#[test]
fn buffers_are_bounded() {
    let mut world = world(Overlap::BufferAll);
    world.pass(5 + 60 * 1_100);
    let most = i64::try_from(limits::SCHEDULE_BUFFER).unwrap();
    assert_eq!((info(&world).buffer_size, info(&world).buffer_dropped), (most, 100));
}

/// An update takes effect from its own time on, and what was due before is done as it was.
#[test]
fn an_update_replaces_everything() {
    let mut world = world(Overlap::AllowAll);
    world.pass(65);
    assert_eq!(world.runs().len(), 2);
    let mut other: Message = message(every(1), Overlap::BufferOne);
    other.state.as_mut().unwrap().notes = "new".to_owned();
    world.pass(30);
    world.now = Time(world.now.0 + SECOND / 2);
    world.update(&other);
    let description = describe(world.schedule().unwrap());
    assert_eq!(description.schedule.unwrap().state.unwrap().notes, "new");
    assert_eq!(description.conflict_token[..], 2_i64.to_be_bytes());
    assert_eq!(world.runs().len(), 2);
    let next = Time::from(info(&world).future_action_times[0]);
    assert!(next > world.now && next.0 - world.now.0 <= SECOND, "{next:?}");
    world.pass(2);
    assert_eq!(world.runs().len(), 3);
}

/// Whatever is asked for in one go, the next start has what was stored.
#[test]
fn a_schedule_reads_back_as_it_was() {
    let mut world = world(Overlap::BufferAll);
    for round in 0..200 {
        world.pass(30);
        match round % 5 {
            0 => world.patch(trigger(Overlap::Unspecified)),
            1 if !world.open().is_empty() => world.complete("done"),
            2 => world.patch(SchedulePatch { pause: "stop".to_owned(), ..SchedulePatch::default() }),
            3 => world.patch(SchedulePatch { unpause: "go".to_owned(), ..SchedulePatch::default() }),
            _ => {}
        }
        let before = world.schedule().unwrap().clone();
        world.restart();
        let after = world.schedule().unwrap();
        assert_eq!(before.definition, after.definition);
        assert_eq!(before.progress, after.progress);
        assert_eq!(before.outcome, after.outcome);
        assert!(world.stored() <= 66, "{} records", world.stored());
    }
}
