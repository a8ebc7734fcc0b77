//! Workflow tasks: scheduled, started, failed, timed out; sticky and transient ones.
//!
//! A task on its second and later attempts is transient: nothing of it is in the history until it
//! completes, and workers are shown events that are made up for them.

pub(crate) mod complete;
pub(crate) mod fail;
#[cfg(test)]
mod tests;

use std::time::Duration;

use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        common::v1::WorkerVersionStamp,
        enums::v1::{
            EventType, SuggestContinueAsNewReason, TaskQueueKind, TimeoutType, WorkflowTaskFailedCause,
        },
        failure::v1::Failure,
        history::v1::{
            HistoryEvent, WorkflowTaskFailedEventAttributes, WorkflowTaskScheduledEventAttributes,
            WorkflowTaskStartedEventAttributes, WorkflowTaskTimedOutEventAttributes,
        },
        taskqueue::v1::TaskQueue,
    },
};

use crate::{
    execution::{
        fact::{Sticky, TransientScheduled, TransientStarted, UnrecordedChange},
        run::Run,
        run_transition::{Effect, RunTransition},
        worker::Worker,
    },
    limits,
    time::{Time, positive, stored},
};

/// Time for a worker to complete a task, where the start says nothing.
pub(crate) const DEFAULT_TASK_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts before a task gets more time.
const ATTEMPTS_BEFORE_LONGER_TIMEOUT: i32 = 3;
/// What the first longer attempt gets more; doubles with each.
const LONGER_TIMEOUT_STEP: Duration = Duration::from_secs(5);
/// Most time that an attempt gets.
const LONGEST_TASK_TIMEOUT: Duration = Duration::from_secs(600);

/// A workflow task that was scheduled and is not closed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WorkflowTask {
    pub(crate) scheduled_event_id: i64,
    pub(crate) attempt: i32,
    pub(crate) scheduled_time: Time,
    pub(crate) queue: TaskQueue,
    pub(crate) started: Option<TaskStart>,
}

/// Who works on a workflow task, since when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TaskStart {
    pub(crate) event_id: i64,
    pub(crate) time: Time,
    pub(crate) worker: Worker,
    pub(crate) request_id: String,
}

impl WorkflowTask {
    pub(crate) fn is_transient(&self) -> bool {
        self.attempt > 1
    }
}

impl Run {
    /// Time for a worker to complete the attempt.
    pub(crate) fn task_timeout(&self, attempt: i32) -> Duration {
        let timeout = positive(self.start.workflow_task_timeout).unwrap_or(DEFAULT_TASK_TIMEOUT);
        let longer = attempt.saturating_sub(ATTEMPTS_BEFORE_LONGER_TIMEOUT);
        match u32::try_from(longer) {
            Ok(longer) if longer > 0 => {
                let more = LONGER_TIMEOUT_STEP.saturating_mul(2_u32.saturating_pow(longer - 1));
                timeout.saturating_add(more).min(LONGEST_TASK_TIMEOUT.max(timeout))
            }
            _ => timeout,
        }
    }

    /// Scheduled and started events of a transient task, which are not in the history yet.
    pub(crate) fn transient_events(&self) -> Vec<HistoryEvent> {
        let Some((task, started)) = self.started_task().filter(|(task, _)| task.is_transient()) else {
            return Vec::new();
        };
        let event = |event_id: i64, time: Time, event_type: EventType, attributes| HistoryEvent {
            event_id,
            event_time: Some(time.into()),
            event_type: event_type.into(),
            attributes: Some(attributes),
            ..HistoryEvent::default()
        };
        vec![
            event(
                task.scheduled_event_id,
                task.scheduled_time,
                EventType::WorkflowTaskScheduled,
                self.scheduled_attributes(task.queue.clone(), task.attempt),
            ),
            event(
                started.event_id,
                started.time,
                EventType::WorkflowTaskStarted,
                self.started_attributes(task.scheduled_event_id, &started.worker, &started.request_id),
            ),
        ]
    }

    fn normal_queue(&self) -> TaskQueue {
        TaskQueue {
            name: self.queue_name().to_owned(),
            kind: TaskQueueKind::Normal.into(),
            normal_name: String::new(),
        }
    }

    fn next_task_queue(&self) -> TaskQueue {
        match &self.sticky {
            Some(sticky) => TaskQueue {
                name: sticky.queue.clone(),
                kind: TaskQueueKind::Sticky.into(),
                normal_name: self.queue_name().to_owned(),
            },
            None => self.normal_queue(),
        }
    }

    fn scheduled_attributes(&self, queue: TaskQueue, attempt: i32) -> EventAttributes {
        EventAttributes::WorkflowTaskScheduledEventAttributes(Box::new(
            WorkflowTaskScheduledEventAttributes {
                task_queue: Some(queue),
                start_to_close_timeout: Some(duration_to_proto(self.task_timeout(attempt))),
                attempt,
            },
        ))
    }

    fn started_attributes(
        &self,
        scheduled_event_id: i64,
        worker: &Worker,
        request_id: &str,
    ) -> EventAttributes {
        let mut reasons = Vec::new();
        if self.history.len() >= limits::SUGGEST_CONTINUE_AS_NEW_EVENTS {
            reasons.push(SuggestContinueAsNewReason::TooManyHistoryEvents.into());
        }
        if self.history_bytes >= limits::SUGGEST_CONTINUE_AS_NEW_BYTES {
            reasons.push(SuggestContinueAsNewReason::HistorySizeTooLarge.into());
        }
        EventAttributes::WorkflowTaskStartedEventAttributes(Box::new(WorkflowTaskStartedEventAttributes {
            scheduled_event_id,
            identity: worker.identity.clone(),
            worker_version: worker.version.clone(),
            request_id: request_id.to_owned(),
            suggest_continue_as_new: !reasons.is_empty(),
            suggest_continue_as_new_reasons: reasons,
            history_size_bytes: i64::try_from(self.history_bytes).unwrap_or(i64::MAX),
            ..Default::default()
        }))
    }
}

impl RunTransition<'_> {
    /// Schedules a workflow task, unless there is one or the first is not due.
    pub(crate) fn schedule_task(&mut self) {
        if let Some(wanted) = &mut self.wants_task {
            *wanted = true;
        } else if self.state.is_open() && self.state.task.is_none() && self.state.first_task_time.is_none() {
            self.schedule_with_event();
        }
    }

    /// The delay of the first task is over.
    pub(crate) fn first_task_due(&mut self) {
        self.schedule_with_event();
    }

    fn schedule_with_event(&mut self) {
        let attributes = self.state.scheduled_attributes(self.state.next_task_queue(), 1);
        self.record(attributes);
        self.effect(Effect::WorkflowTask);
    }

    /// The task after one that failed: transient unless there is something new to show.
    fn reschedule_task(&mut self, something_new: bool) {
        if !self.state.is_open() {
            return;
        }
        if something_new || self.state.task_attempt == 1 {
            self.schedule_with_event();
        } else {
            let attempt = self.state.task_attempt;
            self.note(UnrecordedChange::TransientScheduled(TransientScheduled {
                time: Some(self.now.into()),
                attempt,
            }));
            self.effect(Effect::WorkflowTask);
        }
    }

    /// Hands the task to a worker; false when it is not there any more. Without a request id it gets a new one.
    pub(crate) fn start_task(
        &mut self,
        scheduled_event_id: i64,
        attempt: i32,
        worker: &Worker,
        request_id: Option<&str>,
    ) -> bool {
        let Some(task) = &self.state.task else { return false };
        if task.scheduled_event_id != scheduled_event_id || task.attempt != attempt || task.started.is_some()
        {
            return false;
        }
        let transient = task.is_transient();
        let request_id = request_id.map_or_else(|| self.new_id(), str::to_owned);
        if transient && self.state.next_event_id() == scheduled_event_id {
            self.note(UnrecordedChange::TransientStarted(TransientStarted {
                time: Some(self.now.into()),
                identity: worker.identity.clone(),
                request_id,
                version: worker.version.clone(),
                in_process: worker.in_process,
            }));
            return true;
        }
        let mut scheduled_event_id = scheduled_event_id;
        if transient {
            // Something happened since: the task has news to show and is a normal one again.
            let attributes = self.state.scheduled_attributes(self.state.next_task_queue(), 1);
            scheduled_event_id = self.record(attributes);
        }
        let attributes = self.state.started_attributes(scheduled_event_id, worker, &request_id);
        let event_id = self.record(attributes);
        if worker.in_process {
            self.note(UnrecordedChange::TaskInProcess(event_id));
        }
        true
    }

    /// Hands the first task to who started the run, if there is one already.
    pub(crate) fn start_first_task(&mut self, worker: &Worker) {
        if let Some(task) = &self.state.task {
            self.start_task(task.scheduled_event_id, task.attempt, worker, None);
        }
    }

    /// The next task goes to the normal queue.
    pub(crate) fn clear_sticky(&mut self) {
        if self.state.sticky.is_some() {
            self.note(UnrecordedChange::Sticky(Sticky::default()));
        }
    }

    /// Puts the events of a transient task into the history, now that it completes. As Temporal's, they name the
    /// build that completes it.
    pub(crate) fn store_transient_events(&mut self, version: Option<WorkerVersionStamp>) {
        let Some((task, started)) = self.state.started_task().filter(|(task, _)| task.is_transient()) else {
            return;
        };
        let (task, mut started) = (task.clone(), started.clone());
        started.worker.version = version;
        let scheduled = self.state.scheduled_attributes(task.queue, task.attempt);
        self.record_at(task.scheduled_time, scheduled);
        let attributes =
            self.state.started_attributes(task.scheduled_event_id, &started.worker, &started.request_id);
        self.record_at(started.time, attributes);
    }

    /// The started task failed; another is scheduled.
    pub(crate) fn fail_task(
        &mut self,
        cause: WorkflowTaskFailedCause,
        failure: Option<Failure>,
        identity: &str,
        binary_checksum: &str,
    ) {
        self.close_task_as_failed(cause, failure, identity, binary_checksum);
        let flushed = self.flush();
        self.reschedule_task(flushed);
    }

    /// Makes room for an event that closes the run: a started task fails, what was buffered becomes
    /// history.
    pub(crate) fn force_task_closed(&mut self) {
        if self.state.started_task().is_some() {
            self.close_task_as_failed(
                WorkflowTaskFailedCause::ForceCloseCommand,
                None,
                "history-service",
                "",
            );
            self.flush();
        }
    }

    fn close_task_as_failed(
        &mut self,
        cause: WorkflowTaskFailedCause,
        failure: Option<Failure>,
        identity: &str,
        binary_checksum: &str,
    ) {
        let Some((task, started)) = self.state.started_task() else { return };
        if task.is_transient() {
            self.note(UnrecordedChange::TransientFailed(self.now.into()));
            return;
        }
        let (scheduled_event_id, started_event_id) = (task.scheduled_event_id, started.event_id);
        self.record(EventAttributes::WorkflowTaskFailedEventAttributes(Box::new(
            WorkflowTaskFailedEventAttributes {
                scheduled_event_id,
                started_event_id,
                cause: cause.into(),
                failure,
                identity: identity.to_owned(),
                binary_checksum: binary_checksum.to_owned(),
                ..Default::default()
            },
        )));
    }

    /// Nobody took the task from its sticky queue, or its worker did not complete it in time.
    pub(crate) fn time_out_task(&mut self) {
        let Some(task) = &self.state.task else { return };
        let started_event_id = task.started.as_ref().map(|started| started.event_id);
        let scheduled_event_id = task.scheduled_event_id;
        if task.is_transient() {
            self.note(UnrecordedChange::TransientFailed(self.now.into()));
        } else {
            let timeout_type = match started_event_id {
                Some(_) => TimeoutType::StartToClose,
                None => TimeoutType::ScheduleToStart,
            };
            self.record(EventAttributes::WorkflowTaskTimedOutEventAttributes(Box::new(
                WorkflowTaskTimedOutEventAttributes {
                    scheduled_event_id,
                    started_event_id: started_event_id.unwrap_or_default(),
                    timeout_type: timeout_type.into(),
                },
            )));
        }
        let flushed = self.flush();
        self.reschedule_task(flushed);
    }
}

/// The timeout of a task while it waits on its sticky queue.
pub(crate) fn sticky_timeout(run: &Run) -> Option<Duration> {
    positive(run.sticky.as_ref()?.schedule_to_start_timeout)
}

/// The timeout of workflow tasks that a start asks for, or the default; within that of the run.
pub(crate) fn task_timeout_or_default(
    timeout: Option<prost_types::Duration>,
    run_timeout: Option<Duration>,
) -> Option<prost_types::Duration> {
    let timeout = positive(timeout).unwrap_or(DEFAULT_TASK_TIMEOUT).min(limits::LONGEST_TASK_TIMEOUT);
    stored(Some(run_timeout.map_or(timeout, |run_timeout| timeout.min(run_timeout))))
}
