//! Replays with `temporalio-sdk-core`: its replay worker, which needs no server.

use std::{
    collections::BTreeSet,
    panic,
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use host_core::{Command, Job};
use prost::Message;
use temporalio_common::worker::WorkerTaskTypes;
use temporalio_protos::{
    coresdk::{
        workflow_activation::{
            RemoveFromCache, WorkflowActivation, remove_from_cache::EvictionReason,
            workflow_activation_job::Variant,
        },
        workflow_commands::WorkflowCommand,
        workflow_completion::{self, Success, WorkflowActivationCompletion, workflow_activation_completion},
    },
    temporal::api::{
        failure::v1::Failure,
        history::v1::{History, HistoryEvent},
    },
};
use temporalio_sdk_core::{
    Worker, WorkerConfig, WorkerVersioningStrategy, init_replay_worker,
    replay::{HistoryForReplay, HistoryInfo, ReplayWorkerInput},
};
use tokio::{runtime, time};

use super::reported::Reported;
use crate::{
    from_coresdk,
    player::Player,
    replayed::{Replayed, Verdict},
    to_coresdk,
};

/// Why a replay is given up that does not come to an end.
pub const SILENT: &str = "sdk-core panics or falls silent";

/// When a worker that says nothing is given up.
const SILENCE: Duration = Duration::from_secs(1);
/// The same, once one of its threads has panicked.
const SILENCE_AFTER_PANIC: Duration = Duration::from_millis(20);
/// How long a worker may take to shut down.
const SHUTDOWN: Duration = Duration::from_secs(1);
/// How often a silent worker is looked at.
const TICK: Duration = Duration::from_millis(10);

/// How sdk-core names nondeterminism in messages.
const NONDETERMINISM: &str = "[TMPRL1100] Nondeterminism error";

/// Panics inside sdk-core so far, in whatever thread.
static PANICS: AtomicU64 = AtomicU64::new(0);
/// One replay at a time, so that it is known which of them panicked.
static TURN: Mutex<()> = Mutex::new(());

/// Replays encoded events, which are a history to its end.
pub fn replay(events: &[Bytes], player: &mut dyn Player) -> Replayed {
    let history = match decode(events) {
        Ok(history) => history,
        Err(reason) => return Replayed { activations: Vec::new(), verdict: Verdict::Refused(reason) },
    };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    count_panics();
    let mut seen = Seen::default();
    let panics = PANICS.load(Ordering::SeqCst);
    let runtime =
        runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let reported = Reported::default();
    let verdict = tracing::subscriber::with_default(reported.clone(), || {
        panic::catch_unwind(panic::AssertUnwindSafe(|| {
            runtime.block_on(drive(history, player, &mut seen, panics))
        }))
        .unwrap_or_else(|_| Verdict::Refused("sdk-core panics".to_owned()))
    });
    let verdict = match (verdict, reported.take()) {
        (Verdict::Ok, Some(failure)) => verdict_of(&failure),
        (verdict, _) => verdict,
    };
    runtime.shutdown_background();
    Replayed { activations: seen.activations, verdict }
}

#[derive(Default)]
struct Seen {
    activations: Vec<host_core::Activation>,
    local_activities: BTreeSet<u32>,
}

/// What the replay worker checks with a panic.
fn decode(events: &[Bytes]) -> Result<History, String> {
    let events: Result<Vec<HistoryEvent>, _> =
        events.iter().map(|event| HistoryEvent::decode(event.clone())).collect();
    let history = History { events: events.map_err(|error| error.to_string())? };
    let info = HistoryInfo::new_from_history(&history, None).map_err(|error| error.to_string())?;
    if history.extract_run_id_from_start().is_err() || info.orig_run_id().is_empty() {
        return Err("history has no run id".to_owned());
    }
    Ok(history)
}

async fn drive(history: History, player: &mut dyn Player, seen: &mut Seen, panics: u64) -> Verdict {
    let worker = match worker(history) {
        Ok(worker) => worker,
        Err(error) => return Verdict::Refused(error.to_string()),
    };
    let verdict = loop {
        let activation = match unless_silent(worker.poll_workflow_activation(), panics).await {
            Some(Ok(activation)) => activation,
            Some(Err(error)) => break Verdict::Refused(error.to_string()),
            None => break Verdict::Refused(SILENT.to_owned()),
        };
        let eviction = eviction(&activation).cloned();
        let status = match eviction {
            Some(_) => Ok(Vec::new()),
            None => answer(&activation, player, seen),
        };
        let guest_fault = status.as_ref().err().cloned();
        let completed = worker.complete_workflow_activation(completion(activation.run_id, status));
        match unless_silent(completed, panics).await {
            Some(Ok(())) => {}
            Some(Err(error)) => break Verdict::Broken(error.to_string()),
            None => break Verdict::Refused(SILENT.to_owned()),
        }
        if let Some(fault) = guest_fault {
            break Verdict::Broken(fault);
        }
        if let Some(eviction) = eviction {
            break verdict(eviction);
        }
    };
    worker.initiate_shutdown();
    if time::timeout(SHUTDOWN, worker.shutdown()).await.is_err() {
        // Nothing of it is used again.
    }
    verdict
}

fn worker(history: History) -> anyhow::Result<Worker> {
    let config = WorkerConfig::builder()
        .namespace("default")
        .task_queue("replay")
        .versioning_strategy(WorkerVersioningStrategy::None { build_id: String::new() })
        .task_types(WorkerTaskTypes::workflow_only())
        .skip_client_worker_set_check(true)
        .build()
        .map_err(anyhow::Error::msg)?;
    let histories = stream::iter([HistoryForReplay::new(history, "replayed")]);
    init_replay_worker(ReplayWorkerInput::new(config, histories))
}

/// What comes of it, or nothing when sdk-core has panicked or hangs.
async fn unless_silent<T>(future: impl Future<Output = T>, panics: u64) -> Option<T> {
    tokio::pin!(future);
    let mut silence = Duration::ZERO;
    loop {
        if let Ok(output) = time::timeout(TICK, &mut future).await {
            return Some(output);
        }
        silence += TICK;
        let has_panicked = PANICS.load(Ordering::SeqCst) != panics;
        if silence >= SILENCE || has_panicked && silence >= SILENCE_AFTER_PANIC {
            return None;
        }
    }
}

fn answer(
    activation: &WorkflowActivation,
    player: &mut dyn Player,
    seen: &mut Seen,
) -> Result<Vec<WorkflowCommand>, String> {
    let activation = from_coresdk::activation(activation);
    let mut answer = Vec::new();
    for job in &activation.jobs {
        if let Job::Update(update) = job {
            answer.push(to_coresdk::accept(update.protocol_instance_id.clone()));
        }
    }
    let commands = player.play(&activation);
    seen.activations.push(from_coresdk::reduced(activation));
    for command in commands? {
        if let Command::ScheduleLocalActivity { seq, .. } = command {
            seen.local_activities.insert(seq);
        }
        answer.push(to_coresdk::command(&command, |seq| seen.local_activities.contains(&seq)));
    }
    Ok(answer)
}

fn completion(run_id: String, status: Result<Vec<WorkflowCommand>, String>) -> WorkflowActivationCompletion {
    use workflow_activation_completion::Status;
    WorkflowActivationCompletion {
        run_id,
        status: Some(match status {
            Ok(commands) => Status::Successful(Success { commands, ..Success::default() }),
            Err(message) => Status::Failed(workflow_completion::Failure {
                failure: Some(Failure { message, ..Failure::default() }),
                ..workflow_completion::Failure::default()
            }),
        }),
        ..WorkflowActivationCompletion::default()
    }
}

fn eviction(activation: &WorkflowActivation) -> Option<&RemoveFromCache> {
    activation.jobs.iter().find_map(|job| match &job.variant {
        Some(Variant::RemoveFromCache(eviction)) => Some(eviction),
        _ => None,
    })
}

fn verdict(eviction: RemoveFromCache) -> Verdict {
    match eviction.reason() {
        EvictionReason::LangRequested | EvictionReason::WorkflowExecutionEnding => Verdict::Ok,
        // Of an error while a completion is applied, only the message tells what it is.
        _ => verdict_of(&eviction.message),
    }
}

fn verdict_of(message: &str) -> Verdict {
    let start = message.find(NONDETERMINISM);
    // Without the failure that sdk-core packs it in.
    let message = &message[start.unwrap_or(0)..];
    let message = message.split("\", source: ").next().unwrap_or(message).to_owned();
    if start.is_some() { Verdict::Nondeterminism(message) } else { Verdict::Broken(message) }
}

/// Counts what panics in sdk-core, which is not for the test's output: it is a verdict.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.location().is_some_and(|at| at.file().contains("temporalio-sdk-core")) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            } else {
                previous(info);
            }
        }));
    });
}
