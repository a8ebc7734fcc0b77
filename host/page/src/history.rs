//! The history of a run, and what all pages about it read from it.

use host_client::{HistoryStream, Payload};
use host_wire::{
    EventAttributes as Attributes, History, payloads_from_proto, temporal::api::history::v1::HistoryEvent,
};

use crate::fault::{Fault, Shown};

/// Events that are read; a service fails a run with more than 51,200 (`limit.historyCount.error`).
const MAX_EVENTS: usize = 60_000;

/// The events of a history, decoded.
pub(crate) async fn read(mut events: HistoryStream) -> Shown<Vec<HistoryEvent>> {
    let mut read = Vec::new();
    while let Some(event) = events.next().await? {
        read.push(event);
        if read.len() > MAX_EVENTS {
            return Err(Fault::broken(format!("The history has more than {MAX_EVENTS} events.")));
        }
    }
    Ok(read)
}

/// The events of a history that was read as a whole.
pub(crate) fn events(history: &History) -> Shown<Vec<HistoryEvent>> {
    history.events().collect::<Result<_, _>>().map_err(|error| Fault::of(&error))
}

/// The build ids of the workers that completed workflow tasks: each with the first and the last event of its tasks.
pub(crate) fn builds(events: &[HistoryEvent]) -> Vec<(String, i64, i64)> {
    let mut builds: Vec<(String, i64, i64)> = Vec::new();
    for event in events {
        let Some(build) = build(event) else { continue };
        match builds.last_mut() {
            Some((last, _, end)) if *last == build => *end = event.event_id,
            _ => builds.push((build, event.event_id, event.event_id)),
        }
    }
    builds
}

/// The build id of the worker that executed the run at an event: that of its last workflow task, or the first one to come.
pub(crate) fn build_at(events: &[HistoryEvent], event_id: i64) -> Option<String> {
    let before = events.iter().rev().filter(|event| event.event_id <= event_id).find_map(build);
    before.or_else(|| events.iter().find_map(build))
}

fn build(event: &HistoryEvent) -> Option<String> {
    let Some(Attributes::WorkflowTaskCompletedEventAttributes(completed)) = &event.attributes else {
        return None;
    };
    let stamp = completed.worker_version.as_ref().map(|stamp| stamp.build_id.clone());
    let version = completed.deployment_version.as_ref().map(|version| version.build_id.clone());
    stamp.filter(|id| !id.is_empty()).or(version).filter(|id| !id.is_empty())
}

/// The arguments of the run.
pub(crate) fn input(events: &[HistoryEvent]) -> Vec<Payload> {
    match events.first().and_then(|event| event.attributes.as_ref()) {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
            payloads_from_proto(started.input.clone())
        }
        _ => Vec::new(),
    }
}

/// The failure of the last workflow task, if it failed.
pub(crate) fn task_failure(events: &[HistoryEvent]) -> Option<String> {
    for event in events.iter().rev() {
        match &event.attributes {
            Some(Attributes::WorkflowTaskFailedEventAttributes(failed)) => {
                let failure = failed.failure.clone().map(guest_sdk_types::Failure::from);
                return failure.map(|failure| host_text::failure::chain(&failure));
            }
            Some(Attributes::WorkflowTaskCompletedEventAttributes(_)) => return None,
            _ => {}
        }
    }
    None
}
