//! sdk-core and our core agree with a real guest between them: modules in the sandbox, on histories as
//! they are and on mutations of them.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use host_worker::modules::LoadedModule;
use oracle::{
    engine::{self, Pages},
    histories::{self, Recorded},
    intended,
    mutate::mutate,
    random::Random,
    replayed::{Kind, difference},
    sandboxed::{self, SandboxPlayer},
    written,
};

/// Mutations of each history.
const MUTATIONS: u64 = 20;
const SEED: u64 = 0x6775_6573;

/// Both replay events in the same way; how.
fn check(module: &Arc<LoadedModule>, history: &Recorded, what: &str) -> Result<Kind, String> {
    let events = histories::encoded(&history.events);
    let run_id = histories::run_id(&history.events);
    let player = || SandboxPlayer::new(module, &history.events);
    let theirs = engine::replay_sdk_core(&events, &mut player());
    let ours = engine::replay_ours(&events, run_id, &mut player(), Pages::One);
    let kind = theirs.verdict.kind();
    match difference(&theirs, &ours) {
        _ if kind == Kind::Refused => Ok(kind),
        Some(difference) if intended::reason(&history.events, &difference).is_none() => {
            Err(format!("{}, {what}: {difference}", history.name))
        }
        _ => Ok(kind),
    }
}

fn check_all(module: &Arc<LoadedModule>, histories: &[Recorded]) {
    for history in histories {
        match check(module, history, "as it is") {
            Ok(kind) => assert_eq!(kind, Kind::Ok, "{}", history.name),
            Err(failure) => panic!("{failure}"),
        }
        for seed in SEED..SEED + MUTATIONS {
            let (events, what) = mutate(&history.events, &mut Random::new(seed));
            let mutated = Recorded { name: history.name.clone(), events };
            if let Err(failure) = check(module, &mutated, &what) {
                panic!("seed {seed}: {failure}");
            }
        }
    }
}

#[test]
fn written_histories() {
    let module = sandboxed::bench_guest().unwrap();
    let histories =
        [("Hello", written::hello()), ("Chain(10)", written::chain(10)), ("Fan(50)", written::fan(50))];
    check_all(&module, &histories.map(|(name, events)| Recorded { name: name.to_owned(), events }));
}

#[test]
fn histories_of_samples() {
    let samples = histories::of_samples().unwrap();
    let next = AtomicUsize::new(0);
    let check_next = || {
        while let Some((sample, histories)) = samples.get(next.fetch_add(1, Ordering::Relaxed)) {
            let module = match component(sample) {
                Some(path) => sandboxed::read(path).unwrap(),
                None => sandboxed::load(sandboxed::root(), &package(sample)).unwrap(),
            };
            check_all(&module, histories);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(check_next);
        }
    });
}

/// The component that a sample keeps in its folder, because it is not written in Rust.
fn component(sample: &str) -> Option<PathBuf> {
    let files = sandboxed::root().join("sample-workflows").join(sample).read_dir().unwrap();
    let mut paths = files.map(|file| file.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|extension| extension == "wasm"))
}

/// The package in the folder of a sample: the first name in its manifest.
fn package(sample: &str) -> String {
    let manifest = sandboxed::root().join("sample-workflows").join(sample).join("Cargo.toml");
    let text = std::fs::read_to_string(manifest).unwrap();
    let name = text.lines().find_map(|line| line.strip_prefix("name = "));
    name.unwrap().trim_matches('"').to_owned()
}
