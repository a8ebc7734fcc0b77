//! A simulated year: every time of a spec brings one action, whatever the clock and the process do.

use fuzz::Random;
use host_wire::temporal::api::{
    enums::v1::ScheduleOverlapPolicy as Overlap,
    schedule::v1::{SchedulePatch, ScheduleSpec},
};

use super::{
    random_spec::reference,
    world::{SECOND, World, message},
};
use crate::{schedule::canonical::canonical, time::Time};

const DAY: i64 = 86_400;
/// 1 January 2024.
const START: i64 = 1_704_067_200;

fn spec() -> ScheduleSpec {
    let strings =
        ["CRON_TZ=America/New_York 30 1-2,9 * * *", "CRON_TZ=America/New_York 17 13 * * MON # weekly"];
    let spec = ScheduleSpec { cron_string: strings.map(str::to_owned).into(), ..ScheduleSpec::default() };
    canonical(&spec).unwrap()
}

/// The nominal times of all actions, in seconds since 1970, and how late each was.
fn actions(world: &World) -> Vec<(i64, i64)> {
    let action = |run: &crate::execution::run::Run| {
        let time: prost_types::Timestamp = run.identity().workflow_id[2..].parse().unwrap();
        (time.seconds, (run.start().time().0 - Time::from(time).0) / SECOND)
    };
    let mut actions: Vec<_> = world.runs().into_iter().map(|(_, run)| action(run)).collect();
    actions.sort_unstable();
    actions
}

#[test]
fn actions_are_exact_to_the_second() {
    let spec = spec();
    let mut world = World::at(START);
    world.create(&message(spec.clone(), Overlap::AllowAll), SchedulePatch::default());
    world.pass(366 * DAY);
    let expected = reference(&spec, START + 1, START + 366 * DAY + 1);
    assert!(expected.len() > 1_100);
    assert_eq!(actions(&world), expected.into_iter().map(|time| (time, 0)).collect::<Vec<_>>());
    assert!(world.stored() <= 70, "{} records", world.stored());
}

#[test]
fn restarts_and_clocks_that_jump_lose_nothing_and_repeat_nothing() {
    let spec = spec();
    let all = reference(&spec, START + 1, START + 376 * DAY);
    let mut found = 0;
    for seed in 0..10 {
        let mut random = Random::new(seed);
        let mut below = |end: i64| i64::try_from(random.below(u64::try_from(end).unwrap())).unwrap();
        let mut world = World::at(START);
        world.create(&message(spec.clone(), Overlap::AllowAll), SchedulePatch::default());
        let mut latest = world.now;
        while world.now.0 < (START + 366 * DAY) * SECOND {
            match below(4) {
                0 => world.pass(below(5 * DAY)),
                1 => world.restart(),
                // The process was down, or the clock is set forward.
                2 => world.now = Time(world.now.0 + below(3 * DAY) * SECOND),
                _ => world.now = Time(world.now.0 - below(DAY) * SECOND),
            }
            world.settle();
            latest = latest.max(world.now);
        }
        // What is due at the latest time that there was is taken, even if the clock was set back then.
        world.now = latest;
        world.settle();
        let expected: Vec<_> = all.iter().copied().take_while(|time| *time <= latest.0 / SECOND).collect();
        let nominal: Vec<_> = actions(&world).into_iter().map(|(time, _)| time).collect();
        assert!(nominal == expected, "seed {seed}");
        assert!(actions(&world).iter().all(|(_, late)| *late >= 0), "seed {seed}: an action is early");
        let info = world.schedule().unwrap().info();
        assert_eq!(usize::try_from(info.action_count).unwrap(), expected.len());
        assert_eq!((info.missed_catchup_window, info.buffer_dropped), (0, 0));
        found += expected.len();
    }
    assert!(found > 10_000);
}
