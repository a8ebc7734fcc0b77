//! Random lives of runs. Whatever happens, the facts give the same runs again, and every run can
//! still be brought to its end.

use fuzz::Random;

use crate::execution::tests::script::Script;

const LIVES: u64 = 300;
const LINES: u64 = 120;

/// What can happen, with `ID` for one of the workflow ids.
const LINES_TO_CHOOSE_FROM: &[&str] = &[
    "signal one @ID",
    "signal two r @ID",
    "cancel @ID",
    "terminate @ID",
    "start @ID",
    "start conflict=TERMINATE_EXISTING @ID",
    "start attempts=3 run=30 @ID",
    "signal-start four @ID",
    "signal-start five conflict=TERMINATE_EXISTING @ID",
    "poll @ID",
    "fail",
    "complete",
    "complete-sticky",
    "complete activity:a timer:t:3",
    "complete activity:b:attempts=2:beat=2 marker:m",
    "complete cancel-timer:t",
    "complete upsert:a memo:b",
    "complete cancel-activity:5",
    "complete cancel-activity:6 timer:u:1",
    "complete child:y signal:x cancel-external:y",
    "complete child:x:3 child:z:1:20",
    "complete --force --return",
    "complete complete",
    "complete fail",
    "complete continue",
    "complete cancel",
    "take a @ID",
    "take b @ID",
    "done a @ID",
    "error a @ID",
    "error b Never @ID",
    "canceled a @ID",
    "beat b @ID",
    "update u @ID",
    "update v @ID",
    "complete accept:u",
    "complete accept:u finish:u timer:t:3",
    "complete-sticky finish:u accept:v --return",
    "complete reject:u",
    "complete-sticky reject:u reject:v --return",
    "complete revive:u finish:u complete",
    "complete finish:v",
    "complete nexus:n nexus:o:9",
    "complete cancel-nexus:5",
    "complete cancel-nexus:6 nexus:p",
    "nexus 5 sync @ID",
    "nexus 5 async @ID",
    "nexus 5 INTERNAL @ID",
    "nexus 6 async @ID",
    "nexus 6 failed @ID",
    "nexus 6 NOT_FOUND @ID",
    "reset 4 @ID",
    "reset 4 exclude=signal,update,nexus @ID",
    "reset 7 @ID",
    "reset 8 @ID",
    "reset 9 @ID",
    "reset 11 exclude=signal @ID",
    "reset 4 run=0 @ID",
    "reset 8 run=1 exclude=update @ID",
    "pause a @ID",
    "pause b @ID",
    "unpause a @ID",
    "unpause b attempts beat @ID",
    "anew a @ID",
    "anew b beat paused options @ID",
    "options a run=20 attempts=4 @ID",
    "options b queue=other interval=2 @ID",
    "override auto @ID",
    "override none @ID",
    "in-process",
    "restart @ID",
    "evict @ID",
    "evict @ID",
    "+0.5",
    "+1",
    "+7",
];
const IDS: [&str; 3] = ["x", "y", "z"];

#[test]
fn every_life_can_be_read_back_and_brought_to_its_end() {
    for seed in 0..LIVES {
        let lives =
            std::panic::catch_unwind(|| (live(seed, Script::default()), live(seed, Script::forgetful())));
        let Ok((usual, forgetful)) = lives else { panic!("seed {seed}") };
        assert!(usual == forgetful, "seed {seed}: runs that left memory are not the same");
    }
}

fn live(seed: u64, mut script: Script) -> String {
    let mut random = Random::new(seed);
    for id in IDS {
        script.line(&format!("start @{id}"));
    }
    script.line("poll @x");
    for _ in 0..LINES {
        let id = *random.pick(&IDS);
        let line = *random.pick(LINES_TO_CHOOSE_FROM);
        if line.starts_with("complete") || line == "fail" {
            // Mostly about a task that is there, often with something happening meanwhile.
            script.line(&format!("poll @{id}"));
            let meanwhile = [
                "signal three",
                "+1",
                "done a",
                "error b",
                "beat a",
                "cancel",
                "poll",
                "update u",
                "update v",
            ];
            script.line(&format!("{} @{id}", random.pick(&meanwhile)));
        }
        script.line(&line.replace("ID", id));
    }
    script.check_recovery();
    for id in IDS {
        bring_to_end(&mut script, id);
    }
    script.check_recovery();
    script.print()
}

/// A signal gets every open run a workflow task, and with that its worker can close it.
fn bring_to_end(script: &mut Script, id: &str) {
    const ROUNDS: usize = 20;
    for _ in 0..ROUNDS {
        if !script.is_open(id) {
            return;
        }
        for line in ["signal last", "poll", "complete complete", "+11"] {
            script.line(&format!("{line} @{id}"));
        }
    }
    panic!("{id} is still open");
}
