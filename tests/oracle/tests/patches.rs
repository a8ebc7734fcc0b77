//! Temporal's Rust SDK, sdk-core and ours agree on patches: whatever stands in the code, whatever history
//! has recorded, replayed and live.
//!
//! The workflow `Patched` runs on both SDKs. Each replays histories of it; and sdk-core and our core replay
//! them with our guest. What the calls answered is compared as well.

#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

use std::sync::Arc;

use host_core::{Activation, Command};
use host_wire::temporal::api::history::v1::HistoryEvent;
use host_worker::modules::LoadedModule;
use oracle::{
    engine::{self, Pages},
    histories, native,
    player::Player,
    replayed::{Kind, difference},
    sandboxed::{self, SandboxPlayer},
    written::{self, PatchCall},
};
use prost::Message;
use temporalio_client::WorkflowHistory;
use temporalio_protos::temporal::api::history::v1::History;
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};
use tokio::runtime::Runtime;

const CODES: [&str; 4] = ["before the change", "patched", "deprecate_patch", "after the change"];

/// What history has, the code, and what all engines say: the answers of the two calls if they replay it to
/// its end, `ok` if the code has no calls, else the verdict. A deprecated call without a marker in replay is
/// allowed, and answers false.
const EXPECTED: &str = "\
nothing yet, live | before the change | ok
nothing yet, live | patched | true
nothing yet, live | deprecate_patch | true
nothing yet, live | after the change | ok
no marker, the old path; replayed | before the change | ok
no marker, the old path; replayed | patched | false false
no marker, the old path; replayed | deprecate_patch | Nondeterminism
no marker, the old path; replayed | after the change | Nondeterminism
no marker, the old path; second call live | before the change | ok
no marker, the old path; second call live | patched | false false
no marker, the old path; second call live | deprecate_patch | Nondeterminism
no marker, the old path; second call live | after the change | Nondeterminism
no marker, the new path; replayed | before the change | Nondeterminism
no marker, the new path; replayed | patched | Nondeterminism
no marker, the new path; replayed | deprecate_patch | false false
no marker, the new path; replayed | after the change | ok
no marker, the new path; second call live | before the change | Nondeterminism
no marker, the new path; second call live | patched | Nondeterminism
no marker, the new path; second call live | deprecate_patch | false false
no marker, the new path; second call live | after the change | ok
a marker; replayed | before the change | Nondeterminism
a marker; replayed | patched | true true
a marker; replayed | deprecate_patch | true true
a marker; replayed | after the change | Nondeterminism
a marker; second call live | before the change | Nondeterminism
a marker; second call live | patched | true true
a marker; second call live | deprecate_patch | true true
a marker; second call live | after the change | Nondeterminism
a deprecated marker; replayed | before the change | Nondeterminism
a deprecated marker; replayed | patched | true true
a deprecated marker; replayed | deprecate_patch | true true
a deprecated marker; replayed | after the change | ok
a deprecated marker; second call live | before the change | Nondeterminism
a deprecated marker; second call live | patched | true true
a deprecated marker; second call live | deprecate_patch | true true
a deprecated marker; second call live | after the change | ok
";

/// Our guest, and what its calls answered.
struct Listener {
    guest: SandboxPlayer,
    answers: Vec<bool>,
}

impl Player for Listener {
    fn play(&mut self, activation: &Activation) -> Result<Vec<Command>, String> {
        let commands = self.guest.play(activation)?;
        for command in &commands {
            let Command::ScheduleActivity { attributes, .. } = command else { continue };
            let argument = &attributes.input.as_ref().unwrap().payloads[0].data;
            let answer: String = serde_json::from_slice(argument).unwrap();
            self.answers.extend(answer.parse::<bool>());
        }
        Ok(commands)
    }
}

struct Engines {
    runtime: Runtime,
    replayer: WorkflowReplayer,
    module: Arc<LoadedModule>,
}

impl Engines {
    fn new() -> Self {
        let options = WorkflowReplayerOptions::new().register_workflow::<native::Patched>().unwrap().build();
        Self {
            runtime: Runtime::new().unwrap(),
            replayer: WorkflowReplayer::new(options).unwrap(),
            module: sandboxed::bench_guest().unwrap(),
        }
    }

    /// What all of them say.
    fn verdict(&self, events: &[HistoryEvent], what: &str) -> String {
        let encoded = histories::encoded(events);
        let run_id = histories::run_id(events);
        let listener = || Listener { guest: SandboxPlayer::new(&self.module, events), answers: Vec::new() };
        let (mut under_theirs, mut under_ours) = (listener(), listener());
        let theirs = engine::replay_sdk_core(&encoded, &mut under_theirs);
        let ours = engine::replay_ours(&encoded, run_id, &mut under_ours, Pages::One);
        if let Some(difference) = difference(&theirs, &ours) {
            panic!("{what}: {difference}");
        }
        let kind = ours.verdict.kind();
        let answers = under_ours.answers;
        assert_eq!(under_theirs.answers, answers, "{what}: the same guest under sdk-core");
        let (is_clean, native_answers) = self.native(&encoded);
        assert_eq!(is_clean, kind == Kind::Ok, "{what}: the Rust SDK");
        assert_eq!(native_answers, answers, "{what}: answers of the Rust SDK, and ours");
        let answers: Vec<&str> = answers.iter().map(|it| if *it { "true" } else { "false" }).collect();
        match kind {
            Kind::Ok if answers.is_empty() => "ok".to_owned(),
            Kind::Ok => answers.join(" "),
            _ => format!("{kind:?}"),
        }
    }

    /// Whether Temporal's SDK replays it to its end, and what it answered.
    fn native(&self, encoded: &[bytes::Bytes]) -> (bool, Vec<bool>) {
        let events = encoded.iter().map(|event| Message::decode(event.clone()).unwrap()).collect();
        let history = WorkflowHistory::from(History { events });
        native::take_answers();
        let results = self.runtime.block_on(self.replayer.replay_workflows([history])).unwrap();
        let is_clean = results.into_iter().all(|result| result.replay_failure.is_none());
        (is_clean, native::take_answers())
    }
}

#[test]
fn patches_on_every_history() {
    let engines = Engines::new();
    let (old, new) = (PatchCall::Unmarked("old_path"), PatchCall::Unmarked("new_path"));
    let marked = |deprecated| PatchCall::Marked { deprecated };
    // The second call of a run with a marker writes none.
    let histories: [(&str, &[PatchCall], bool); 9] = [
        ("nothing yet, live", &[], true),
        ("no marker, the old path; replayed", &[old, old], false),
        ("no marker, the old path; second call live", &[old], true),
        ("no marker, the new path; replayed", &[new, new], false),
        ("no marker, the new path; second call live", &[new], true),
        ("a marker; replayed", &[marked(false), new], false),
        ("a marker; second call live", &[marked(false)], true),
        ("a deprecated marker; replayed", &[marked(true), new], false),
        ("a deprecated marker; second call live", &[marked(true)], true),
    ];
    let mut table = String::new();
    for (name, calls, is_open) in histories {
        for code in CODES {
            let events = written::patched(code, calls, is_open);
            let verdict = engines.verdict(&events, &format!("{name}, code {code}"));
            table += &format!("{name} | {code} | {verdict}\n");
        }
    }
    assert_eq!(table.trim(), EXPECTED.trim(), "\n{table}");
}
