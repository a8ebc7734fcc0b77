//! The gate: open runs of the embedded service, checked on modules that fit them, do not fit them, or fail.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

mod support;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use host_wire::temporal::api::enums::v1::EventType;
use host_worker::{
    CacheConfig, Config, Resources, Worker,
    gate::{CheckedRun, Gate, GateProgress, RunSelection, RunVerdict, Tally, WhyUnknown},
    modules::{
        LoadedModule,
        catalog::{Catalog, CatalogOptions},
    },
    workflow::{Lane, SandboxThreads},
};
use support::embedded::{Embedded, NAMESPACE, signal, start, text, wait_for_event};
use tokio_util::sync::CancellationToken;

const TASK_QUEUE: &str = "queue";

/// Open runs of the guest that executes scripts, one for each script.
async fn open_runs(scripts: &[(&str, &str)]) -> Embedded {
    let embedded = Embedded::open();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.wasm");
    std::fs::write(&path, support::guest("script")).unwrap();
    let options = CatalogOptions::new(support::engine(), folder.path().to_owned(), vec![path]);
    let catalog = Arc::new(tokio::task::spawn_blocking(|| Catalog::open(options)).await.unwrap().unwrap());
    let resources = Resources::new(Arc::clone(&catalog), threads(), None, CacheConfig::default());
    let config = Config { shutdown_grace: Duration::from_secs(1), ..Config::new(NAMESPACE, TASK_QUEUE) };
    let worker = Worker::connect(Arc::clone(&embedded.service), resources, config).await.unwrap();
    let stop = CancellationToken::new();
    let ended = tokio::spawn(worker.run(stop.clone()));
    for (id, script) in scripts {
        start(&*embedded.service, TASK_QUEUE, "Script", id, text(script)).await;
        wait_for_event(&*embedded.service, id, EventType::WorkflowTaskCompleted).await;
    }
    stop.cancel();
    ended.await.unwrap();
    embedded
}

fn threads() -> Arc<SandboxThreads> {
    Arc::new(SandboxThreads::start_with(NonZeroUsize::new(2).unwrap(), Arc::default()).unwrap())
}

/// Checks the runs on a module: the runs that do not agree, sorted, and how many there are of each kind.
async fn check(embedded: &Embedded, module: &[u8], selection: RunSelection) -> (Tally, Vec<CheckedRun>) {
    let module = module.to_vec();
    let module = tokio::task::spawn_blocking(move || support::engine().load(&module)).await.unwrap().unwrap();
    let module = Arc::new(LoadedModule::new(module, None));
    let gate = Gate::new(Arc::clone(&embedded.service), NAMESPACE, module, threads(), Lane::Prompt);
    let mut disagree = Vec::new();
    let tally = gate.check(&selection, |progress| {
        if let GateProgress::Checked(run) = progress
            && run.verdict != RunVerdict::Agrees
        {
            disagree.push(run.clone());
        }
    });
    let tally = tally.await.unwrap();
    disagree.sort_by(|one, other| one.workflow_id.cmp(&other.workflow_id));
    (tally, disagree)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_open_run_gets_a_verdict() {
    let scripts = [
        ("greets", "activity greet\nwait\ncomplete done"),
        ("renamed", "constant-activity\nwait\ncomplete done"),
        ("waits", "timer 3600000\nwait\nwait\ncomplete done"),
        ("draws", "constant-line\nwait\ncomplete done"),
        ("closed", "complete done"),
    ];
    let embedded = open_runs(&scripts).await;
    // The end of the history is not part of a task that was completed.
    signal(&*embedded.service, "waits", "go").await;
    let script = support::guest("script");

    let (tally, disagree) = check(&embedded, &support::version(&script, 2), RunSelection::default()).await;
    assert_eq!((tally.agree, tally.checked()), (4, 4), "{disagree:?}");

    let (tally, disagree) = check(&embedded, &support::incompatible(&script), RunSelection::default()).await;
    assert_eq!((tally.agree, tally.differ, tally.checked()), (3, 1, 4), "{disagree:?}");
    let RunVerdict::Differs { event_id, history, module, at } = &disagree[0].verdict else {
        panic!("{disagree:?}")
    };
    assert!(at.as_ref().unwrap().contains("/script/src/step.rs:"), "{at:?}");
    assert_eq!((&*disagree[0].workflow_id, *event_id), ("renamed", 5));
    assert!(history.contains("the-activity-that-tests-rename"), "{history}");
    assert!(module.contains("an-activity-that-tests-renamed"), "{module}");

    let (tally, disagree) = check(&embedded, &support::panicking(&script), RunSelection::default()).await;
    assert_eq!((tally.agree, tally.cannot_tell, tally.checked()), (3, 1, 4), "{disagree:?}");
    let RunVerdict::CannotTell { why: WhyUnknown::Fault, message } = &disagree[0].verdict else {
        panic!("{disagree:?}")
    };
    assert!(disagree[0].workflow_id == "draws" && message.contains("the-line-that-tests-turn"), "{message}");

    let only = RunSelection { query: "WorkflowId = 'waits'".to_owned(), ..RunSelection::default() };
    let (tally, _) = check(&embedded, &support::incompatible(&script), only).await;
    assert_eq!((tally.agree, tally.checked()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_and_a_limit_bound_how_many_are_checked() {
    let ids: Vec<String> = (0..12).map(|number| format!("run-{number}")).collect();
    let scripts: Vec<_> = ids.iter().map(|id| (id.as_str(), "timer 3600000\nwait")).collect();
    let embedded = open_runs(&scripts).await;
    let script = support::guest("script");
    for (sample, limit, expected) in [
        (None, None, 12),
        (Some(5), None, 5),
        (None, Some(7), 7),
        (Some(20), Some(7), 7),
        (Some(3), Some(7), 3),
    ] {
        let selection = RunSelection {
            sample: sample.and_then(NonZeroUsize::new),
            limit: limit.and_then(NonZeroUsize::new),
            ..RunSelection::default()
        };
        let (tally, _) = check(&embedded, &script, selection).await;
        assert_eq!(tally, Tally { agree: expected, ..Tally::default() }, "{sample:?} {limit:?}");
    }
}
