//! Histories that went wrong: one or two changes at a time.

mod references;
mod rename;

use host_wire::{
    EventAttributes,
    temporal::api::{
        enums::v1::{EventType, WorkflowTaskFailedCause},
        history::v1::{
            HistoryEvent, WorkflowExecutionCancelRequestedEventAttributes,
            WorkflowExecutionSignaledEventAttributes, WorkflowTaskFailedEventAttributes,
            WorkflowTaskTimedOutEventAttributes,
        },
        sdk::v1::WorkflowTaskCompletedMetadata,
    },
};

use crate::{histories::kind, random::Random};

/// A flag of sdk-core that will not exist for long.
const UNKNOWN_FLAG: u32 = 9_999;
/// An event type that will not exist for long.
const UNKNOWN_EVENT_TYPE: i32 = 9_999;
/// How many changes a history gets, at most.
const MAX_CHANGES: usize = 2;

/// What happens to the ids of events when events come and go.
#[derive(Clone, Copy, Debug)]
enum Ids {
    /// Events are counted anew, and what refers to them follows: as if the service had written it.
    Kept,
    /// Events are counted anew; what refers to them does not follow.
    Dangling,
    /// They show that something happened.
    Gaps,
}

/// Changes a history, and says how.
pub fn mutate(events: &[HistoryEvent], random: &mut Random) -> (Vec<HistoryEvent>, String) {
    let mut events = events.to_vec();
    let mut done = Vec::new();
    let changes = if random.percent(75) { 1 } else { MAX_CHANGES };
    for _ in 0..changes {
        if let Some(what) = change(&mut events, random) {
            done.push(what);
        }
    }
    let ids = *random.pick(&[Ids::Kept, Ids::Kept, Ids::Kept, Ids::Kept, Ids::Dangling, Ids::Gaps]);
    match ids {
        Ids::Kept => references::renumber(&mut events, true),
        Ids::Dangling => references::renumber(&mut events, false),
        Ids::Gaps => {}
    }
    (events, format!("{}; ids: {ids:?}", done.join(", ")))
}

fn change(events: &mut Vec<HistoryEvent>, random: &mut Random) -> Option<String> {
    if events.len() < 3 {
        return None;
    }
    // The first event stays: without it neither engine has a run.
    let at = 1 + random.below(events.len() - 1);
    let place = format!("{} {}", events[at].event_id, kind(&events[at]).as_str_name());
    match random.below(16) {
        0 => {
            events.remove(at);
            Some(format!("dropped {place}"))
        }
        1 => {
            let twin = events[at].clone();
            let to = if random.percent(50) { at + 1 } else { 1 + random.below(events.len()) };
            events.insert(to.min(events.len()), twin);
            Some(format!("doubled {place} at {to}"))
        }
        2 => {
            let other = 1 + random.below(events.len() - 1);
            events.swap(at, other);
            Some(format!("swapped {place} with index {other}"))
        }
        3 => {
            let event = events.remove(at);
            let to = 1 + random.below(events.len());
            events.insert(to, event);
            Some(format!("moved {place} to index {to}"))
        }
        4..=6 => on_some(events, at, rename::rename).map(|what| format!("renamed {what}")),
        7 => on_some(events, at, rename::reseat).map(|what| format!("gave another id to {what}")),
        8 => {
            events[at].attributes = None;
            Some(format!("took the attributes of {place}"))
        }
        9 => {
            events.truncate(at);
            Some(format!("cut before {place}"))
        }
        10 => insert_attempt(events, at, random),
        11 => insert_heartbeat(events, at),
        12 => change_flags(events, at, random),
        13 => insert_external(events, at, random),
        14 => {
            let range = task(events, at)?;
            let what = format!("dropped the workflow task at {}", events[range.start].event_id);
            events.drain(range);
            Some(what)
        }
        _ => {
            let may_ignore = random.percent(50);
            events[at].event_type = UNKNOWN_EVENT_TYPE;
            events[at].attributes = None;
            events[at].worker_may_ignore = may_ignore;
            Some(format!("made {place} unknown, may be ignored: {may_ignore}"))
        }
    }
}

/// Does it to the first event from `at` on, and around, to which it can be done.
fn on_some(
    events: &mut [HistoryEvent],
    at: usize,
    change: impl Fn(&mut HistoryEvent) -> Option<String>,
) -> Option<String> {
    let len = events.len();
    (0..len).find_map(|offset| {
        let event = &mut events[(at + offset) % len];
        let place = format!("{} {}", event.event_id, kind(event).as_str_name());
        change(event).map(|what| format!("{what} of {place}"))
    })
}

/// Scheduled, started and completed of the first workflow task from `at` on.
fn task(events: &[HistoryEvent], at: usize) -> Option<std::ops::Range<usize>> {
    let start = (at..events.len().saturating_sub(2)).find(|index| {
        [EventType::WorkflowTaskScheduled, EventType::WorkflowTaskStarted, EventType::WorkflowTaskCompleted]
            .iter()
            .zip(&events[*index..])
            .all(|(expected, event)| kind(event) == *expected)
    })?;
    Some(start..start + 3)
}

/// A first attempt at a workflow task, which fails or times out.
fn insert_attempt(events: &mut Vec<HistoryEvent>, at: usize, random: &mut Random) -> Option<String> {
    let range = task(events, at)?;
    let [scheduled, started] = [events[range.start].clone(), events[range.start + 1].clone()];
    let ends = if random.percent(50) {
        EventAttributes::WorkflowTaskFailedEventAttributes(Box::new(WorkflowTaskFailedEventAttributes {
            scheduled_event_id: scheduled.event_id,
            started_event_id: started.event_id,
            cause: if random.percent(30) {
                WorkflowTaskFailedCause::ResetWorkflow
            } else {
                WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure
            }
            .into(),
            new_run_id: "5bcd3c4e-0000-4000-8000-000000000000".to_owned(),
            ..WorkflowTaskFailedEventAttributes::default()
        }))
    } else {
        EventAttributes::WorkflowTaskTimedOutEventAttributes(Box::new(WorkflowTaskTimedOutEventAttributes {
            scheduled_event_id: scheduled.event_id,
            started_event_id: started.event_id,
            ..WorkflowTaskTimedOutEventAttributes::default()
        }))
    };
    let ended = like(&started, ends);
    let what = format!("{} before workflow task {}", kind(&ended).as_str_name(), scheduled.event_id);
    events.splice(range.start..range.start, [scheduled, started, ended]);
    Some(what)
}

/// A workflow task that does nothing, before another one.
fn insert_heartbeat(events: &mut Vec<HistoryEvent>, at: usize) -> Option<String> {
    let range = task(events, at)?;
    let what = format!("a heartbeat before workflow task {}", events[range.start].event_id);
    let heartbeat = [
        EventAttributes::WorkflowTaskScheduledEventAttributes(Box::default()),
        EventAttributes::WorkflowTaskStartedEventAttributes(Box::default()),
        EventAttributes::WorkflowTaskCompletedEventAttributes(Box::default()),
    ]
    .map(|attributes| like(&events[range.start], attributes));
    events.splice(range.start..range.start, heartbeat);
    Some(what)
}

fn change_flags(events: &mut [HistoryEvent], at: usize, random: &mut Random) -> Option<String> {
    let choice = random.below(5);
    on_some(events, at, |event| {
        let Some(EventAttributes::WorkflowTaskCompletedEventAttributes(completed)) = &mut event.attributes
        else {
            return None;
        };
        let metadata = completed.sdk_metadata.get_or_insert_with(WorkflowTaskCompletedMetadata::default);
        Some(match choice {
            0 => {
                completed.sdk_metadata = None;
                "all flags".to_owned()
            }
            1 => {
                metadata.core_used_flags.push(UNKNOWN_FLAG);
                "an unknown flag".to_owned()
            }
            choice => {
                let flag = u32::try_from(choice - 1).unwrap();
                if metadata.core_used_flags.contains(&flag) {
                    metadata.core_used_flags.retain(|it| *it != flag);
                } else {
                    metadata.core_used_flags.push(flag);
                }
                format!("flag {flag}, turned over,")
            }
        })
    })
}

/// Something that comes from outside.
fn insert_external(events: &mut Vec<HistoryEvent>, at: usize, random: &mut Random) -> Option<String> {
    let attributes = if random.percent(60) {
        EventAttributes::WorkflowExecutionSignaledEventAttributes(Box::new(
            WorkflowExecutionSignaledEventAttributes {
                signal_name: "inserted".to_owned(),
                ..WorkflowExecutionSignaledEventAttributes::default()
            },
        ))
    } else {
        EventAttributes::WorkflowExecutionCancelRequestedEventAttributes(Box::new(
            WorkflowExecutionCancelRequestedEventAttributes {
                cause: "inserted".to_owned(),
                ..WorkflowExecutionCancelRequestedEventAttributes::default()
            },
        ))
    };
    let event = like(&events[at], attributes);
    let what = format!("{} before {}", kind(&event).as_str_name(), event.event_id);
    events.insert(at, event);
    Some(what)
}

/// An event at the same time as another one.
fn like(event: &HistoryEvent, attributes: EventAttributes) -> HistoryEvent {
    HistoryEvent {
        event_id: event.event_id,
        event_time: event.event_time,
        event_type: type_of(&attributes).into(),
        attributes: Some(attributes),
        ..HistoryEvent::default()
    }
}

fn type_of(attributes: &EventAttributes) -> EventType {
    match attributes {
        EventAttributes::WorkflowTaskScheduledEventAttributes(_) => EventType::WorkflowTaskScheduled,
        EventAttributes::WorkflowTaskStartedEventAttributes(_) => EventType::WorkflowTaskStarted,
        EventAttributes::WorkflowTaskCompletedEventAttributes(_) => EventType::WorkflowTaskCompleted,
        EventAttributes::WorkflowTaskFailedEventAttributes(_) => EventType::WorkflowTaskFailed,
        EventAttributes::WorkflowTaskTimedOutEventAttributes(_) => EventType::WorkflowTaskTimedOut,
        EventAttributes::WorkflowExecutionSignaledEventAttributes(_) => EventType::WorkflowExecutionSignaled,
        EventAttributes::WorkflowExecutionCancelRequestedEventAttributes(_) => {
            EventType::WorkflowExecutionCancelRequested
        }
        other => panic!("no mutation inserts {other:?}"),
    }
}
