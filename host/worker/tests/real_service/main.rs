//! A worker, in this process, on a real Temporal Service: workflow tasks, activities, modules that
//! come late, stopping. Skipped, and said so, where there is no `temporal` binary.
//!
//! The guest does what its argument says, so a case is a script and what the run comes to.

#![expect(clippy::unwrap_used, reason = "tests panic on failure")]

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
    names_the_module(&world, "cached-2").await;
    assert!(worker.stop().await.is_clean());

    let uncached = Setup { registry: registry(), cached_runs: 0, ..Setup::new("uncached") };
    let worker = world.worker(uncached).await;
    check(&world, "uncached", &scripts()).await;
    assert!(worker.stop().await.is_clean());

    // A host that follows on another replays what that one began.
    let worker = world.worker(Setup::new("restart")).await;
    let script = "timer 1\nwait\ntimer 3000\nwait\nrandom a\nmap\ncomplete done";
    world.begin("restart", "Script", "restart", script).await;
    world.wait_for("restart", EventType::TimerFired).await;
    assert!(worker.stop().await.is_clean());
    let worker = world.worker(Setup::new("restart")).await;
    assert_eq!(world.end("restart").await, End::completed("done"));
    assert!(worker.stop().await.is_clean());
}

/// The digest that executed a task stands in the task's event.
async fn names_the_module(world: &World, id: &str) {
    let mut completed = 0;
    for event in world.events(id).await {
        if let Some(EventAttributes::WorkflowTaskCompletedEventAttributes(task)) = event.attributes {
            let stamp = task.worker_version.unwrap();
            assert!(stamp.build_id.starts_with("wasm-sha256-"), "{stamp:?}");
            assert!(!stamp.use_versioning);
            assert_eq!(task.binary_checksum, "");
            completed += 1;
        }
    }
    assert!(completed > 1);
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
