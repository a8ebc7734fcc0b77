//! sdk-core and our core agree on what histories mean.

use oracle::{
    derive,
    engine::{self, Pages},
    histories::{self, Recorded},
    player::{Lookup, ScriptPlayer},
    replayed::{Kind, difference},
};

/// Sizes of pages in which our core gets a history; it must not matter.
const PAGES: [Pages; 4] = [Pages::One, Pages::Of(1), Pages::Of(3), Pages::Of(10)];

/// Both engines replay it, with the guest that wrote it, in the same way and to its end.
fn check(recorded: &Recorded) -> Result<(), String> {
    let script = derive::script(recorded)?;
    let events = histories::encoded(&recorded.events);
    let run_id = histories::run_id(&recorded.events);
    let mut failures = String::new();
    for lookup in [Lookup::ByActivation, Lookup::ByJob] {
        let player = ScriptPlayer::new(script.clone(), lookup);
        let theirs = engine::replay_sdk_core(&events, &mut player.clone());
        if lookup == Lookup::ByActivation && theirs.verdict.kind() != Kind::Ok {
            failures += &format!("{}, {lookup}: sdk-core: {}\n", recorded.name, theirs.verdict);
        }
        for pages in PAGES {
            let ours = engine::replay_ours(&events, run_id, &mut player.clone(), pages);
            if let Some(difference) = difference(&theirs, &ours) {
                failures += &format!("{}, {lookup}, {pages:?}: {difference}", recorded.name);
                break;
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

fn check_all(histories: &[Recorded]) {
    let failures: Vec<String> = histories.iter().filter_map(|recorded| check(recorded).err()).collect();
    println!("{} of {} histories agree", histories.len() - failures.len(), histories.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn histories_of_sdk_core() {
    let histories = histories::of_sdk_core().unwrap();
    assert!(!histories.is_empty(), "the package of sdk-core has no histories");
    check_all(&histories);
}

#[test]
fn histories_of_ours() {
    check_all(&histories::of_ours().unwrap());
}
