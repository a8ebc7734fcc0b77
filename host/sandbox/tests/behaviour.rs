//! The results of imports, and that they are the same in replay.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod support;

use std::sync::OnceLock;

use host_sandbox::wit::Query;
use host_sandbox::wit::workflow::host::activation::{ActivityResolution, ActivityResolved, Job, Signal};
use host_sandbox::wit::workflow::host::types::Outcome;
use host_sandbox::{Activation, Discard, Fault, ImportClass, Module, random};
use support::{START, ScriptRun, config, render, script, start, task};

/// One module for all tests of this file.
fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| script(config()))
}

/// The notes that a script records.
fn notes(script: &str) -> String {
    let commands = ScriptRun::new(module()).start(&format!("{script}\ncomplete-notes")).unwrap();
    render(&commands).strip_prefix("complete ").unwrap().to_owned()
}

#[test]
fn commands_come_in_their_order_with_sequence_numbers() {
    let mut run = ScriptRun::new(module());
    let commands = run.start("activity greet\ntimer 20\nactivity sing\nwait\ncomplete-notes").unwrap();
    assert_eq!(render(&commands), "activity 1 greet greet\ntimer 1 20 ms\nactivity 2 sing sing");
    let resolution = ActivityResolution::Outcome(Outcome::Completed(None));
    let jobs = vec![Job::TimerFired(1), Job::ActivityResolved(ActivityResolved { seq: 2, resolution })];
    let commands = run.activate(task(jobs)).unwrap();
    assert_eq!(render(&commands), "complete timer 1\nactivity 2");
    assert_eq!(render(&run.activate(task(Vec::new())).unwrap()), "");
}

#[test]
fn definitions_and_imports_are_known_after_loading() {
    let names: Vec<_> = module().definitions().iter().map(|definition| definition.name.as_str()).collect();
    assert_eq!(names, ["Another", "Script"]);
    let class = |name: &str| {
        module().imports().iter().find(|import| import.name.starts_with(name)).map(|import| import.class)
    };
    assert_eq!(class("workflow:host/time@"), Some(ImportClass::Contract));
    assert_eq!(class("wasi:random/insecure-seed@"), Some(ImportClass::Virtual));
    assert_eq!(class("wasi:filesystem/types@"), Some(ImportClass::TrapOnUse));
    assert_eq!(class("wasi:sockets/tcp@"), None);
    assert_eq!(module().digest().to_string().len(), 64);
}

#[test]
fn time_stands_still_at_that_of_the_task() {
    assert_eq!(
        notes("now\nwall\nelapsed\nenvironment"),
        format!("now {START}\nwall {START}\nelapsed 0\nenvironment 0 0")
    );
}

#[test]
fn randomness_comes_from_the_seed() {
    let script = "random\nrandom a\nrandom-bytes 3\nmap";
    let first = notes(script);
    assert_eq!(notes(script), first);
    // Computed from wit/random.wit with an implementation in another language.
    let computed = "random 4936fd5e32821522\nrandom 6ef5105818e8db41\nrandom-bytes [44, 26, 36]\nmap [";
    assert!(first.starts_with(computed), "{first}");
    let mut run = ScriptRun::new(module());
    run.start("random").unwrap();
    let activation = Activation { new_random_seed: Some(random::seed("another")), ..Activation::default() };
    let after_reset = task(vec![Job::UpdateRandomSeed]);
    run.instance.activate(&after_reset, activation).unwrap();
    let answer = run.query("random").unwrap();
    assert!(answer.ends_with("\nrandom caff2a32e19af98d"), "{answer}");
}

#[test]
fn logs_are_silent_in_replay() {
    let script = "log one\nprint two\neprint three\nreplaying\ncomplete-notes";
    let mut run = ScriptRun::new(module());
    assert_eq!(render(&run.start(script).unwrap()), "complete replaying false");
    assert_eq!(run.sink.take(), ["script one", "stdout two", "stderr three"]);
    let mut replay = ScriptRun::new(module());
    let activation = Activation { replaying: true, ..Activation::default() };
    let commands = replay.instance.activate(&task(vec![start(script)]), activation).unwrap();
    assert_eq!(render(&commands), "complete replaying true");
    assert!(replay.sink.take().is_empty());
}

#[test]
fn a_library_that_looks_for_a_file_goes_on() {
    let script = "probe-file /etc/passwd\nwait\nprobe-file hosts\ncomplete-notes";
    let mut run = ScriptRun::new(module());
    run.start(script).unwrap();
    // Once: the C library remembers the answer.
    let logged = "wasi:filesystem/preopens the workflow looks for a file, and finds none: a workflow reads and writes \
                  files in an activity";
    assert_eq!(run.sink.take(), [logged]);
    let live = render(&run.activate(task(Vec::new())).unwrap());
    assert!(live.starts_with("complete probe-file false Err("), "{live}");
    assert!(run.sink.take().is_empty());

    let mut replay = ScriptRun::new(module());
    let activation = || Activation { replaying: true, ..Activation::default() };
    replay.instance.activate(&task(vec![start(script)]), activation()).unwrap();
    let commands = replay.instance.activate(&task(Vec::new()), activation()).unwrap();
    assert_eq!(render(&commands), live);
    assert!(replay.sink.take().is_empty());
    assert_eq!(replay.instance.state_hash().unwrap(), run.instance.state_hash().unwrap());
}

#[test]
fn patches_hold_for_the_run() {
    let script = "patched old\npatched new\nwait\npatched old\npatched late\ncomplete-notes";
    let mut run = ScriptRun::new(module());
    let activation = Activation { replaying: true, patches: vec!["new".to_owned()], ..Activation::default() };
    let commands = run.instance.activate(&task(vec![start(script)]), activation).unwrap();
    assert_eq!(render(&commands), r#"Patched { patch_id: "new", deprecated: false }"#);
    let mut copy =
        ScriptRun { instance: run.instance.copy(Box::new(Discard)).unwrap(), sink: run.sink.clone() };
    assert!(copy.query("patched new").unwrap().ends_with("patched new true"));
    let fault = copy.query("patched late").unwrap_err();
    assert!(fault.to_string().contains("patches in a query"), "{fault}");
    let commands = run.activate(task(Vec::new())).unwrap();
    assert_eq!(
        render(&commands),
        "Patched { patch_id: \"late\", deprecated: false }\n\
         complete patched old false\npatched new true\npatched old false\npatched late true"
    );
}

/// The jobs of a run that uses memory, randomness and maps.
fn activations() -> Vec<Vec<Job>> {
    let script =
        "map\nactivity a\nwait\nballast 20000000\nrandom\nmap\nwait\ntimer 1\nwait\nmap\ncomplete-notes";
    let signal = Signal {
        name: "s".to_owned(),
        arguments: Vec::new(),
        identity: String::new(),
        headers: Vec::new(),
        event_id: 7,
    };
    vec![vec![start(script)], vec![Job::Signal(signal)], Vec::new(), vec![Job::TimerFired(1)]]
}

/// The hash of the state and the commands, after each activation.
fn trace(mut after: impl FnMut(&mut ScriptRun), replaying: bool) -> Vec<([u8; 32], String)> {
    let mut run = ScriptRun::new(module());
    activations()
        .into_iter()
        .map(|jobs| {
            let activation = Activation { replaying, ..Activation::default() };
            let commands = run.instance.activate(&task(jobs), activation).unwrap();
            let hash = run.instance.state_hash().unwrap();
            after(&mut run);
            (hash, render(&commands))
        })
        .collect()
}

#[test]
fn replay_is_bit_identical() {
    let original = trace(|_| {}, false);
    assert_eq!(trace(|_| {}, true), original);
    let hashes: std::collections::BTreeSet<_> = original.iter().map(|(hash, _)| hash).collect();
    assert_eq!(hashes.len(), original.len(), "every activation changes something");
}

#[test]
fn a_copy_goes_on_like_the_original_and_leaves_no_trace() {
    let original = trace(|_| {}, false);
    // The state is moved to a new guest after every activation.
    let moved = trace(
        |run| {
            let snapshot = run.instance.save().unwrap();
            *run = ScriptRun::new(module());
            run.instance.restore(&snapshot).unwrap();
        },
        false,
    );
    assert_eq!(moved, original);
    // A copy is queried after every activation.
    let queried = trace(
        |run| {
            let instance = run.instance.copy(Box::new(Discard)).unwrap();
            let mut copy = ScriptRun { instance, sink: run.sink.clone() };
            assert!(copy.query("map").unwrap().contains("map ["));
            let fault = copy.activate(task(Vec::new())).unwrap_err();
            assert!(matches!(fault, Fault::Host(_)), "{fault}");
        },
        false,
    );
    assert_eq!(queried, original);
}

#[test]
fn a_queried_guest_takes_no_jobs() {
    let mut run = ScriptRun::new(module());
    run.start("activity a").unwrap();
    let query = Query { name: "now".to_owned(), arguments: Vec::new(), headers: Vec::new() };
    run.instance.query(&query).unwrap();
    run.instance.query(&query).unwrap();
    let fault = run.activate(task(Vec::new())).unwrap_err();
    assert!(matches!(fault, Fault::Host(_)), "{fault}");
}

#[test]
fn a_guest_with_handles_has_no_snapshot() {
    let mut run = ScriptRun::new(module());
    run.start("print hello").unwrap();
    let fault = run.instance.save().unwrap_err();
    assert!(fault.to_string().contains("component handles"), "{fault}");
}

#[test]
fn guests_move_between_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    fn is_shared<T: Send + Sync>(_: &T) {}
    is_shared(module());
    let mut run = ScriptRun::new(module());
    run.start("timer 1\nwait\ntimer 2").unwrap();
    let mut instance = is_send(run.instance);
    let commands = std::thread::spawn(move || instance.activate(&task(Vec::new()), Activation::default()))
        .join()
        .unwrap()
        .unwrap();
    assert_eq!(render(&commands), "timer 2 2 ms");
}

#[test]
fn what_a_panic_says_is_cut() {
    let fault = ScriptRun::new(module()).start("panic-long").unwrap_err();
    assert!(fault.to_string().len() < 20_000, "{}", fault.to_string().len());
    assert!(fault.to_string().contains("…, at "), "{fault}");
}

#[test]
fn growth_is_counted() {
    let mut run = ScriptRun::new(module());
    run.start("activity a\nwait\nballast 5000000").unwrap();
    let before = run.instance.memory_bytes();
    run.activate(task(Vec::new())).unwrap();
    let grown = run.instance.memory_bytes() - before;
    assert!((4_900_000..6_000_000).contains(&grown), "{grown}");
}
