//! The cases. The guest executes its argument line by line, so a case is a script and the expected end of
//! the run.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use guest_sdk_types::RawValue;
use host_activities::{ActivityContext, ActivityError, Definition, Registry};
use host_wire::{
    EventAttributes,
    temporal::api::enums::v1::{EventType, TaskQueueType, VersioningBehavior},
};
use tokio::sync::watch;

use crate::{
    fixture::{End, Fixture, Setup},
    support,
};

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

/// Runs scripts side by side and compares how they end.
async fn check(fixture: &Fixture, task_queue: &str, scripts: &[(&str, End)]) {
    let id = |index: usize| format!("{task_queue}-{index}");
    for (index, (script, _)) in scripts.iter().enumerate() {
        fixture.begin(task_queue, "Script", &id(index), script).await;
    }
    for (index, (script, expected)) in scripts.iter().enumerate() {
        assert_eq!(&fixture.end(&id(index)).await, expected, "{script}");
    }
}

fn scripts() -> Vec<(&'static str, End)> {
    vec![
        ("complete done", End::completed("done")),
        ("fail no", End::failed("no")),
        ("activity greet\nwait\ncomplete-notes", End::completed("activity 1")),
        ("activity flaky\nwait\ncomplete-notes", End::completed("activity 1")),
        ("activity block\ntimer 20\nwait-notes 2\ncomplete done", End::completed("done")),
        ("timer 1\nwait\ntimer 1\nwait\ncomplete-notes", End::completed("timer 1\ntimer 2")),
        (
            "activity greet\nwait\nactivity greet\nwait\nactivity greet\nwait\ncomplete-notes",
            End::completed("activity 1\nactivity 2\nactivity 3"),
        ),
        ("timer 60000\ncancel-timer 1\ntimer 1\nwait\ncomplete-notes", End::completed("timer 2")),
    ]
}

pub(crate) async fn workflows_run_to_their_end(fixture: Fixture) {
    let worker = fixture.worker(Setup { registry: registry(), ..Setup::new("cached") }).await;
    check(&fixture, "cached", &scripts()).await;
    for build_id in build_ids(&fixture, "cached-2").await {
        assert!(build_id.starts_with("wasm-sha256-"), "{build_id}");
    }
    assert!(worker.stop().await.is_clean());

    let uncached = Setup { registry: registry(), cached_runs: 0, ..Setup::new("uncached") };
    let worker = fixture.worker(uncached).await;
    check(&fixture, "uncached", &scripts()).await;
    assert!(worker.stop().await.is_clean());
}

/// Also second attempts of activities, which come by a poll.
pub(crate) async fn a_version_runs_what_the_service_gives_it(fixture: Fixture) {
    let setup = Setup { registry: registry(), deployment: Some("shop"), ..Setup::new("versions") };
    let worker = fixture.worker(setup).await;
    let build_id = worker.catalog.serving()[0].build_id();
    fixture.set_current("shop", build_id.clone()).await;
    check(&fixture, "versions", &scripts()).await;
    // Else activities would be those of workers without a version.
    let polled = fixture.polled_by("shop", &build_id).await;
    assert!(polled.contains(&TaskQueueType::Activity) && polled.contains(&TaskQueueType::Workflow));
    for event in fixture.events("versions-2").await {
        let Some(EventAttributes::WorkflowTaskCompletedEventAttributes(task)) = event.attributes else {
            continue;
        };
        assert_eq!(task.versioning_behavior(), VersioningBehavior::Pinned);
        let version = task.deployment_version.unwrap();
        assert_eq!((version.deployment_name.as_str(), &version.build_id), ("shop", &build_id));
    }
    assert!(worker.stop().await.is_clean());
}

/// Ten activities that are all there at once, and not more than five a second.
pub(crate) async fn activities_begin_at_a_rate(fixture: Fixture) {
    let setup = Setup { registry: registry(), activities_per_second: Some(5.0), ..Setup::new("at-a-rate") };
    let worker = fixture.worker(setup).await;
    let script = format!("{}wait-notes 10\ncomplete done", "activity greet\n".repeat(10));
    fixture.begin("at-a-rate", "Script", "at-a-rate", &script).await;
    assert_eq!(fixture.end("at-a-rate").await, End::completed("done"));
    let events = fixture.events("at-a-rate").await;
    let mut started: Vec<Duration> = events
        .iter()
        .filter(|event| event.event_type() == EventType::ActivityTaskStarted)
        .map(|event| {
            let time = event.event_time.unwrap();
            Duration::new(time.seconds.try_into().unwrap(), time.nanos.try_into().unwrap())
        })
        .collect();
    started.sort();
    assert_eq!(started.len(), 10);
    // Two of them may come together: the second one's answer is on its way when the first one's is late.
    let took = started[9] - started[0];
    assert!(took >= Duration::from_millis(8 * 200), "{took:?}");
    assert!(worker.stop().await.is_clean());
}

/// Many more runs than the cache holds, all at once: each is evicted and replayed, some often.
pub(crate) async fn runs_come_and_go_in_a_small_cache(fixture: Fixture) {
    let setup = Setup { registry: registry(), cached_runs: 2, ..Setup::new("crowd") };
    let worker = fixture.worker(setup).await;
    let crowd: Vec<_> = std::iter::repeat_with(scripts).take(4).flatten().collect();
    check(&fixture, "crowd", &crowd).await;
    let mut counters = worker.cache_counters.clone();
    let counters = *counters.wait_for(|counters| counters.runs == 0).await.unwrap();
    assert!(counters.evictions > 0, "{counters:?}");
    assert_eq!(counters.bytes, 0, "{counters:?}");
    assert!(worker.stop().await.is_clean());
}

/// Lost answers do not change how runs end.
pub(crate) async fn a_service_that_loses_every_third_answer(fixture: Fixture) {
    let fixture = fixture.with_faults(3);
    let worker = fixture.worker(Setup { registry: registry(), ..Setup::new("faults") }).await;
    check(&fixture, "faults", &scripts()).await;
    worker.stop().await;
}

pub(crate) async fn a_run_stays_on_its_module_and_new_runs_take_the_newest(fixture: Fixture) {
    let script = "timer 1\nwait\ntimer 3000\nwait\nrandom a\nmap\ncomplete done";
    let worker = fixture.worker(Setup::new("pinned")).await;
    fixture.begin("pinned", "Script", "old", script).await;
    fixture.wait_for("old", EventType::TimerFired).await;
    assert!(worker.stop().await.is_clean());

    // The file has another module when the next host starts.
    let newer = support::version(&support::guest("script"), 2);
    std::fs::write(fixture.script(), newer).unwrap();
    let worker = fixture.worker(Setup::new("pinned")).await;
    fixture.begin("pinned", "Script", "new", "complete done").await;
    for id in ["old", "new"] {
        assert_eq!(fixture.end(id).await, End::completed("done"));
    }
    let (old, new) = (build_ids(&fixture, "old").await, build_ids(&fixture, "new").await);
    assert!(old.len() > 2);
    assert!(old.iter().all(|build_id| *build_id == old[0]), "{old:?}");
    assert_ne!(old[0], new[0]);
    assert!(worker.stop().await.is_clean());
}

pub(crate) async fn a_reset_run_takes_the_newest_module_that_replays_it(fixture: Fixture) {
    let script = "timer 1\nwait\ntimer 1\nwait\ncomplete done";
    let worker = fixture.worker(Setup::new("reset")).await;
    fixture.begin("reset", "Script", "reset", script).await;
    assert_eq!(fixture.end("reset").await, End::completed("done"));
    let old = build_ids(&fixture, "reset").await;
    assert!(worker.stop().await.is_clean());

    let newer = support::version(&support::guest("script"), 2);
    std::fs::write(fixture.script(), newer).unwrap();
    let worker = fixture.worker(Setup::new("reset")).await;
    fixture.reset_to_second_task("reset").await;
    assert_eq!(fixture.end("reset").await, End::completed("done"));
    let reset = build_ids(&fixture, "reset").await;
    assert_eq!(reset[0], old[0]);
    assert!(reset.len() > 2 && reset[1] != old[0], "{reset:?}");
    assert!(reset[1..].iter().all(|build_id| *build_id == reset[1]), "{reset:?}");
    assert!(worker.stop().await.is_clean());
}

pub(crate) async fn queries_and_signals_reach_runs_cached_and_not(fixture: Fixture) {
    let script = "timer 1\nwait\nrandom a\nwait\ncomplete-notes";
    for (task_queue, cached_runs) in [("asked", 8), ("asked-uncached", 0)] {
        let worker = fixture.worker(Setup { cached_runs, ..Setup::new(task_queue) }).await;
        fixture.begin(task_queue, "Script", task_queue, script).await;
        fixture.wait_for(task_queue, EventType::TimerFired).await;
        let answer = fixture.query(task_queue, "log asked").await;
        assert!(answer.starts_with("timer 1\nrandom "), "{answer}");
        // A query leaves nothing behind.
        assert_ne!(fixture.query(task_queue, "random a").await, answer);
        assert_eq!(fixture.query(task_queue, "log asked").await, answer);
        fixture.signal(task_queue, "go").await;
        let End { event_type, text } = fixture.end(task_queue).await;
        assert_eq!(event_type, EventType::WorkflowExecutionCompleted);
        assert!(text.starts_with(&answer) && text.contains("name: \"go\""), "{text}");
        // A closed run is asked as well.
        let answer = fixture.query(task_queue, "log asked").await;
        assert!(answer.contains("name: \"go\""), "{answer}");
        assert!(worker.stop().await.is_clean());
    }
}

/// A guest that printed has no copy, and answers queries itself. It takes no jobs after that, on whatever way the query
/// came: on its own, or with a workflow task.
pub(crate) async fn a_guest_without_a_copy_is_replayed_after_queries(fixture: Fixture) {
    let script = "print x\nwait\nwait\nwait\ncomplete done";
    let worker = fixture.worker(Setup::new("printed")).await;
    fixture.begin("printed", "Script", "printed", script).await;
    fixture.wait_for("printed", EventType::WorkflowTaskCompleted).await;
    let alone = fixture.query("printed", "log asked").await;
    assert_eq!(alone, "");
    fixture.signal("printed", "first").await;
    let first = fixture.query("printed", "log asked").await;
    assert!(first.contains("first"), "{first}");
    assert!(worker.stop().await.is_clean());

    // Without a worker the query waits, and goes out with the task of the signal.
    fixture.signal("printed", "second").await;
    let (answer, worker) =
        tokio::join!(fixture.query("printed", "log asked"), fixture.worker(Setup::new("printed")));
    assert!(answer.contains("second"), "{answer}");
    fixture.signal("printed", "third").await;
    assert_eq!(fixture.end("printed").await, End::completed("done"));
    let outline = fixture.outline("printed").await;
    assert!(!outline.contains(&"WorkflowTaskFailed".to_owned()), "{outline:?}");
    assert!(worker.stop().await.is_clean());
}

/// Many queries at once, of runs that are not cached, on an engine with room for few guests.
pub(crate) async fn queries_wait_for_room(fixture: Fixture) {
    for cached_runs in [0, 1] {
        let task_queue = ["no-cache", "little-cache"][cached_runs];
        let setup = Setup { cached_runs, guests: Some(2), ..Setup::new(task_queue) };
        let worker = fixture.worker(setup).await;
        let id = |run: usize| format!("{task_queue}-{run}");
        for run in 0..4 {
            fixture.begin(task_queue, "Script", &id(run), "timer 1\nwait\nwait\ncomplete done").await;
        }
        for run in 0..4 {
            fixture.wait_for(&id(run), EventType::TimerFired).await;
        }
        let ids: Vec<_> = (0..24).map(|query| id(query % 4)).collect();
        let answers = join_all(ids.iter().map(|id| fixture.query(id, "log asked"))).await;
        assert!(answers.iter().all(|answer| answer == "timer 1"), "{answers:?}");
        assert!(worker.stop().await.is_clean());
    }
}

/// The build ids of a run's completed tasks.
async fn build_ids(fixture: &Fixture, id: &str) -> Vec<String> {
    let mut build_ids = Vec::new();
    for event in fixture.events(id).await {
        if let Some(EventAttributes::WorkflowTaskCompletedEventAttributes(task)) = event.attributes {
            let stamp = task.worker_version.unwrap();
            assert!(!stamp.use_versioning);
            assert_eq!(task.binary_checksum, "");
            build_ids.push(stamp.build_id);
        }
    }
    build_ids
}

pub(crate) async fn what_is_missing_or_wrong_fails_the_task_and_not_the_run(fixture: Fixture) {
    let worker = fixture.worker(Setup { registry: registry(), ..Setup::new("wrong") }).await;

    fixture.begin("wrong", "Unknown", "unknown", "").await;
    fixture.begin("wrong", "Script", "panics", "panic no way").await;
    for (id, message) in [
        ("unknown", "no module defines workflow type `Unknown`; known workflow types: Another, Script"),
        ("panics", "no way"),
    ] {
        let event = fixture.wait_for(id, EventType::WorkflowTaskFailed).await;
        let Some(EventAttributes::WorkflowTaskFailedEventAttributes(failed)) = event.attributes else {
            panic!("{id}: no attributes");
        };
        let actual = failed.failure.unwrap_or_default().message;
        assert!(actual.contains(message), "{actual}");
    }
    // Neighbours do not notice.
    check(&fixture, "wrong", &[("activity greet\nwait\ncomplete done", End::completed("done"))]).await;
    for id in ["unknown", "panics"] {
        fixture.terminate(id).await;
    }
    assert!(worker.stop().await.is_clean());
}

pub(crate) async fn a_module_that_comes_late_completes_what_was_parked(fixture: Fixture) {
    let modules = fixture.folder.path().join("modules-given");
    std::fs::create_dir(&modules).unwrap();
    std::fs::copy(test_harness::component("greetings").unwrap(), modules.join("greetings.wasm")).unwrap();
    let worker = fixture.worker(Setup { modules: vec![modules.clone()], ..Setup::new("late") }).await;
    fixture.begin("late", "Script", "late", "complete done").await;
    fixture.wait_for("late", EventType::WorkflowTaskFailed).await;
    // The second attempt is given out at once, and parked.
    let mut counters = worker.counters.clone();
    counters.wait_for(|counters| counters.parked_tasks == 1).await.unwrap();

    let path = modules.join("script.wasm");
    std::fs::write(&path, support::guest("script")).unwrap();
    let catalog = Arc::clone(&worker.catalog);
    let admitted = tokio::task::spawn_blocking(move || catalog.admit_file(&path)).await.unwrap();
    assert!(admitted.unwrap().is_some());
    counters.wait_for(|counters| counters.parked_tasks == 0).await.unwrap();
    assert_eq!(fixture.end("late").await, End::completed("done"));
    let outline = fixture.outline("late").await;
    assert!(!outline.contains(&"WorkflowTaskTimedOut".to_owned()), "{outline:?}");
    assert!(worker.stop().await.is_clean());
}

pub(crate) async fn what_does_not_end_in_time_goes_back_to_the_service(fixture: Fixture) {
    let (attempts, mut seen) = watch::channel(0);
    let hang = move |_: ActivityContext, RawValue(_): RawValue| {
        attempts.send_modify(|attempts| *attempts += 1);
        let is_first = *attempts.borrow() == 1;
        async move {
            if is_first {
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
    let worker = fixture.worker(with_hang()).await;
    fixture.begin("grace", "Script", "grace", "activity hang\nwait\ncomplete done").await;
    seen.wait_for(|attempts| *attempts == 1).await.unwrap();
    let report = worker.stop().await;
    let left: Vec<&str> = report.activities.iter().map(|activity| activity.activity_type.as_str()).collect();
    assert_eq!(left, ["hang"]);

    let worker = fixture.worker(with_hang()).await;
    assert_eq!(fixture.end("grace").await, End::completed("done"));
    assert_eq!(*seen.borrow(), 2);
    assert!(worker.stop().await.is_clean());
}
