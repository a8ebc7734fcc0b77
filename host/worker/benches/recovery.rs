//! What a run costs that is not in memory any more, and what it could cost if the state of its guest were kept on disk: history
//! from the service in this process or over a connection, and its replay, beside reading, checking and taking over a state
//! of the same size. Run it with `cargo bench --workspace --bench recovery`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and panics on failure")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use host_sandbox::Engine;
use host_service::{ConnectOptions, RemoteService, WorkflowService};
use host_wire::{
    History,
    temporal::api::workflowservice::v1::{
        DescribeWorkflowExecutionRequest, GetWorkflowExecutionHistoryRequest,
    },
};
use host_worker::{
    CacheConfig,
    modules::{LoadedModule, catalog::CatalogOptions},
    workflow::replay::replay,
};
use sha2::{Digest as _, Sha256};
use support::{
    bench::{self, BenchWorker, TASK_QUEUE},
    embedded::{Embedded, NAMESPACE, execution, start, text},
};
use tonic::Request;

/// Events of the runs that are measured.
const EVENTS: [usize; 3] = [10, 1_000, 50_000];
/// Events that a timer and the workflow task after it have.
const EVENTS_OF_A_TIMER: usize = 5;
const ROUNDS: usize = 7;

fn main() -> ExitCode {
    bench::main(measure())
}

async fn measure() {
    let embedded = Embedded::open();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.wasm");
    let script = support::guest("script");
    std::fs::write(&path, &script).unwrap();
    let engine =
        Engine::new(host_sandbox::Config { instances: 64, ..host_sandbox::Config::for_tests() }).unwrap();
    let options = CatalogOptions::new(engine.clone(), folder.path().to_owned(), vec![path]);
    let worker = BenchWorker::start(&embedded, options, CacheConfig::default()).await;
    for events in EVENTS {
        make_run(&*embedded.service, events).await;
    }
    worker.stop().await;

    let address = embedded.serve().await;
    let options = ConnectOptions { address, namespace: NAMESPACE.to_owned(), ..ConnectOptions::default() };
    let remote = RemoteService::connect(&options).await.unwrap();
    let module = Arc::new(LoadedModule::new(engine.load(&script).unwrap(), None));
    println!("medians of {ROUNDS} rounds");
    println!(
        "{:>8} {:>12} {:>12} {:>12} {:>12} {:>14} {:>14} {:>14}",
        "events", "history", "from here", "from remote", "replay", "state", "save a state", "take it over"
    );
    for events in EVENTS {
        let id = events.to_string();
        let mut history = History::default();
        let mut here = Vec::new();
        let mut away = Vec::new();
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            history = fetch(&*embedded.service, &id).await;
            here.push(begin.elapsed());
            let begin = Instant::now();
            fetch(&remote, &id).await;
            away.push(begin.elapsed());
        }
        let bytes: usize = history.encoded().iter().map(Bytes::len).sum();
        let mut replays = Vec::new();
        let mut state_bytes = 0;
        for _ in 0..ROUNDS {
            let report = replay(&module, &history);
            assert!(report.verdict.is_ok(), "{}", report.verdict);
            state_bytes = report.statistics.memory_bytes;
            replays.push(report.statistics.elapsed);
        }
        let (mut saves, mut restores) = (Vec::new(), Vec::new());
        let state: Vec<u8> = (0..state_bytes).map(|at| u8::try_from(at % 251).unwrap()).collect();
        for _ in 0..ROUNDS {
            let path = folder.path().join("state");
            saves.push(save(&path, &state));
            restores.push(restore(&path));
        }
        println!(
            "{:>8} {:>8} KiB {:>12.2?} {:>12.2?} {:>12.2?} {:>10} KiB {:>14.2?} {:>14.2?}",
            history.len(),
            bytes >> 10,
            median(here),
            median(away),
            median(replays),
            state_bytes >> 10,
            median(saves),
            median(restores),
        );
    }
}

/// A run that waits after so many events.
async fn make_run(service: &dyn WorkflowService, events: usize) {
    let timers = events.saturating_sub(4) / EVENTS_OF_A_TIMER;
    let id = events.to_string();
    start(service, TASK_QUEUE, "Script", &id, text(&format!("{}wait", "timer 1\nwait\n".repeat(timers))))
        .await;
    let until = i64::try_from(4 + timers * EVENTS_OF_A_TIMER).unwrap();
    loop {
        let message = DescribeWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            execution: Some(execution(&id)),
        };
        let described = service.describe_workflow_execution(Request::new(message)).await.unwrap();
        let info = described.into_inner().workflow_execution_info.unwrap();
        if info.history_length >= until {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The history of a run, page by page as a worker fetches it.
async fn fetch(service: &dyn WorkflowService, id: &str) -> History {
    let mut page = GetWorkflowExecutionHistoryRequest {
        namespace: NAMESPACE.to_owned(),
        execution: Some(execution(id)),
        ..Default::default()
    };
    let mut events = Vec::new();
    loop {
        let answer = service.get_workflow_execution_history(Request::new(page.clone())).await.unwrap();
        let answer = answer.into_inner();
        events.extend(answer.history.unwrap_or_default().into_encoded());
        if answer.next_page_token.is_empty() {
            return History::from_encoded(events);
        }
        page.next_page_token = answer.next_page_token;
    }
}

/// Writes a state so that it outlives the process.
fn save(path: &Path, state: &[u8]) -> Duration {
    let begin = Instant::now();
    let mut file = File::create(path).unwrap();
    file.write_all(state).unwrap();
    file.write_all(&Sha256::digest(state)).unwrap();
    file.sync_data().unwrap();
    begin.elapsed()
}

/// The least that taking over a state costs: it is read, checked, and copied to where a guest is.
fn restore(path: &Path) -> Duration {
    let begin = Instant::now();
    let mut bytes = Vec::new();
    File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    let (state, digest) = bytes.split_at(bytes.len() - 32);
    assert_eq!(&*Sha256::digest(state), digest);
    std::hint::black_box(state.to_vec());
    begin.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
