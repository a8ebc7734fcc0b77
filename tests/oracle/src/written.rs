//! Histories of any length, as a service writes them for the workflows in `guest`.

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::{ActivityType, Payload, Payloads, SearchAttributes, WorkflowType},
        enums::v1::EventType,
        history::v1::{
            ActivityTaskCompletedEventAttributes, ActivityTaskScheduledEventAttributes,
            ActivityTaskStartedEventAttributes, HistoryEvent, MarkerRecordedEventAttributes,
            UpsertWorkflowSearchAttributesEventAttributes, WorkflowExecutionCompletedEventAttributes,
            WorkflowExecutionStartedEventAttributes, WorkflowTaskCompletedEventAttributes,
            WorkflowTaskScheduledEventAttributes, WorkflowTaskStartedEventAttributes,
        },
        sdk::v1::WorkflowTaskCompletedMetadata,
        taskqueue::v1::TaskQueue,
    },
};
use prost_types::{Duration, Timestamp};

const TEXT_BYTES: usize = 100;
const RUN_ID: &str = "0198f6a2-7b1c-7cc3-a9f0-0d3c5ac6b8f1";
const IDENTITY: &str = "12345@some-host.example.com";
const QUEUE: &str = "bench";
/// When the run started.
const START_SECONDS: i64 = 1_760_000_000;
/// Completions between two workflow tasks of a fan.
const FAN_BATCH: u32 = 20;

/// One activity.
pub fn hello() -> Vec<HistoryEvent> {
    let mut history = Writer::start("Hello", &text());
    history.workflow_task();
    let scheduled = history.schedule(1);
    history.complete(scheduled);
    history.workflow_task();
    history.end(&text())
}

/// Activities one after another.
pub fn chain(count: u32) -> Vec<HistoryEvent> {
    let mut history = Writer::start("Chain", &count.to_string());
    history.workflow_task();
    for number in 1..=count {
        let scheduled = history.schedule(number);
        history.complete(scheduled);
        history.workflow_task();
    }
    history.end(&text())
}

/// Activities at once. They end in batches, each of which brings a workflow task about.
pub fn fan(count: u32) -> Vec<HistoryEvent> {
    let mut history = Writer::start("Fan", &count.to_string());
    history.workflow_task();
    let scheduled: Vec<i64> = (1..=count).map(|number| history.schedule(number)).collect();
    for batch in scheduled.chunks(FAN_BATCH as usize) {
        for scheduled in batch {
            history.complete(*scheduled);
        }
        history.workflow_task();
    }
    history.end(&(u64::from(count) * TEXT_BYTES as u64).to_string())
}

/// What a history of `Patched` records of one of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchCall {
    /// No marker, and the activity of this path.
    Unmarked(&'static str),
    /// A marker, which may be deprecated, and the activity of the new path.
    Marked {
        /// Written by `deprecate_patch`.
        deprecated: bool,
    },
}

/// Calls for a patch, each followed by an activity. An open history ends where the next call is live.
pub fn patched(code: &str, calls: &[PatchCall], is_open: bool) -> Vec<HistoryEvent> {
    let mut history = Writer::start("Patched", &format!("\"{code}\""));
    for (number, call) in (1..).zip(calls) {
        history.workflow_task();
        let activity_type = match call {
            PatchCall::Unmarked(path) => path,
            PatchCall::Marked { deprecated } => {
                history.patch_marker(*deprecated);
                "new_path"
            }
        };
        let scheduled = history.schedule_type(number, activity_type);
        history.complete(scheduled);
    }
    if is_open {
        history.start_workflow_task();
        return history.events;
    }
    history.workflow_task();
    history.end("\"\"")
}

fn text() -> String {
    format!("\"{}\"", "x".repeat(TEXT_BYTES))
}

fn json(text: &str) -> Option<Payloads> {
    Some(Payloads {
        payloads: vec![Payload {
            metadata: [("encoding".to_owned(), "json/plain".into())].into(),
            data: text.to_owned().into(),
            ..Payload::default()
        }],
    })
}

fn queue() -> Option<TaskQueue> {
    Some(TaskQueue { name: QUEUE.to_owned(), kind: 1, ..TaskQueue::default() })
}

fn seconds(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

struct Writer {
    events: Vec<HistoryEvent>,
    /// The last `WorkflowTaskCompleted`.
    completed: i64,
}

impl Writer {
    fn start(workflow_type: &str, input: &str) -> Self {
        let mut writer = Self { events: Vec::new(), completed: 0 };
        writer.push(
            EventType::WorkflowExecutionStarted,
            EventAttributes::WorkflowExecutionStartedEventAttributes(Box::new(
                WorkflowExecutionStartedEventAttributes {
                    workflow_type: Some(WorkflowType { name: workflow_type.to_owned() }),
                    workflow_id: "bench".to_owned(),
                    task_queue: queue(),
                    input: json(input),
                    workflow_task_timeout: seconds(10),
                    original_execution_run_id: RUN_ID.to_owned(),
                    first_execution_run_id: RUN_ID.to_owned(),
                    identity: IDENTITY.to_owned(),
                    attempt: 1,
                    ..WorkflowExecutionStartedEventAttributes::default()
                },
            )),
        );
        writer
    }

    fn push(&mut self, event_type: EventType, attributes: EventAttributes) -> i64 {
        let event_id = i64::try_from(self.events.len()).unwrap() + 1;
        self.events.push(HistoryEvent {
            event_id,
            event_time: Some(Timestamp {
                seconds: START_SECONDS + event_id / 100,
                nanos: i32::try_from(event_id % 100).unwrap() * 10_000_000,
            }),
            event_type: event_type.into(),
            task_id: 1_048_576 + event_id,
            attributes: Some(attributes),
            ..HistoryEvent::default()
        });
        event_id
    }

    fn workflow_task(&mut self) {
        let (scheduled, started) = self.start_workflow_task();
        self.complete_workflow_task(scheduled, started);
    }

    fn start_workflow_task(&mut self) -> (i64, i64) {
        let scheduled = self.push(
            EventType::WorkflowTaskScheduled,
            EventAttributes::WorkflowTaskScheduledEventAttributes(Box::new(
                WorkflowTaskScheduledEventAttributes {
                    task_queue: queue(),
                    start_to_close_timeout: seconds(10),
                    attempt: 1,
                },
            )),
        );
        let started = self.push(
            EventType::WorkflowTaskStarted,
            EventAttributes::WorkflowTaskStartedEventAttributes(Box::new(
                WorkflowTaskStartedEventAttributes {
                    scheduled_event_id: scheduled,
                    identity: IDENTITY.to_owned(),
                    request_id: RUN_ID.to_owned(),
                    history_size_bytes: scheduled * 150,
                    ..WorkflowTaskStartedEventAttributes::default()
                },
            )),
        );
        (scheduled, started)
    }

    fn complete_workflow_task(&mut self, scheduled: i64, started: i64) {
        let first = self.completed == 0;
        self.completed = self.push(
            EventType::WorkflowTaskCompleted,
            EventAttributes::WorkflowTaskCompletedEventAttributes(Box::new(
                WorkflowTaskCompletedEventAttributes {
                    scheduled_event_id: scheduled,
                    started_event_id: started,
                    identity: IDENTITY.to_owned(),
                    sdk_metadata: Some(if first {
                        WorkflowTaskCompletedMetadata {
                            core_used_flags: vec![1, 2, 3],
                            sdk_name: "bench".to_owned(),
                            sdk_version: "1".to_owned(),
                            ..WorkflowTaskCompletedMetadata::default()
                        }
                    } else {
                        WorkflowTaskCompletedMetadata::default()
                    }),
                    ..WorkflowTaskCompletedEventAttributes::default()
                },
            )),
        );
    }

    /// What sdk-core's patch machine writes: the marker, and the list of patches.
    fn patch_marker(&mut self, deprecated: bool) {
        let data = json(&format!("{{\"id\":\"p\",\"deprecated\":{deprecated}}}"));
        self.push(
            EventType::MarkerRecorded,
            EventAttributes::MarkerRecordedEventAttributes(Box::new(MarkerRecordedEventAttributes {
                marker_name: "core_patch".to_owned(),
                details: [("patch-data".to_owned(), data.unwrap_or_default())].into(),
                workflow_task_completed_event_id: self.completed,
                ..MarkerRecordedEventAttributes::default()
            })),
        );
        let list = json("[\"p\"]").and_then(|mut list| list.payloads.pop()).unwrap_or_default();
        let indexed_fields = [("TemporalChangeVersion".to_owned(), list)].into();
        self.push(
            EventType::UpsertWorkflowSearchAttributes,
            EventAttributes::UpsertWorkflowSearchAttributesEventAttributes(Box::new(
                UpsertWorkflowSearchAttributesEventAttributes {
                    workflow_task_completed_event_id: self.completed,
                    search_attributes: Some(SearchAttributes { indexed_fields }),
                },
            )),
        );
    }

    fn schedule(&mut self, number: u32) -> i64 {
        self.schedule_type(number, "echo")
    }

    fn schedule_type(&mut self, number: u32, activity_type: &str) -> i64 {
        let completed = self.completed;
        self.push(
            EventType::ActivityTaskScheduled,
            EventAttributes::ActivityTaskScheduledEventAttributes(Box::new(
                ActivityTaskScheduledEventAttributes {
                    activity_id: number.to_string(),
                    activity_type: Some(ActivityType { name: activity_type.to_owned() }),
                    task_queue: queue(),
                    input: json(&text()),
                    start_to_close_timeout: seconds(10),
                    workflow_task_completed_event_id: completed,
                    ..ActivityTaskScheduledEventAttributes::default()
                },
            )),
        )
    }

    fn complete(&mut self, scheduled: i64) {
        let started = self.push(
            EventType::ActivityTaskStarted,
            EventAttributes::ActivityTaskStartedEventAttributes(Box::new(
                ActivityTaskStartedEventAttributes {
                    scheduled_event_id: scheduled,
                    identity: IDENTITY.to_owned(),
                    request_id: RUN_ID.to_owned(),
                    attempt: 1,
                    ..ActivityTaskStartedEventAttributes::default()
                },
            )),
        );
        self.push(
            EventType::ActivityTaskCompleted,
            EventAttributes::ActivityTaskCompletedEventAttributes(Box::new(
                ActivityTaskCompletedEventAttributes {
                    result: json(&text()),
                    scheduled_event_id: scheduled,
                    started_event_id: started,
                    identity: IDENTITY.to_owned(),
                    ..ActivityTaskCompletedEventAttributes::default()
                },
            )),
        );
    }

    fn end(mut self, result: &str) -> Vec<HistoryEvent> {
        let completed = self.completed;
        self.push(
            EventType::WorkflowExecutionCompleted,
            EventAttributes::WorkflowExecutionCompletedEventAttributes(Box::new(
                WorkflowExecutionCompletedEventAttributes {
                    result: json(result),
                    workflow_task_completed_event_id: completed,
                    ..WorkflowExecutionCompletedEventAttributes::default()
                },
            )),
        );
        self.events
    }
}
