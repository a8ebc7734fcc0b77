//! One run: what the service knows about it, and how facts change that.
//!
//! [`Run::apply`] is the only place where a run changes, both when something happens and when the
//! facts are read back after a restart. It decides nothing: [`crate::execution::run_transition::RunTransition`] and what uses it do.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::{Memo, Payload, WorkerVersionStamp, WorkflowExecution},
        enums::v1::{EventType, TaskQueueKind, WorkflowExecutionStatus as Status, WorkflowTaskFailedCause},
        history::v1::{
            HistoryEvent, RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
            SignalExternalWorkflowExecutionInitiatedEventAttributes, WorkflowExecutionStartedEventAttributes,
        },
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
    },
};
use prost::Message;

use crate::{
    execution::{
        activity::Activity,
        child::Child,
        fact::{Fact, Recorded, Sticky, UnrecordedChange},
        record::RunIdentity,
        timer::Timer,
        worker::Worker,
        workflow_task::{TaskStart, WorkflowTask},
    },
    time::{Time, positive},
};

/// Everything about a run. Changed by [`Run::apply`] only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) identity: RunIdentity,
    pub(crate) start: Box<WorkflowExecutionStartedEventAttributes>,
    pub(crate) user_metadata: Option<UserMetadata>,
    pub(crate) start_time: Time,
    pub(crate) close_time: Option<Time>,
    pub(crate) status: Status,
    /// Encoded events; the event with id n is at n - 1.
    pub(crate) history: Vec<Bytes>,
    pub(crate) history_bytes: usize,
    pub(crate) buffered: Vec<HistoryEvent>,
    /// When the first workflow task is due, if it is delayed and not scheduled yet.
    pub(crate) first_task_time: Option<Time>,
    pub(crate) task: Option<WorkflowTask>,
    /// Attempt that the next workflow task is.
    pub(crate) task_attempt: i32,
    /// Started event of the last workflow task that completed.
    pub(crate) previous_started_event_id: i64,
    /// The last workflow task that completed.
    pub(crate) last_completed_task_id: i64,
    /// Since when workflow tasks complete only to ask for another.
    pub(crate) heartbeats_since: Option<Time>,
    pub(crate) sticky: Option<Sticky>,
    pub(crate) worker_version: Option<WorkerVersionStamp>,
    pub(crate) activities: BTreeMap<i64, Activity>,
    pub(crate) timers: BTreeMap<String, Timer>,
    pub(crate) children: BTreeMap<i64, Child>,
    pub(crate) external_signals: BTreeMap<i64, Box<SignalExternalWorkflowExecutionInitiatedEventAttributes>>,
    pub(crate) external_cancels:
        BTreeMap<i64, Box<RequestCancelExternalWorkflowExecutionInitiatedEventAttributes>>,
    pub(crate) cancel_requested: bool,
    /// Whether a worker tried to close the run while there was something it had not seen.
    pub(crate) close_attempted: bool,
    pub(crate) signal_count: usize,
    pub(crate) request_ids: HashSet<String>,
    pub(crate) memo: BTreeMap<String, Payload>,
    pub(crate) search_attributes: BTreeMap<String, Payload>,
    /// Digests and other build ids of workers that completed workflow tasks.
    pub(crate) build_ids: BTreeSet<String>,
    pub(crate) transitions: i64,
}

impl Run {
    pub(crate) fn new(identity: RunIdentity) -> Self {
        Self {
            identity,
            start: Box::default(),
            user_metadata: None,
            start_time: Time::default(),
            close_time: None,
            status: Status::Running,
            history: Vec::new(),
            history_bytes: 0,
            buffered: Vec::new(),
            first_task_time: None,
            task: None,
            task_attempt: 1,
            previous_started_event_id: 0,
            last_completed_task_id: 0,
            heartbeats_since: None,
            sticky: None,
            worker_version: None,
            activities: BTreeMap::new(),
            timers: BTreeMap::new(),
            children: BTreeMap::new(),
            external_signals: BTreeMap::new(),
            external_cancels: BTreeMap::new(),
            cancel_requested: false,
            close_attempted: false,
            signal_count: 0,
            request_ids: HashSet::new(),
            memo: BTreeMap::new(),
            search_attributes: BTreeMap::new(),
            build_ids: BTreeSet::new(),
            transitions: 0,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.close_time.is_none()
    }

    pub(crate) fn next_event_id(&self) -> i64 {
        i64::try_from(self.history.len()).unwrap_or(i64::MAX - 1) + 1
    }

    /// An event of the history.
    pub(crate) fn event(&self, id: i64) -> Option<HistoryEvent> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        HistoryEvent::decode(self.history.get(index)?.clone()).ok()
    }

    /// The started workflow task, with who works on it.
    pub(crate) fn started_task(&self) -> Option<(&WorkflowTask, &TaskStart)> {
        let task = self.task.as_ref()?;
        Some((task, task.started.as_ref()?))
    }

    pub(crate) fn workflow_type(&self) -> &str {
        self.start.workflow_type.as_ref().map_or("", |workflow_type| &workflow_type.name)
    }

    pub(crate) fn queue_name(&self) -> &str {
        self.start.task_queue.as_ref().map_or("", |queue| &queue.name)
    }

    pub(crate) fn execution(&self) -> WorkflowExecution {
        WorkflowExecution {
            workflow_id: self.identity.workflow_id.clone(),
            run_id: self.identity.run_id.clone(),
        }
    }

    /// The run at the beginning of the chain of parents.
    pub(crate) fn root(&self) -> WorkflowExecution {
        self.start.root_workflow_execution.clone().unwrap_or_else(|| WorkflowExecution {
            workflow_id: self.identity.workflow_id.clone(),
            run_id: self.start.first_execution_run_id.clone(),
        })
    }

    pub(crate) fn activity_by_id(&self, activity_id: &str) -> Option<&Activity> {
        self.activities.values().find(|activity| activity.scheduled.activity_id == activity_id)
    }

    /// When the run times out, if ever.
    pub(crate) fn expires(&self) -> Option<Time> {
        let by_run = positive(self.start.workflow_run_timeout).map(|timeout| {
            let first = positive(self.start.first_workflow_task_backoff).unwrap_or_default();
            self.start_time.after(first).after(timeout)
        });
        let by_execution = self.start.workflow_execution_expiration_time.map(Time::from);
        by_run.into_iter().chain(by_execution).min()
    }

    /// The memo as messages have it.
    pub(crate) fn memo_message(&self) -> Option<Memo> {
        (!self.memo.is_empty()).then(|| Memo { fields: self.memo.clone() })
    }

    /// Changes the run by a fact.
    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Event(recorded) => {
                self.append(recorded);
                self.absorb(&recorded.event);
            }
            Fact::Buffered(recorded) => {
                self.buffered.push(recorded.event.clone());
                self.absorb(&recorded.event);
            }
            Fact::Flushed(recorded) => {
                self.buffered.clear();
                self.append(recorded);
                self.learn_id(&recorded.event);
            }
            Fact::Unrecorded(note) => self.note(note),
        }
    }

    fn append(&mut self, recorded: &Recorded) {
        self.history_bytes += recorded.encoded.len();
        self.history.push(recorded.encoded.clone());
    }

    /// What an event that was buffered says only once it has its id.
    fn learn_id(&mut self, event: &HistoryEvent) {
        if let Some(EventAttributes::ChildWorkflowExecutionStartedEventAttributes(started)) =
            &event.attributes
            && let Some(child) = self.children.get_mut(&started.initiated_event_id)
        {
            child.started_event_id = event.event_id;
        }
    }

    fn absorb(&mut self, event: &HistoryEvent) {
        let Some(attributes) = &event.attributes else { return };
        let id = event.event_id;
        let time = event.event_time.map(Time::from).unwrap_or_default();
        match attributes {
            EventAttributes::WorkflowExecutionStartedEventAttributes(started) => {
                self.started(time, started, event.user_metadata.clone());
            }
            EventAttributes::TimerStartedEventAttributes(timer) => {
                let fire_time = time.after(positive(timer.start_to_fire_timeout).unwrap_or_default());
                self.timers.insert(timer.timer_id.clone(), Timer { started_event_id: id, fire_time });
            }
            EventAttributes::TimerFiredEventAttributes(timer) => {
                self.timers.remove(&timer.timer_id);
            }
            EventAttributes::TimerCanceledEventAttributes(timer) => {
                self.timers.remove(&timer.timer_id);
            }
            EventAttributes::WorkflowExecutionSignaledEventAttributes(signal) => {
                self.signal_count += 1;
                if !signal.request_id.is_empty() {
                    self.request_ids.insert(signal.request_id.clone());
                }
            }
            EventAttributes::WorkflowExecutionCancelRequestedEventAttributes(_) => {
                self.cancel_requested = true;
            }
            EventAttributes::UpsertWorkflowSearchAttributesEventAttributes(upsert) => {
                let fields = upsert.search_attributes.iter().flat_map(|all| &all.indexed_fields);
                upsert_into(&mut self.search_attributes, fields);
            }
            EventAttributes::WorkflowPropertiesModifiedEventAttributes(modified) => {
                let fields = modified.upserted_memo.iter().flat_map(|memo| &memo.fields);
                upsert_into(&mut self.memo, fields);
            }
            _ if self.absorb_task(id, time, attributes)
                || self.absorb_activity(id, time, attributes)
                || self.absorb_other_runs(id, attributes) => {}
            _ => self.absorb_close(event.event_type(), time),
        }
    }

    fn started(
        &mut self,
        time: Time,
        started: &WorkflowExecutionStartedEventAttributes,
        user_metadata: Option<UserMetadata>,
    ) {
        *self.start = started.clone();
        self.user_metadata = user_metadata;
        self.start_time = time;
        self.first_task_time =
            positive(started.first_workflow_task_backoff).map(|backoff| time.after(backoff));
        self.memo = started.memo.clone().unwrap_or_default().fields;
        self.search_attributes = started.search_attributes.clone().unwrap_or_default().indexed_fields;
    }

    fn absorb_task(&mut self, id: i64, time: Time, attributes: &EventAttributes) -> bool {
        match attributes {
            EventAttributes::WorkflowTaskScheduledEventAttributes(scheduled) => {
                self.first_task_time = None;
                self.task = Some(WorkflowTask {
                    scheduled_event_id: id,
                    attempt: scheduled.attempt,
                    scheduled_time: time,
                    queue: scheduled.task_queue.clone().unwrap_or_default(),
                    started: None,
                });
            }
            EventAttributes::WorkflowTaskStartedEventAttributes(started) => {
                if let Some(task) = &mut self.task {
                    task.started = Some(TaskStart {
                        event_id: id,
                        time,
                        worker: Worker {
                            identity: started.identity.clone(),
                            version: started.worker_version.clone(),
                            in_process: false,
                        },
                        request_id: started.request_id.clone(),
                    });
                }
            }
            EventAttributes::WorkflowTaskCompletedEventAttributes(completed) => {
                self.previous_started_event_id = completed.started_event_id;
                self.last_completed_task_id = id;
                self.heartbeats_since = None;
                self.worker_version.clone_from(&completed.worker_version);
                if let Some(stamp) =
                    completed.worker_version.as_ref().filter(|stamp| !stamp.build_id.is_empty())
                {
                    self.build_ids.insert(stamp.build_id.clone());
                }
                self.task = None;
                self.task_attempt = 1;
            }
            EventAttributes::WorkflowTaskFailedEventAttributes(failed) => {
                self.close_attempted |= failed.cause() == WorkflowTaskFailedCause::UnhandledCommand;
                self.task_failed();
            }
            EventAttributes::WorkflowTaskTimedOutEventAttributes(_) => self.task_failed(),
            _ => return false,
        }
        true
    }

    /// A failure on a sticky queue may be the queue's: the next attempt counts as the first.
    fn task_failed(&mut self) {
        let attempt = self.task.take().map_or(1, |task| task.attempt);
        self.task_attempt = if self.sticky.take().is_some() { 1 } else { attempt.saturating_add(1) };
    }

    fn absorb_other_runs(&mut self, id: i64, attributes: &EventAttributes) -> bool {
        match attributes {
            EventAttributes::StartChildWorkflowExecutionInitiatedEventAttributes(initiated) => {
                let child =
                    Child { initiated: initiated.clone(), started_event_id: 0, run_id: String::new() };
                self.children.insert(id, child);
            }
            EventAttributes::ChildWorkflowExecutionStartedEventAttributes(started) => {
                if let Some(child) = self.children.get_mut(&started.initiated_event_id) {
                    child.started_event_id = id;
                    child.run_id = started.workflow_execution.clone().unwrap_or_default().run_id;
                }
            }
            EventAttributes::StartChildWorkflowExecutionFailedEventAttributes(failed) => {
                self.children.remove(&failed.initiated_event_id);
            }
            EventAttributes::ChildWorkflowExecutionCompletedEventAttributes(closed) => {
                self.children.remove(&closed.initiated_event_id);
            }
            EventAttributes::ChildWorkflowExecutionFailedEventAttributes(closed) => {
                self.children.remove(&closed.initiated_event_id);
            }
            EventAttributes::ChildWorkflowExecutionCanceledEventAttributes(closed) => {
                self.children.remove(&closed.initiated_event_id);
            }
            EventAttributes::ChildWorkflowExecutionTimedOutEventAttributes(closed) => {
                self.children.remove(&closed.initiated_event_id);
            }
            EventAttributes::ChildWorkflowExecutionTerminatedEventAttributes(closed) => {
                self.children.remove(&closed.initiated_event_id);
            }
            EventAttributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(initiated) => {
                self.external_signals.insert(id, initiated.clone());
            }
            EventAttributes::SignalExternalWorkflowExecutionFailedEventAttributes(failed) => {
                self.external_signals.remove(&failed.initiated_event_id);
            }
            EventAttributes::ExternalWorkflowExecutionSignaledEventAttributes(signaled) => {
                self.external_signals.remove(&signaled.initiated_event_id);
            }
            EventAttributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(initiated) => {
                self.external_cancels.insert(id, initiated.clone());
            }
            EventAttributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(failed) => {
                self.external_cancels.remove(&failed.initiated_event_id);
            }
            EventAttributes::ExternalWorkflowExecutionCancelRequestedEventAttributes(requested) => {
                self.external_cancels.remove(&requested.initiated_event_id);
            }
            _ => return false,
        }
        true
    }

    fn absorb_close(&mut self, event_type: EventType, time: Time) {
        let Some(status) = closing_status(event_type) else { return };
        self.status = status;
        self.close_time = Some(time);
        self.first_task_time = None;
        self.task = None;
        self.activities.clear();
        self.timers.clear();
        self.children.clear();
        self.external_signals.clear();
        self.external_cancels.clear();
        self.buffered.clear();
    }

    fn note(&mut self, note: &UnrecordedChange) {
        match note {
            UnrecordedChange::TransientScheduled(scheduled) => {
                self.task = Some(WorkflowTask {
                    scheduled_event_id: self.next_event_id(),
                    attempt: scheduled.attempt,
                    scheduled_time: scheduled.time.map(Time::from).unwrap_or_default(),
                    queue: TaskQueue {
                        name: self.queue_name().to_owned(),
                        kind: TaskQueueKind::Normal.into(),
                        normal_name: String::new(),
                    },
                    started: None,
                });
            }
            UnrecordedChange::TransientStarted(started) => {
                if let Some(task) = &mut self.task {
                    task.started = Some(TaskStart {
                        event_id: task.scheduled_event_id + 1,
                        time: started.time.map(Time::from).unwrap_or_default(),
                        worker: Worker {
                            identity: started.identity.clone(),
                            version: started.version.clone(),
                            in_process: started.in_process,
                        },
                        request_id: started.request_id.clone(),
                    });
                }
            }
            UnrecordedChange::TaskInProcess(event_id) => {
                let started = self.task.as_mut().and_then(|task| task.started.as_mut());
                if let Some(started) = started.filter(|started| started.event_id == *event_id) {
                    started.worker.in_process = true;
                }
            }
            UnrecordedChange::TransientFailed(_) => self.task_failed(),
            UnrecordedChange::TaskHeartbeat(since) => self.heartbeats_since = Some(Time::from(*since)),
            UnrecordedChange::Sticky(sticky) => {
                self.sticky = (!sticky.queue.is_empty()).then(|| sticky.clone());
            }
            UnrecordedChange::BufferedTimerRemoved(timer_id) => self.buffered.retain(|event| {
                !matches!(&event.attributes, Some(EventAttributes::TimerFiredEventAttributes(fired))
                    if fired.timer_id == *timer_id)
            }),
            UnrecordedChange::ActivityStarted(_)
            | UnrecordedChange::ActivityHeartbeat(_)
            | UnrecordedChange::ActivityRetry(_)
            | UnrecordedChange::ActivityReady(_) => self.note_activity(note),
        }
    }
}

/// The status that an event of this type leaves, if it closes a run.
pub(crate) fn closing_status(event_type: EventType) -> Option<Status> {
    Some(match event_type {
        EventType::WorkflowExecutionCompleted => Status::Completed,
        EventType::WorkflowExecutionFailed => Status::Failed,
        EventType::WorkflowExecutionCanceled => Status::Canceled,
        EventType::WorkflowExecutionTerminated => Status::Terminated,
        EventType::WorkflowExecutionContinuedAsNew => Status::ContinuedAsNew,
        EventType::WorkflowExecutionTimedOut => Status::TimedOut,
        _ => return None,
    })
}

/// A payload without data removes the field.
fn upsert_into<'a>(
    fields: &mut BTreeMap<String, Payload>,
    upserts: impl Iterator<Item = (&'a String, &'a Payload)>,
) {
    for (name, payload) in upserts {
        if removes(payload) {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), payload.clone());
        }
    }
}

fn removes(payload: &Payload) -> bool {
    let encoding = payload.metadata.get("encoding").map_or(&b""[..], |encoding| encoding);
    payload.data.is_empty()
        || encoding == b"binary/null"
        || encoding == b"json/plain" && matches!(&payload.data[..], b"null" | b"[]")
}
