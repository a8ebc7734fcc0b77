//! Where histories come from: sdk-core's published package, and what our own tests recorded.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use host_wire::{
    History, protojson,
    temporal::api::{
        enums::v1::EventType,
        history::v1::{HistoryEvent, WorkflowExecutionStartedEventAttributes, history_event::Attributes},
    },
};
use prost::Message;

use crate::sandboxed::root;

/// Histories of a guest that numbered local activities and others apart, so that both counts clash where
/// ours, like that of every SDK, is one: no guest of ours could write them.
const CLASHING: [&str; 3] = [
    "sdk-core/la_replay_without_activation_index.bin#0",
    "sdk-core/la_replay_without_activation_index.bin#1",
    "sdk-core/la_replay_without_activation_index.bin#2",
];

/// `ImprovedHeartbeatHeuristic` in newer versions of sdk-core.
const HEARTBEATS_FLAG: u32 = 4;

/// A history from a file.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// For messages: where it is from.
    pub name: String,
    /// Its events.
    pub events: Vec<HistoryEvent>,
}

impl Recorded {
    fn new(name: String, history: &History) -> Result<Self> {
        let events: Result<Vec<HistoryEvent>, _> = history.events().collect();
        let events = events.with_context(|| format!("failed to decode {name}"))?;
        Ok(Self { name, events })
    }

    /// The histories in a file: one, or in sdk-core's package one after another, each with its length
    /// before it.
    fn read(name: &str, path: &Path) -> Result<Vec<Self>> {
        let contents =
            Bytes::from(fs::read(path).with_context(|| format!("failed to read {}", path.display()))?);
        let is_json = path.extension().is_some_and(|it| it == "json");
        match protojson::read_history(contents.clone()) {
            Ok(history) => Ok(vec![Self::new(name.to_owned(), &history)?]),
            Err(error) if is_json => Err(error).with_context(|| format!("failed to read {}", path.display())),
            Err(_) => {
                let mut rest = contents;
                let mut histories = Vec::new();
                while !rest.is_empty() {
                    let history = History::decode_length_delimited(&mut rest)
                        .with_context(|| format!("failed to read {}", path.display()))?;
                    histories.push(Self::new(format!("{name}#{}", histories.len()), &history)?);
                }
                Ok(histories)
            }
        }
    }
}

/// Events as the service sends them.
pub fn encoded(events: &[HistoryEvent]) -> Vec<Bytes> {
    events.iter().map(|event| event.encode_to_vec().into()).collect()
}

/// The id of a history's run; empty if its first event does not say.
pub fn run_id(events: &[HistoryEvent]) -> &str {
    started(events).map_or("", |started| &started.original_execution_run_id)
}

/// The workflow id of a history; empty if its first event does not say.
pub fn workflow_id(events: &[HistoryEvent]) -> &str {
    started(events).map_or("", |started| &started.workflow_id)
}

fn started(events: &[HistoryEvent]) -> Option<&WorkflowExecutionStartedEventAttributes> {
    match events.first()?.attributes.as_ref()? {
        Attributes::WorkflowExecutionStartedEventAttributes(started) => Some(started),
        _ => None,
    }
}

/// The histories that sdk-core's tests use, which are in its published package.
///
/// # Errors
///
/// When the package has none, or one cannot be read.
pub fn of_sdk_core() -> Result<Vec<Recorded>> {
    let output = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["metadata", "--format-version=1", "--offline", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .context("failed to run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "temporalio-sdk-core")
        .and_then(|package| package["manifest_path"].as_str())
        .context("temporalio-sdk-core is no dependency")?;
    let folder = Path::new(manifest).with_file_name("tests").join("histories");
    let mut histories = in_folder(&folder, "sdk-core")?;
    histories.iter_mut().for_each(count_timers_from_one);
    histories.retain(|recorded| !CLASHING.contains(&recorded.name.as_str()));
    Ok(histories)
}

/// Some were written by tests that number timers from 0, which no SDK does.
fn count_timers_from_one(recorded: &mut Recorded) {
    let ids = || {
        recorded.events.iter().filter_map(|event| match &event.attributes {
            Some(Attributes::TimerStartedEventAttributes(it)) => Some(it.timer_id.as_str()),
            _ => None,
        })
    };
    if !ids().any(|id| id == "0") {
        return;
    }
    for event in &mut recorded.events {
        let id = match &mut event.attributes {
            Some(Attributes::TimerStartedEventAttributes(it)) => &mut it.timer_id,
            Some(Attributes::TimerFiredEventAttributes(it)) => &mut it.timer_id,
            Some(Attributes::TimerCanceledEventAttributes(it)) => &mut it.timer_id,
            _ => continue,
        };
        if let Ok(number) = id.parse::<u32>() {
            *id = (number + 1).to_string();
        }
    }
}

/// The histories that our tests recorded.
///
/// # Errors
///
/// When one cannot be read.
pub fn of_ours() -> Result<Vec<Recorded>> {
    let mut histories = in_folder(&root().join("tests/histories"), "histories")?;
    histories.extend(of_samples()?.into_iter().flat_map(|(_, histories)| histories));
    Ok(histories)
}

/// The histories that samples recorded, by the name of the sample, which is that of its package.
///
/// # Errors
///
/// When one cannot be read.
pub fn of_samples() -> Result<Vec<(String, Vec<Recorded>)>> {
    let mut samples = Vec::new();
    for sample in folders(&root().join("sample-workflows"))? {
        let name = sample.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let histories = in_folder(&sample.join("histories"), &name)?;
        if !histories.is_empty() {
            samples.push((name, histories));
        }
    }
    Ok(samples)
}

fn in_folder(folder: &Path, name: &str) -> Result<Vec<Recorded>> {
    let mut histories = Vec::new();
    if !folder.is_dir() {
        return Ok(histories);
    }
    for entry in sorted(folder)? {
        let file_name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = format!("{name}/{file_name}");
        if entry.is_dir() {
            histories.extend(in_folder(&entry, &name)?);
        } else if is_history(&entry) {
            histories.extend(Recorded::read(&name, &entry)?);
        }
    }
    Ok(histories)
}

/// JSON beside a binary file of the same name says something about that one.
fn is_history(path: &Path) -> bool {
    match path.extension().and_then(|it| it.to_str()) {
        Some("bin") => true,
        Some("json") => !path.with_extension("bin").exists(),
        _ => false,
    }
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(sorted(folder)?.into_iter().filter(|entry| entry.is_dir()).collect())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("failed to read {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    Ok(entries)
}

/// Takes the flag away that says how newer cores cut histories with heartbeats into tasks. The sdk-core
/// that is published ignores it and cuts them the old way, also those of the Python SDK, which has it;
/// ours follows it. Without it both must cut alike.
pub fn cut_the_old_way(events: &mut [HistoryEvent]) {
    for event in events {
        if let Some(Attributes::WorkflowTaskCompletedEventAttributes(completed)) = &mut event.attributes
            && let Some(metadata) = &mut completed.sdk_metadata
        {
            metadata.core_used_flags.retain(|flag| *flag != HEARTBEATS_FLAG);
        }
    }
}

/// Prints a history in a line per event, for messages.
pub fn listing(events: &[HistoryEvent]) -> String {
    events.iter().map(|event| format!("  {:>4} {}\n", event.event_id, kind(event).as_str_name())).collect()
}

/// The type of an event.
pub fn kind(event: &HistoryEvent) -> EventType {
    EventType::try_from(event.event_type).unwrap_or_default()
}
