//! How fast core alone replays, without a guest: `cargo bench -p host-core`.
//!
//! Chain(n) is n activities one after another, Fan(n) is n at once; events as the service writes
//! them, results of 100 bytes. Prints the time per event, which must not grow with n.

#![allow(clippy::unwrap_used, reason = "a benchmark panics on failure")]

use std::{hint::black_box, time::Instant};

use bytes::Bytes;
use host_core::{ActivityCancellation, Command, Job, Run, RunConfig, Step, Task};
use host_wire::{
    EventAttributes as A,
    temporal::api::{
        command::v1::ScheduleActivityTaskCommandAttributes,
        common::v1::{ActivityType, Payload, Payloads, WorkerVersionStamp, WorkflowType},
        enums::v1::EventType,
        history::v1::{
            ActivityTaskCompletedEventAttributes, ActivityTaskScheduledEventAttributes,
            ActivityTaskStartedEventAttributes, HistoryEvent, WorkflowExecutionStartedEventAttributes,
            WorkflowTaskCompletedEventAttributes, WorkflowTaskScheduledEventAttributes,
            WorkflowTaskStartedEventAttributes,
        },
        sdk::v1::WorkflowTaskCompletedMetadata,
    },
};
use prost::Message;
use prost_types::Timestamp;

const EVENTS_PER_CASE: usize = 2_000_000;
const RESULT_BYTES: usize = 100;

fn main() {
    for length in [1, 10, 100, 1_000, 5_000] {
        measure(&format!("Chain({length})"), &chain(length), length, false);
    }
    measure("Fan(1000)", &fan(1_000), 1_000, true);
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn measure(name: &str, events: &[Bytes], activities: u32, at_once: bool) {
    let rounds = EVENTS_PER_CASE / events.len() + 1;
    let start = Instant::now();
    for _ in 0..rounds {
        replay(black_box(events), activities, at_once);
    }
    let per_event = start.elapsed().as_nanos() / (rounds * events.len()) as u128;
    #[expect(clippy::print_stdout, reason = "it reports")]
    {
        println!("{name:12} {:6} events  {per_event:5} ns/event", events.len());
    }
}

fn replay(events: &[Bytes], activities: u32, at_once: bool) {
    let mut run = Run::new(RunConfig::default());
    run.start_task(Task::replay()).unwrap();
    run.feed(events.to_vec(), true);
    let mut scheduled = 0;
    let mut resolved = 0;
    loop {
        match run.next_step().unwrap() {
            Step::Activate(activation) => {
                let mut commands = Vec::new();
                for job in activation.jobs {
                    match job {
                        Job::ActivityResolved { .. } => resolved += 1,
                        Job::Start(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
                let until = if at_once { activities } else { resolved + 1 };
                while scheduled < until.min(activities) {
                    scheduled += 1;
                    commands.push(schedule(scheduled));
                }
                if resolved == activities {
                    commands.push(Command::CompleteWorkflow(Box::default()));
                }
                run.activated(commands).unwrap();
            }
            Step::Idle => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(resolved, activities);
}

fn schedule(seq: u32) -> Command {
    Command::ScheduleActivity {
        seq,
        attributes: Box::new(ScheduleActivityTaskCommandAttributes {
            activity_type: Some(ActivityType { name: "echo".to_owned() }),
            ..ScheduleActivityTaskCommandAttributes::default()
        }),
        cancellation: ActivityCancellation::TryCancel,
        user_metadata: None,
    }
}

fn chain(length: u32) -> Vec<Bytes> {
    let mut writer = Writer::new();
    for activity in 1..=length {
        let scheduled = writer.scheduled(activity);
        writer.completed(scheduled);
        writer.task();
    }
    writer.finish()
}

fn fan(width: u32) -> Vec<Bytes> {
    let mut writer = Writer::new();
    let scheduled: Vec<i64> = (1..=width).map(|it| writer.scheduled(it)).collect();
    for scheduled in scheduled {
        writer.completed(scheduled);
    }
    writer.task();
    writer.finish()
}

struct Writer(Vec<Bytes>);

impl Writer {
    fn new() -> Self {
        let mut writer = Self(Vec::new());
        writer.event(
            EventType::WorkflowExecutionStarted,
            A::WorkflowExecutionStartedEventAttributes(Box::new(WorkflowExecutionStartedEventAttributes {
                workflow_type: Some(WorkflowType { name: "Chain".to_owned() }),
                original_execution_run_id: "0198f6a2-7b1c-7cc3-a9f0-0d3c5ac6b8f1".to_owned(),
                ..WorkflowExecutionStartedEventAttributes::default()
            })),
        );
        writer.task();
        writer
    }

    fn event(&mut self, kind: EventType, attributes: A) -> i64 {
        let event_id = i64::try_from(self.0.len()).unwrap() + 1;
        let event = HistoryEvent {
            event_id,
            event_time: Some(Timestamp { seconds: 1_790_000_000 + event_id, nanos: 5_000_000 }),
            event_type: kind.into(),
            task_id: 1_048_576 + event_id,
            attributes: Some(attributes),
            ..HistoryEvent::default()
        };
        self.0.push(event.encode_to_vec().into());
        event_id
    }

    fn task(&mut self) {
        let scheduled = self.event(
            EventType::WorkflowTaskScheduled,
            A::WorkflowTaskScheduledEventAttributes(Box::new(WorkflowTaskScheduledEventAttributes {
                attempt: 1,
                ..WorkflowTaskScheduledEventAttributes::default()
            })),
        );
        let started = self.event(
            EventType::WorkflowTaskStarted,
            A::WorkflowTaskStartedEventAttributes(Box::new(WorkflowTaskStartedEventAttributes {
                scheduled_event_id: scheduled,
                identity: "12345@host".to_owned(),
                request_id: "0198f6a2-7b1c-7cc3-a9f0-0d3c5ac6b8f1".to_owned(),
                history_size_bytes: 4_000,
                ..WorkflowTaskStartedEventAttributes::default()
            })),
        );
        self.event(
            EventType::WorkflowTaskCompleted,
            A::WorkflowTaskCompletedEventAttributes(Box::new(WorkflowTaskCompletedEventAttributes {
                scheduled_event_id: scheduled,
                started_event_id: started,
                identity: "12345@host".to_owned(),
                worker_version: Some(WorkerVersionStamp {
                    build_id: format!("wasm-sha256-{:064}", 7),
                    ..WorkerVersionStamp::default()
                }),
                sdk_metadata: (scheduled == 2).then(|| WorkflowTaskCompletedMetadata {
                    core_used_flags: vec![1, 2, 3],
                    ..WorkflowTaskCompletedMetadata::default()
                }),
                ..WorkflowTaskCompletedEventAttributes::default()
            })),
        );
    }

    fn scheduled(&mut self, activity: u32) -> i64 {
        self.event(
            EventType::ActivityTaskScheduled,
            A::ActivityTaskScheduledEventAttributes(Box::new(ActivityTaskScheduledEventAttributes {
                activity_id: activity.to_string(),
                activity_type: Some(ActivityType { name: "echo".to_owned() }),
                input: Some(data()),
                ..ActivityTaskScheduledEventAttributes::default()
            })),
        )
    }

    fn completed(&mut self, scheduled: i64) {
        let started = self.event(
            EventType::ActivityTaskStarted,
            A::ActivityTaskStartedEventAttributes(Box::new(ActivityTaskStartedEventAttributes {
                scheduled_event_id: scheduled,
                identity: "12345@host".to_owned(),
                request_id: "0198f6a2-7b1c-7cc3-a9f0-0d3c5ac6b8f1".to_owned(),
                attempt: 1,
                ..ActivityTaskStartedEventAttributes::default()
            })),
        );
        self.event(
            EventType::ActivityTaskCompleted,
            A::ActivityTaskCompletedEventAttributes(Box::new(ActivityTaskCompletedEventAttributes {
                result: Some(data()),
                scheduled_event_id: scheduled,
                started_event_id: started,
                identity: "12345@host".to_owned(),
                ..ActivityTaskCompletedEventAttributes::default()
            })),
        );
    }

    fn finish(mut self) -> Vec<Bytes> {
        self.event(
            EventType::WorkflowExecutionCompleted,
            A::WorkflowExecutionCompletedEventAttributes(Box::default()),
        );
        self.0
    }
}

fn data() -> Payloads {
    Payloads {
        payloads: vec![Payload {
            metadata: [("encoding".to_owned(), Bytes::from_static(b"json/plain"))].into(),
            data: Bytes::from_static(&[b'x'; RESULT_BYTES]),
            ..Payload::default()
        }],
    }
}
