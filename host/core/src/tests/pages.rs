//! The pages of a history, sound or broken, do not change the steps of its run.

use bytes::Bytes;
use proptest::prelude::*;

use super::support::{Drive, history, steps};

/// A bit of everything, and a guest that goes with it.
const EVENTS: &str = "
    build wasm-sha256-1
    started
    task timed-out
    task
    task
    local-marker 1 echo hi
    patch p
    upserted TemporalChangeVersion
    activity-scheduled 2 greet
    timer-started 1
    activity-started 14
    signaled go
    task failed
    task
    timer-canceled 15 1
    child-initiated kid
    activity-completed 14 hi
    child-started 25
    task
    task
    update-accepted u 32
    update-completed
    child-completed 25 hi
    task
    completed
";

const GUEST: &str = "
    start => local 1 echo; patched p; activity 2 greet; timer 1
    signal go => cancel-timer 1; child 1 kid
    update u => complete-update u
    child 1 completed => complete done
";

/// What a pristine history gives.
fn whole(drive: Drive) -> String {
    steps(&history(EVENTS), GUEST, drive)
}

#[test]
fn the_history_of_these_tests_is_clean() {
    let steps = whole(Drive::replay());
    assert!(!steps.contains("error"), "{steps}");
    assert!(steps.contains("complete done"), "{steps}");
}

/// What can happen to a history on its way.
#[derive(Clone, Debug)]
enum Mutation {
    Drop(prop::sample::Index),
    Double(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Truncate(prop::sample::Index),
    FlipByte(prop::sample::Index, prop::sample::Index, u8),
}

impl Mutation {
    fn apply(&self, events: &mut Vec<Bytes>) {
        if events.is_empty() {
            return;
        }
        match self {
            Self::Drop(index) => {
                events.remove(index.index(events.len()));
            }
            Self::Double(index) => {
                let index = index.index(events.len());
                events.insert(index, events[index].clone());
            }
            Self::Swap(one, other) => {
                let length = events.len();
                events.swap(one.index(length), other.index(length));
            }
            Self::Truncate(index) => events.truncate(index.index(events.len())),
            Self::FlipByte(index, byte, mask) => {
                let index = index.index(events.len());
                let mut event = events[index].to_vec();
                let byte = byte.index(event.len());
                event[byte] ^= mask;
                events[index] = event.into();
            }
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        index().prop_map(Mutation::Drop),
        index().prop_map(Mutation::Double),
        (index(), index()).prop_map(|(one, other)| Mutation::Swap(one, other)),
        index().prop_map(Mutation::Truncate),
        (index(), index(), any::<u8>()).prop_map(|(event, byte, mask)| Mutation::FlipByte(event, byte, mask)),
    ]
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..40_usize, 0..6).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts
    })
}

proptest! {
    #[test]
    fn pages_do_not_show(cuts in cuts(), empty_last_page: bool, previous_started in 0..40_i64) {
        let paged = |drive: Drive| Drive { cuts: cuts.clone(), empty_last_page, ..drive };
        prop_assert_eq!(whole(paged(Drive::replay())), whole(Drive::replay()));
        let live = Drive::live(previous_started);
        prop_assert_eq!(whole(paged(live.clone())), whole(live));
    }

    #[test]
    fn mutated_histories_give_an_answer_whatever_their_pages(
        mutations in prop::collection::vec(mutation(), 1..4),
        cuts in cuts(),
    ) {
        let mut events = history(EVENTS);
        for mutation in &mutations {
            mutation.apply(&mut events);
        }
        let whole = steps(&events, GUEST, Drive::replay());
        prop_assert!(whole.ends_with("idle\n") || whole.contains("error: "), "{}", whole);
        let paged = steps(&events, GUEST, Drive { cuts, ..Drive::replay() });
        // A page that begins with known events is taken for one that overlaps.
        if !mutations.iter().any(|it| matches!(it, Mutation::Double(_) | Mutation::Swap(..) | Mutation::FlipByte(..))) {
            prop_assert_eq!(paged, whole);
        }
    }
}
