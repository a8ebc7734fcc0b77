//! Histories as short lines, one or several events each. Ids count from 1, or from `@id`; the time of
//! an event is its id in seconds.

use std::collections::BTreeMap;

use bytes::Bytes;
use host_wire::{
    EventAttributes as A,
    temporal::api::{
        common::v1::{ActivityType, Memo, Payload, Payloads, WorkerVersionStamp, WorkflowType},
        enums::v1::{EventType, WorkflowTaskFailedCause},
        failure::v1::Failure,
        history::v1::*,
        protocol::v1::{Message as ProtocolMessage, message::SequencingId},
        sdk::v1::WorkflowTaskCompletedMetadata,
        update::v1::{Input, Meta, Request},
    },
};
use prost::{Message as _, Name as _};
use prost_types::{Any, Timestamp};

use super::other_events;

pub(crate) fn history(lines: &str) -> Vec<Bytes> {
    let mut writer = Writer { events: Vec::new(), next_id: 1, flags: vec![1, 2, 3], build_id: None };
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writer.line(line);
    }
    writer.events
}

pub(crate) fn payload(data: &str) -> Payload {
    Payload { data: Bytes::copy_from_slice(data.as_bytes()), ..Payload::default() }
}

/// A request to update, as it comes with a polled task.
pub(crate) fn update_message(id: &str, after: i64) -> ProtocolMessage {
    ProtocolMessage {
        id: format!("{id}/request"),
        protocol_instance_id: id.to_owned(),
        body: Some(Any { type_url: Request::type_url(), value: request(id).encode_to_vec() }),
        sequencing_id: Some(SequencingId::EventId(after)),
    }
}

pub(super) fn request(id: &str) -> Request {
    Request {
        meta: Some(Meta { update_id: id.to_owned(), ..Meta::default() }),
        input: Some(Input { name: "set".to_owned(), ..Input::default() }),
        ..Request::default()
    }
}

struct Writer {
    events: Vec<Bytes>,
    next_id: i64,
    /// Recorded by the next completed task.
    flags: Vec<u32>,
    build_id: Option<String>,
}

impl Writer {
    fn event(&mut self, kind: EventType, attributes: impl Into<Option<A>>) -> i64 {
        let event_id = self.next_id;
        self.next_id += 1;
        let event = HistoryEvent {
            event_id,
            event_time: Some(Timestamp { seconds: event_id, nanos: 0 }),
            event_type: kind.into(),
            attributes: attributes.into(),
            ..HistoryEvent::default()
        };
        self.events.push(event.encode_to_vec().into());
        event_id
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| -> i64 { words[index].parse().unwrap() };
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        match words[0] {
            "flags" => {
                self.flags = words[1..].iter().map(|it| it.parse().unwrap()).collect();
            }
            "build" => self.build_id = Some(words[1].to_owned()),
            "task" => self.task(words.get(1).copied()),
            "task-completed" => self.task_completed(number(1)),
            "task-failed" => self.task_failed(number(1), word(2)),
            "unknown" => self.unknown(word(1)),
            at if at.starts_with('@') => self.next_id = at[1..].parse().unwrap(),
            _ => {
                let (kind, attributes) = attributes(&words);
                self.event(kind, attributes);
            }
        }
    }

    /// Scheduled, started, and completed, unless it is left open, failed or timed out.
    fn task(&mut self, end: Option<&str>) {
        let scheduled = self
            .event(EventType::WorkflowTaskScheduled, A::WorkflowTaskScheduledEventAttributes(Box::default()));
        if end == Some("scheduled") {
            return;
        }
        self.event(
            EventType::WorkflowTaskStarted,
            A::WorkflowTaskStartedEventAttributes(Box::new(WorkflowTaskStartedEventAttributes {
                scheduled_event_id: scheduled,
                history_size_bytes: 100 * scheduled,
                ..WorkflowTaskStartedEventAttributes::default()
            })),
        );
        match end {
            None => self.task_completed(scheduled),
            Some("open") => {}
            Some("timed-out") => {
                self.event(
                    EventType::WorkflowTaskTimedOut,
                    A::WorkflowTaskTimedOutEventAttributes(Box::new(WorkflowTaskTimedOutEventAttributes {
                        scheduled_event_id: scheduled,
                        ..WorkflowTaskTimedOutEventAttributes::default()
                    })),
                );
            }
            Some(how) => self.task_failed(scheduled, how),
        }
    }

    fn task_completed(&mut self, scheduled_event_id: i64) {
        let flags = std::mem::take(&mut self.flags);
        self.event(
            EventType::WorkflowTaskCompleted,
            A::WorkflowTaskCompletedEventAttributes(Box::new(WorkflowTaskCompletedEventAttributes {
                scheduled_event_id,
                started_event_id: scheduled_event_id + 1,
                worker_version: self
                    .build_id
                    .clone()
                    .map(|build_id| WorkerVersionStamp { build_id, ..WorkerVersionStamp::default() }),
                sdk_metadata: (!flags.is_empty()).then(|| WorkflowTaskCompletedMetadata {
                    core_used_flags: flags,
                    sdk_name: "host".to_owned(),
                    sdk_version: "1".to_owned(),
                    ..WorkflowTaskCompletedMetadata::default()
                }),
                ..WorkflowTaskCompletedEventAttributes::default()
            })),
        );
    }

    fn task_failed(&mut self, scheduled_event_id: i64, how: &str) {
        self.event(
            EventType::WorkflowTaskFailed,
            A::WorkflowTaskFailedEventAttributes(Box::new(WorkflowTaskFailedEventAttributes {
                scheduled_event_id,
                cause: if how == "reset" {
                    WorkflowTaskFailedCause::ResetWorkflow.into()
                } else {
                    WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure.into()
                },
                new_run_id: "new-run".to_owned(),
                ..WorkflowTaskFailedEventAttributes::default()
            })),
        );
    }

    /// An event of a type that does not exist yet.
    fn unknown(&mut self, how: &str) {
        let event = HistoryEvent {
            event_id: self.next_id,
            event_type: 4_000,
            worker_may_ignore: how == "ignorable",
            ..HistoryEvent::default()
        };
        self.next_id += 1;
        self.events.push(event.encode_to_vec().into());
    }
}

/// The events that most histories have; the others are in `other_events`.
#[expect(clippy::too_many_lines, reason = "a table: one entry per word")]
fn attributes(words: &[&str]) -> (EventType, A) {
    let number = |index: usize| -> i64 { words[index].parse().unwrap() };
    let word = |index: usize| words.get(index).copied().unwrap_or_default().to_owned();
    let result = |index: usize| words.get(index).map(|data| Payloads { payloads: vec![payload(data)] });
    let failed = Some(super::failure("boom"));
    match words[0] {
        "started" => (
            EventType::WorkflowExecutionStarted,
            A::WorkflowExecutionStartedEventAttributes(Box::new(WorkflowExecutionStartedEventAttributes {
                workflow_type: Some(WorkflowType { name: "Test".to_owned() }),
                original_execution_run_id: "run".to_owned(),
                memo: Some(Memo::default()),
                ..WorkflowExecutionStartedEventAttributes::default()
            })),
        ),
        "completed" => (
            EventType::WorkflowExecutionCompleted,
            A::WorkflowExecutionCompletedEventAttributes(Box::default()),
        ),
        "failed" => {
            (EventType::WorkflowExecutionFailed, A::WorkflowExecutionFailedEventAttributes(Box::default()))
        }
        "canceled" => (
            EventType::WorkflowExecutionCanceled,
            A::WorkflowExecutionCanceledEventAttributes(Box::default()),
        ),
        "continued" => (
            EventType::WorkflowExecutionContinuedAsNew,
            A::WorkflowExecutionContinuedAsNewEventAttributes(Box::default()),
        ),
        "terminated" => (
            EventType::WorkflowExecutionTerminated,
            A::WorkflowExecutionTerminatedEventAttributes(Box::default()),
        ),
        "signaled" => (
            EventType::WorkflowExecutionSignaled,
            A::WorkflowExecutionSignaledEventAttributes(Box::new(WorkflowExecutionSignaledEventAttributes {
                signal_name: word(1),
                ..WorkflowExecutionSignaledEventAttributes::default()
            })),
        ),
        "cancel-requested" => (
            EventType::WorkflowExecutionCancelRequested,
            A::WorkflowExecutionCancelRequestedEventAttributes(Box::default()),
        ),
        "activity-scheduled" => (
            EventType::ActivityTaskScheduled,
            A::ActivityTaskScheduledEventAttributes(Box::new(ActivityTaskScheduledEventAttributes {
                activity_id: word(1),
                activity_type: Some(ActivityType { name: word(2) }),
                ..ActivityTaskScheduledEventAttributes::default()
            })),
        ),
        "activity-started" => (
            EventType::ActivityTaskStarted,
            A::ActivityTaskStartedEventAttributes(Box::new(ActivityTaskStartedEventAttributes {
                scheduled_event_id: number(1),
                ..ActivityTaskStartedEventAttributes::default()
            })),
        ),
        "activity-completed" => (
            EventType::ActivityTaskCompleted,
            A::ActivityTaskCompletedEventAttributes(Box::new(ActivityTaskCompletedEventAttributes {
                scheduled_event_id: number(1),
                result: result(2),
                ..ActivityTaskCompletedEventAttributes::default()
            })),
        ),
        "activity-failed" => (
            EventType::ActivityTaskFailed,
            A::ActivityTaskFailedEventAttributes(Box::new(ActivityTaskFailedEventAttributes {
                scheduled_event_id: number(1),
                failure: failed,
                ..ActivityTaskFailedEventAttributes::default()
            })),
        ),
        "activity-timed-out" => (
            EventType::ActivityTaskTimedOut,
            A::ActivityTaskTimedOutEventAttributes(Box::new(ActivityTaskTimedOutEventAttributes {
                scheduled_event_id: number(1),
                failure: failed,
                ..ActivityTaskTimedOutEventAttributes::default()
            })),
        ),
        "activity-cancel-requested" => (
            EventType::ActivityTaskCancelRequested,
            A::ActivityTaskCancelRequestedEventAttributes(Box::new(
                ActivityTaskCancelRequestedEventAttributes {
                    scheduled_event_id: number(1),
                    ..ActivityTaskCancelRequestedEventAttributes::default()
                },
            )),
        ),
        "activity-canceled" => (
            EventType::ActivityTaskCanceled,
            A::ActivityTaskCanceledEventAttributes(Box::new(ActivityTaskCanceledEventAttributes {
                scheduled_event_id: number(1),
                ..ActivityTaskCanceledEventAttributes::default()
            })),
        ),
        "timer-started" => (
            EventType::TimerStarted,
            A::TimerStartedEventAttributes(Box::new(TimerStartedEventAttributes {
                timer_id: word(1),
                ..TimerStartedEventAttributes::default()
            })),
        ),
        "timer-fired" => (
            EventType::TimerFired,
            A::TimerFiredEventAttributes(Box::new(TimerFiredEventAttributes {
                started_event_id: number(1),
                timer_id: word(2),
            })),
        ),
        "timer-canceled" => (
            EventType::TimerCanceled,
            A::TimerCanceledEventAttributes(Box::new(TimerCanceledEventAttributes {
                started_event_id: number(1),
                timer_id: word(2),
                ..TimerCanceledEventAttributes::default()
            })),
        ),
        "patch" => marker(
            "core_patch",
            "patch-data",
            &format!(r#"{{"id":"{}","deprecated":{}}}"#, words[1], words.len() > 2),
            None,
            None,
        ),
        "local-marker" => {
            let index =
                words.get(4).map_or_else(String::new, |index| format!(r#","activation_index":{index}"#));
            let data = local_activity_data(&word(1), &word(2), &index);
            marker("core_local_activity", "data", &data, result(3), None)
        }
        "failed-local-marker" => {
            let data = local_activity_data(&word(1), &word(2), "");
            marker("core_local_activity", "data", &data, None, failed)
        }
        "foreign-marker" => marker("Version", "data", "1", None, None),
        _ => other_events::attributes(words),
    }
}

/// What a local activity's marker says besides its result, and where else it is to be delivered.
fn local_activity_data(id: &str, activity_type: &str, more: &str) -> String {
    format!(
        r#"{{"seq":{id},"attempt":1,"activity_id":"{id}","activity_type":"{activity_type}","complete_time":{{"seconds":3,"nanos":500000000}},"backoff":null,"original_schedule_time":null{more}}}"#
    )
}

fn marker(
    name: &str,
    key: &str,
    data: &str,
    result: Option<Payloads>,
    failure: Option<Failure>,
) -> (EventType, A) {
    let mut details = BTreeMap::from([(key.to_owned(), Payloads { payloads: vec![payload(data)] })]);
    if let Some(result) = result {
        details.insert("result".to_owned(), result);
    }
    (
        EventType::MarkerRecorded,
        A::MarkerRecordedEventAttributes(Box::new(MarkerRecordedEventAttributes {
            marker_name: name.to_owned(),
            details,
            failure,
            ..MarkerRecordedEventAttributes::default()
        })),
    )
}
