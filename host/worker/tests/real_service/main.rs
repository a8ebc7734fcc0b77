//! A worker, in this process, on a real Temporal Service: workflow tasks, activities, modules that
//! come late, stopping. Skipped, and said so, where there is no `temporal` binary.
//!
//! The guest does what its argument says, so a case is a script and what the run comes to.

#![expect(clippy::unwrap_used, reason = "tests panic on failure")]

mod faults;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use guest_sdk_types::RawValue;
use host_activities::{ActivityContext, ActivityError, Definition, Registry};
use host_wire::{EventAttributes, temporal::api::enums::v1::EventType};
use world::{End, Setup, World};

/// Activities of which the names say what they do; `flaky` fails on its first attempt.
fn registry() -> Registry {
    async fn greet(_: ActivityContext, RawValue(_): RawValue) -> Result<String, ActivityError> {
        Ok("hello".to_owned())
    }
    async fn flaky(context: ActivityContext, RawValue(_): RawValue) -> anyhow::Result<()> {
        anyhow::ensure!(context.info().attempt > 1, "not yet");
        Ok(())
    }
    fn block(_: ActivityContext, RawValue(_): RawValue) -> Result<(), ActivityError> {
        std::thread::sleep(Duration::from_millis(50));
        Ok(())
    }
    let mut registry = Registry::new();
    registry.register(Definition::asynchronous("greet", greet)).unwrap();
    registry.register(Definition::asynchronous("flaky", flaky)).unwrap();
    registry.register(Definition::thread("block", block)).unwrap();
    registry
}

/// Runs scripts side by side and compares what they come to.
async fn check(world: &World, task_queue: &str, scripts: &[(&str, End)]) {
    let id = |index: usize| format!("{task_queue}-{index}");
    for (index, (script, _)) in scripts.iter().enumerate() {
        world.begin(task_queue, "Script", &id(index), script).await;
    }
    for (index, (script, expected)) in scripts.iter().enumerate() {
        assert_eq!(&world.end(&id(index)).await, expected, "{script}");
    }
}

fn scripts() -> Vec<(&'static str, End)> {
    vec![
        ("complete done", End::completed("done")),
        ("fail no", End::failed("no")),
        ("activity greet\nwait\ncomplete-notes", End::completed("activity 1")),
        ("activity flaky\nwait\ncomplete-notes", End::completed("activity 1")),
        ("activity block\ntimer 20\nwait\nwait\ncomplete done", End::completed("done")),
        ("timer 1\nwait\ntimer 1\nwait\ncomplete-notes", End::completed("timer 1\ntimer 2")),
        (
            "activity greet\nwait\nactivity greet\nwait\nactivity greet\nwait\ncomplete-notes",
            End::completed("activity 1\nactivity 2\nactivity 3"),
        ),
        ("timer 60000\ncancel-timer 1\ntimer 1\nwait\ncomplete-notes", End::completed("timer 2")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workflows_run_to_their_end() {
    let Some(world) = World::start().await else { return };
    let worker = world.worker(Setup { registry: registry(), ..Setup::new("cached") }).await;
    check(&world, "cached", &scripts()).await;
    for build_id in build_ids(&world, "cached-2").await {
        assert!(build_id.starts_with("wasm-sha256-"), "{build_id}");
    }
    assert!(worker.stop().await.is_clean());

    let uncached = Setup { registry: registry(), cached_runs: 0, ..Setup::new("uncached") };
    let worker = world.worker(uncached).await;
    check(&world, "uncached", &scripts()).await;
    assert!(worker.stop().await.is_clean());
}

/// Many more runs than the cache holds, all at once: each is evicted and replayed, some often.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_come_and_go_in_a_small_cache() {
    let Some(world) = World::start().await else { return };
    let setup = Setup { registry: registry(), cached_runs: 2, ..Setup::new("crowd") };
    let worker = world.worker(setup).await;
    let crowd: Vec<_> = std::iter::repeat_with(scripts).take(4).flatten().collect();
    check(&world, "crowd", &crowd).await;
    assert!(worker.stop().await.is_clean());
}

/// Answers get lost, calls fail, polls end early: what a run comes to is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_loses_every_third_answer() {
    let Some(world) = World::start().await else { return };
    let world = world.with_faults(3);
    let worker = world.worker(Setup { registry: registry(), ..Setup::new("faults") }).await;
    check(&world, "faults", &scripts()).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_stays_on_its_module_and_new_runs_take_the_newest() {
    let Some(world) = World::start().await else { return };
    let script = "timer 1\nwait\ntimer 3000\nwait\nrandom a\nmap\ncomplete done";
    let worker = world.worker(Setup::new("pinned")).await;
    world.begin("pinned", "Script", "old", script).await;
    world.begin("pinned", "Script", "reset", script).await;
    for id in ["old", "reset"] {
        world.wait_for(id, EventType::TimerFired).await;
    }
    assert!(worker.stop().await.is_clean());

    // The file has another module when the next host starts.
    let newer = support::version(&support::guest("script"), 2);
    std::fs::write(world.script(), newer).unwrap();
    let worker = world.worker(Setup::new("pinned")).await;
    world.begin("pinned", "Script", "new", "complete done").await;
    for id in ["old", "new"] {
        assert_eq!(world.end(id).await, End::completed("done"));
    }
    let (old, new) = (build_ids(&world, "old").await, build_ids(&world, "new").await);
    assert!(old.len() > 2);
    assert!(old.iter().all(|build_id| *build_id == old[0]), "{old:?}");
    assert_ne!(old[0], new[0]);

    // What a reset keeps of the run replays clean on the newest module.
    world.end("reset").await;
    world.reset_to_second_task("reset").await;
    assert_eq!(world.end("reset").await, End::completed("done"));
    let reset = build_ids(&world, "reset").await;
    assert_eq!(reset[0], old[0]);
    assert!(reset.len() > 2 && reset[1..].iter().all(|build_id| *build_id == new[0]), "{reset:?}");
    assert!(worker.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_and_signals_reach_runs_cached_and_not() {
    let Some(world) = World::start().await else { return };
    let script = "timer 1\nwait\nrandom a\nwait\ncomplete-notes";
    for (task_queue, cached_runs) in [("asked", 8), ("asked-uncached", 0)] {
        let worker = world.worker(Setup { cached_runs, ..Setup::new(task_queue) }).await;
        world.begin(task_queue, "Script", task_queue, script).await;
        world.wait_for(task_queue, EventType::TimerFired).await;
        let answer = world.query(task_queue, "log asked").await;
        assert!(answer.starts_with("timer 1\nrandom "), "{answer}");
        // A query leaves nothing behind.
        assert_ne!(world.query(task_queue, "random a").await, answer);
        assert_eq!(world.query(task_queue, "log asked").await, answer);
        world.signal(task_queue, "go").await;
        let End { event_type, text } = world.end(task_queue).await;
        assert_eq!(event_type, EventType::WorkflowExecutionCompleted);
        assert!(text.starts_with(&answer) && text.contains("name: \"go\""), "{text}");
        // A closed run is asked as well.
        let answer = world.query(task_queue, "log asked").await;
        assert!(answer.contains("name: \"go\""), "{answer}");
        assert!(worker.stop().await.is_clean());
    }
}

/// The build ids of a run's completed tasks.
async fn build_ids(world: &World, id: &str) -> Vec<String> {
    let mut build_ids = Vec::new();
    for event in world.events(id).await {
        if let Some(EventAttributes::WorkflowTaskCompletedEventAttributes(task)) = event.attributes {
            let stamp = task.worker_version.unwrap();
            assert!(!stamp.use_versioning);
            assert_eq!(task.binary_checksum, "");
            build_ids.push(stamp.build_id);
        }
    }
    build_ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_or_wrong_fails_the_task_and_not_the_run() {
    let Some(world) = World::start().await else { return };
    let worker = world.worker(Setup { registry: registry(), ..Setup::new("wrong") }).await;

    world.begin("wrong", "Unknown", "unknown", "").await;
    world.begin("wrong", "Script", "panics", "panic no way").await;
    for (id, message) in [
        ("unknown", "no module defines workflow type `Unknown`; known workflow types: Another, Script"),
        ("panics", "no way"),
    ] {
        let event = world.wait_for(id, EventType::WorkflowTaskFailed).await;
        let Some(EventAttributes::WorkflowTaskFailedEventAttributes(failed)) = event.attributes else {
            panic!("{id}: no attributes");
        };
        let actual = failed.failure.unwrap_or_default().message;
        assert!(actual.contains(message), "{actual}");
    }
    // Neighbours do not notice.
    check(&world, "wrong", &[("activity greet\nwait\ncomplete done", End::completed("done"))]).await;
    for id in ["unknown", "panics"] {
        world.terminate(id).await;
    }
    assert!(worker.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_that_comes_late_completes_what_was_parked() {
    let Some(world) = World::start().await else { return };
    let modules = world.folder.path().join("modules-given");
    std::fs::create_dir(&modules).unwrap();
    std::fs::copy(test_harness::component("greetings").unwrap(), modules.join("greetings.wasm")).unwrap();
    let worker = world.worker(Setup { modules: vec![modules.clone()], ..Setup::new("late") }).await;
    world.begin("late", "Script", "late", "complete done").await;
    world.wait_for("late", EventType::WorkflowTaskFailed).await;
    // The second attempt is given out at once, and parked.
    tokio::time::sleep(Duration::from_millis(500)).await;

    let path = modules.join("script.wasm");
    std::fs::write(&path, support::guest("script")).unwrap();
    let catalog = Arc::clone(&worker.catalog);
    let admitted = tokio::task::spawn_blocking(move || catalog.admit_file(&path)).await.unwrap();
    assert!(admitted.unwrap().is_some());
    assert_eq!(world.end("late").await, End::completed("done"));
    let outline = world.outline("late").await;
    assert!(!outline.contains(&"WorkflowTaskTimedOut".to_owned()), "{outline:?}");
    assert!(worker.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_end_in_time_goes_back_to_the_service() {
    let Some(world) = World::start().await else { return };
    let attempts = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&attempts);
    let hang = move |_: ActivityContext, RawValue(_): RawValue| {
        let attempt = seen.fetch_add(1, Ordering::Relaxed);
        async move {
            if attempt == 0 {
                std::future::pending::<()>().await;
            }
            Ok::<(), ActivityError>(())
        }
    };
    let with_hang = || {
        let mut registry = Registry::new();
        registry.register(Definition::asynchronous("hang", hang.clone())).unwrap();
        Setup { registry, grace: Duration::from_millis(400), ..Setup::new("grace") }
    };
    let worker = world.worker(with_hang()).await;
    world.begin("grace", "Script", "grace", "activity hang\nwait\ncomplete done").await;
    while attempts.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let report = worker.stop().await;
    let left: Vec<&str> = report.activities.iter().map(|activity| activity.activity_type.as_str()).collect();
    assert_eq!(left, ["hang"]);

    let worker = world.worker(with_hang()).await;
    assert_eq!(world.end("grace").await, End::completed("done"));
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
    assert!(worker.stop().await.is_clean());
}
