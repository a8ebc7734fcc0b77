//! A service with one run, as far as the run can tell: turns completions into events, and what is
//! pending into more of them.

use std::collections::VecDeque;

use bytes::Bytes;
use host_core::{Completion, Task};
use host_wire::{
    EventAttributes as A, History,
    temporal::api::{
        command::v1::command::Attributes as C,
        common::v1::{Payload, Payloads, WorkerVersionStamp, WorkflowType},
        enums::v1::EventType,
        history::v1::{
            ActivityTaskCancelRequestedEventAttributes, ActivityTaskCompletedEventAttributes,
            ActivityTaskScheduledEventAttributes, ActivityTaskStartedEventAttributes, HistoryEvent,
            MarkerRecordedEventAttributes, TimerCanceledEventAttributes, TimerFiredEventAttributes,
            TimerStartedEventAttributes, UpsertWorkflowSearchAttributesEventAttributes,
            WorkflowExecutionCompletedEventAttributes, WorkflowExecutionFailedEventAttributes,
            WorkflowExecutionSignaledEventAttributes, WorkflowExecutionStartedEventAttributes,
            WorkflowTaskCompletedEventAttributes, WorkflowTaskScheduledEventAttributes,
            WorkflowTaskStartedEventAttributes,
        },
        taskqueue::v1::TaskQueue,
    },
};
use prost::Message;
use prost_types::Timestamp;

/// The run id of the run, from which its randomness comes.
pub const RUN_ID: &str = "0198f6a2-7b1c-7cc3-a9f0-0d3c5ac6b8f1";

/// When the run starts, in seconds since 1970. Every event comes a second after the one before.
const START_SECONDS: i64 = 1_700_000_000;

/// What has not happened yet.
enum Pending {
    Activity { scheduled_event_id: i64, activity_type: String },
    Timer { started_event_id: i64, timer_id: String },
}

pub struct Service {
    /// Results of activities, as JSON, by type. One that is not here gets its type as a string.
    results: &'static [(&'static str, &'static str)],
    events: Vec<HistoryEvent>,
    pending: VecDeque<Pending>,
    scheduled_event_id: i64,
    started_event_id: i64,
    previous_started_event_id: i64,
    /// The result, or the message of the failure, once the run is closed.
    pub closed: Option<Result<Option<Payload>, String>>,
}

impl Service {
    pub fn start(workflow_type: &str, argument: Payload) -> Self {
        let mut service = Self {
            results: &[],
            events: Vec::new(),
            pending: VecDeque::new(),
            scheduled_event_id: 0,
            started_event_id: 0,
            previous_started_event_id: 0,
            closed: None,
        };
        let started = WorkflowExecutionStartedEventAttributes {
            workflow_type: Some(WorkflowType { name: workflow_type.to_owned() }),
            task_queue: Some(TaskQueue { name: "queue".to_owned(), ..TaskQueue::default() }),
            input: Some(Payloads { payloads: vec![argument] }),
            original_execution_run_id: RUN_ID.to_owned(),
            first_execution_run_id: RUN_ID.to_owned(),
            workflow_id: "workflow".to_owned(),
            attempt: 1,
            ..WorkflowExecutionStartedEventAttributes::default()
        };
        service.push(
            EventType::WorkflowExecutionStarted,
            A::WorkflowExecutionStartedEventAttributes(started.into()),
        );
        service
    }

    /// With results of its activities.
    pub fn answering(self, results: &'static [(&'static str, &'static str)]) -> Self {
        Self { results, ..self }
    }

    /// Makes a workflow task of what has happened.
    pub fn poll(&mut self) -> Task {
        self.scheduled_event_id = self.push(
            EventType::WorkflowTaskScheduled,
            A::WorkflowTaskScheduledEventAttributes(WorkflowTaskScheduledEventAttributes::default().into()),
        );
        self.started_event_id = self.push(
            EventType::WorkflowTaskStarted,
            A::WorkflowTaskStartedEventAttributes(
                WorkflowTaskStartedEventAttributes {
                    scheduled_event_id: self.scheduled_event_id,
                    ..WorkflowTaskStartedEventAttributes::default()
                }
                .into(),
            ),
        );
        Task {
            started_event_id: self.started_event_id,
            previous_started_event_id: Some(self.previous_started_event_id),
            attempt: 1,
            ..Task::default()
        }
    }

    pub fn complete(&mut self, completion: Completion, build_id: String) {
        self.previous_started_event_id = self.started_event_id;
        let completed = WorkflowTaskCompletedEventAttributes {
            scheduled_event_id: self.scheduled_event_id,
            started_event_id: self.started_event_id,
            worker_version: Some(WorkerVersionStamp { build_id, use_versioning: false }),
            sdk_metadata: Some(completion.sdk_metadata),
            ..WorkflowTaskCompletedEventAttributes::default()
        };
        let completed = A::WorkflowTaskCompletedEventAttributes(completed.into());
        let task = self.push(EventType::WorkflowTaskCompleted, completed);
        for command in completion.commands {
            self.command(task, command.attributes.unwrap());
        }
    }

    /// What has been pending longest happens: an activity is done, or a timer fires.
    pub fn happen(&mut self) {
        match self.pending.pop_front().expect("something is pending") {
            Pending::Activity { scheduled_event_id, activity_type } => {
                let started = ActivityTaskStartedEventAttributes {
                    scheduled_event_id,
                    attempt: 1,
                    ..ActivityTaskStartedEventAttributes::default()
                };
                let started_event_id = self.push(
                    EventType::ActivityTaskStarted,
                    A::ActivityTaskStartedEventAttributes(started.into()),
                );
                let completed = ActivityTaskCompletedEventAttributes {
                    scheduled_event_id,
                    started_event_id,
                    result: Some(Payloads { payloads: vec![self.result(&activity_type)] }),
                    ..ActivityTaskCompletedEventAttributes::default()
                };
                self.push(
                    EventType::ActivityTaskCompleted,
                    A::ActivityTaskCompletedEventAttributes(completed.into()),
                );
            }
            Pending::Timer { started_event_id, timer_id } => {
                let fired = TimerFiredEventAttributes { timer_id, started_event_id };
                self.push(EventType::TimerFired, A::TimerFiredEventAttributes(fired.into()));
            }
        }
    }

    fn result(&self, activity_type: &str) -> Payload {
        match self.results.iter().find(|(name, _)| *name == activity_type) {
            Some((_, result)) => json(result),
            None => json(&format!("\"{activity_type}\"")),
        }
    }

    pub fn signal(&mut self, name: &str) {
        let signaled = WorkflowExecutionSignaledEventAttributes {
            signal_name: name.to_owned(),
            ..WorkflowExecutionSignaledEventAttributes::default()
        };
        let signaled = A::WorkflowExecutionSignaledEventAttributes(signaled.into());
        self.push(EventType::WorkflowExecutionSignaled, signaled);
    }

    /// Encoded events behind one.
    pub fn events_after(&self, event_id: i64) -> Vec<Bytes> {
        let later = self.events.iter().filter(|event| event.event_id > event_id);
        later.map(|event| event.encode_to_vec().into()).collect()
    }

    pub fn events(&self) -> &[HistoryEvent] {
        &self.events
    }

    pub fn history(&self) -> History {
        History::from_iter(&self.events)
    }

    fn command(&mut self, task: i64, command: C) {
        match command {
            C::ScheduleActivityTaskCommandAttributes(schedule) => {
                let activity_type = schedule.activity_type.clone();
                let scheduled = ActivityTaskScheduledEventAttributes {
                    activity_id: schedule.activity_id,
                    activity_type: schedule.activity_type,
                    input: schedule.input,
                    workflow_task_completed_event_id: task,
                    ..ActivityTaskScheduledEventAttributes::default()
                };
                let scheduled_event_id = self.push(
                    EventType::ActivityTaskScheduled,
                    A::ActivityTaskScheduledEventAttributes(scheduled.into()),
                );
                let activity_type = activity_type.unwrap().name;
                self.pending.push_back(Pending::Activity { scheduled_event_id, activity_type });
            }
            C::RequestCancelActivityTaskCommandAttributes(cancel) => {
                let requested = ActivityTaskCancelRequestedEventAttributes {
                    scheduled_event_id: cancel.scheduled_event_id,
                    workflow_task_completed_event_id: task,
                };
                self.push(
                    EventType::ActivityTaskCancelRequested,
                    A::ActivityTaskCancelRequestedEventAttributes(requested.into()),
                );
            }
            C::StartTimerCommandAttributes(start) => {
                let started = TimerStartedEventAttributes {
                    timer_id: start.timer_id.clone(),
                    start_to_fire_timeout: start.start_to_fire_timeout,
                    workflow_task_completed_event_id: task,
                };
                let started_event_id =
                    self.push(EventType::TimerStarted, A::TimerStartedEventAttributes(started.into()));
                self.pending.push_back(Pending::Timer { started_event_id, timer_id: start.timer_id });
            }
            C::CancelTimerCommandAttributes(cancel) => self.cancel_timer(task, cancel.timer_id),
            C::RecordMarkerCommandAttributes(marker) => {
                let recorded = MarkerRecordedEventAttributes {
                    marker_name: marker.marker_name,
                    details: marker.details,
                    workflow_task_completed_event_id: task,
                    ..MarkerRecordedEventAttributes::default()
                };
                self.push(EventType::MarkerRecorded, A::MarkerRecordedEventAttributes(recorded.into()));
            }
            C::UpsertWorkflowSearchAttributesCommandAttributes(upsert) => {
                let upserted = UpsertWorkflowSearchAttributesEventAttributes {
                    workflow_task_completed_event_id: task,
                    search_attributes: upsert.search_attributes,
                };
                self.push(
                    EventType::UpsertWorkflowSearchAttributes,
                    A::UpsertWorkflowSearchAttributesEventAttributes(upserted.into()),
                );
            }
            other => self.close(task, other),
        }
    }

    fn cancel_timer(&mut self, task: i64, timer_id: String) {
        let position = self.pending.iter().position(
            |pending| matches!(pending, Pending::Timer { timer_id: pending, .. } if *pending == timer_id),
        );
        let Some(Pending::Timer { started_event_id, .. }) =
            position.and_then(|position| self.pending.remove(position))
        else {
            panic!("timer {timer_id} is not pending");
        };
        let canceled = TimerCanceledEventAttributes {
            timer_id,
            started_event_id,
            workflow_task_completed_event_id: task,
            ..TimerCanceledEventAttributes::default()
        };
        self.push(EventType::TimerCanceled, A::TimerCanceledEventAttributes(canceled.into()));
    }

    fn close(&mut self, task: i64, command: C) {
        match command {
            C::CompleteWorkflowExecutionCommandAttributes(complete) => {
                let result = complete.result.clone().and_then(|mut result| result.payloads.pop());
                self.closed = Some(Ok(result));
                let completed = WorkflowExecutionCompletedEventAttributes {
                    result: complete.result,
                    workflow_task_completed_event_id: task,
                    ..WorkflowExecutionCompletedEventAttributes::default()
                };
                self.push(
                    EventType::WorkflowExecutionCompleted,
                    A::WorkflowExecutionCompletedEventAttributes(completed.into()),
                );
            }
            C::FailWorkflowExecutionCommandAttributes(fail) => {
                self.closed = Some(Err(fail.failure.clone().unwrap().message));
                let failed = WorkflowExecutionFailedEventAttributes {
                    failure: fail.failure,
                    workflow_task_completed_event_id: task,
                    ..WorkflowExecutionFailedEventAttributes::default()
                };
                self.push(
                    EventType::WorkflowExecutionFailed,
                    A::WorkflowExecutionFailedEventAttributes(failed.into()),
                );
            }
            other => panic!("this service does not know {other:?}"),
        }
    }

    fn push(&mut self, event_type: EventType, attributes: A) -> i64 {
        let event_id = i64::try_from(self.events.len()).unwrap() + 1;
        self.events.push(HistoryEvent {
            event_id,
            event_time: Some(Timestamp { seconds: START_SECONDS + event_id, nanos: 0 }),
            event_type: event_type.into(),
            attributes: Some(attributes),
            ..HistoryEvent::default()
        });
        event_id
    }
}

/// A payload of JSON.
pub fn json(value: &str) -> Payload {
    payload("json/plain", value)
}

/// A payload of text.
pub fn text(value: &str) -> Payload {
    payload("binary/plain", value)
}

fn payload(encoding: &str, data: &str) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), Bytes::copy_from_slice(encoding.as_bytes()))].into(),
        data: Bytes::copy_from_slice(data.as_bytes()),
        ..Payload::default()
    }
}
