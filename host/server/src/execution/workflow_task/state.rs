//! The workflow task of a run, and what the next one will be.

use std::{collections::BTreeSet, time::Duration};

use host_wire::temporal::api::{
    common::v1::WorkerVersionStamp,
    enums::v1::{TaskQueueKind, TimeoutType, WorkflowTaskFailedCause},
    history::v1::{
        WorkflowExecutionStartedEventAttributes, WorkflowTaskCompletedEventAttributes,
        WorkflowTaskFailedEventAttributes, WorkflowTaskScheduledEventAttributes,
        WorkflowTaskStartedEventAttributes,
    },
    taskqueue::v1::TaskQueue,
};

use crate::{
    execution::{
        deadline::Deadline,
        fact::{Sticky, TransientScheduled, TransientStarted},
        volatile::Volatile,
        worker::Worker,
    },
    limits,
    time::{Time, positive},
};

/// Attempts before a task gets more time.
const ATTEMPTS_BEFORE_LONGER_TIMEOUT: i32 = 3;
/// What the first longer attempt gets more; doubles with each.
const LONGER_TIMEOUT_STEP: Duration = Duration::from_secs(5);

/// A workflow task that was scheduled and is not closed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WorkflowTask {
    pub(crate) scheduled_event_id: i64,
    /// From 1.
    pub(crate) attempt: i32,
    pub(crate) scheduled_time: Time,
    pub(crate) queue: TaskQueue,
    pub(crate) started: Option<TaskStart>,
    /// Whether it times out when no worker takes it, also on the normal queue: a task that is or was speculative.
    pub(crate) expires_unstarted: Volatile<bool>,
}

/// The worker that has a workflow task, and since when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TaskStart {
    pub(crate) event_id: i64,
    pub(crate) time: Time,
    pub(crate) worker: Worker,
    pub(crate) request_id: String,
}

impl WorkflowTask {
    /// Whether it is another attempt of a task that failed. The history holds no events of it until it completes.
    pub(crate) fn is_transient(&self) -> bool {
        self.attempt > 1
    }

    pub(crate) fn is_sticky(&self) -> bool {
        self.queue.kind == i32::from(TaskQueueKind::Sticky)
    }
}

/// Workflow tasks of a run: the one that is open, and what is known for the next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WorkflowTasks {
    /// `workflow_task_timeout` of the start.
    timeout: Duration,
    queue_name: String,
    first_time: Option<Time>,
    task: Option<WorkflowTask>,
    /// The task that is open instead of `task`, without events. See [`super::speculative`].
    speculative: Volatile<Option<WorkflowTask>>,
    next_attempt: i32,
    previous_started_event_id: i64,
    heartbeats_since: Option<Time>,
    sticky: Option<Sticky>,
    close_attempted: bool,
    worker_version: Option<WorkerVersionStamp>,
    build_ids: BTreeSet<String>,
}

impl Default for WorkflowTasks {
    fn default() -> Self {
        Self {
            timeout: limits::DEFAULT_WORKFLOW_TASK_TIMEOUT,
            queue_name: String::new(),
            first_time: None,
            task: None,
            speculative: None.into(),
            next_attempt: 1,
            previous_started_event_id: 0,
            heartbeats_since: None,
            sticky: None,
            close_attempted: false,
            worker_version: None,
            build_ids: BTreeSet::new(),
        }
    }
}

impl WorkflowTasks {
    /// The task that is scheduled or started.
    pub(crate) fn task(&self) -> Option<&WorkflowTask> {
        self.speculative.as_ref().or(self.task.as_ref())
    }

    /// The task, if it is speculative.
    pub(crate) fn speculative(&self) -> Option<&WorkflowTask> {
        self.speculative.as_ref()
    }

    /// The task that a worker has.
    pub(crate) fn started_task(&self) -> Option<(&WorkflowTask, &TaskStart)> {
        let task = self.task()?;
        Some((task, task.started.as_ref()?))
    }

    /// When the first task is due, if it is delayed and not scheduled yet.
    pub(crate) fn first_time(&self) -> Option<Time> {
        self.first_time
    }

    /// The attempt that the next task is, from 1.
    pub(crate) fn next_attempt(&self) -> i32 {
        self.next_attempt
    }

    /// The started event of the last task that completed; 0 before that.
    pub(crate) fn previous_started_event_id(&self) -> i64 {
        self.previous_started_event_id
    }

    /// Since when tasks complete only to ask for another.
    pub(crate) fn heartbeats_since(&self) -> Option<Time> {
        self.heartbeats_since
    }

    /// The queue of the worker that has the run in its cache.
    pub(crate) fn sticky(&self) -> Option<&Sticky> {
        self.sticky.as_ref()
    }

    /// Whether the last worker tried to close the run while events were buffered.
    pub(crate) fn close_attempted(&self) -> bool {
        self.close_attempted
    }

    /// The build of the worker that completed the last task.
    pub(crate) fn worker_version(&self) -> Option<&WorkerVersionStamp> {
        self.worker_version.as_ref()
    }

    /// Digests and other build ids of workers that completed tasks.
    pub(crate) fn build_ids(&self) -> &BTreeSet<String> {
        &self.build_ids
    }

    /// The queue on which every worker of the run polls.
    pub(crate) fn normal_queue(&self) -> TaskQueue {
        TaskQueue {
            name: self.queue_name.clone(),
            kind: TaskQueueKind::Normal.into(),
            normal_name: String::new(),
        }
    }

    /// The queue on which the next task goes: the sticky one, if there is one.
    pub(crate) fn next_queue(&self) -> TaskQueue {
        match &self.sticky {
            Some(sticky) => TaskQueue {
                name: sticky.queue.clone(),
                kind: TaskQueueKind::Sticky.into(),
                normal_name: self.queue_name.clone(),
            },
            None => self.normal_queue(),
        }
    }

    /// Time for a worker to complete an attempt: above attempt 3 it grows by 5 s, 10 s, 20 s, …
    pub(crate) fn timeout(&self, attempt: i32) -> Duration {
        let longer = attempt.saturating_sub(ATTEMPTS_BEFORE_LONGER_TIMEOUT);
        match u32::try_from(longer) {
            Ok(longer) if longer > 0 => {
                let more = LONGER_TIMEOUT_STEP.saturating_mul(2_u32.saturating_pow(longer - 1));
                let longest = limits::RETRIED_WORKFLOW_TASK_TIMEOUT.max(self.timeout);
                self.timeout.saturating_add(more).min(longest)
            }
            _ => self.timeout,
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<(Time, Deadline)> {
        // A speculative task is the first one, if it is there.
        let first = self.first_time.filter(|_| self.speculative.is_none());
        let first = first.map(|time| (time, Deadline::FirstWorkflowTask));
        let task = self.task_deadline().map(|time| (time, Deadline::WorkflowTask));
        first.into_iter().chain(task).min_by_key(|(time, _)| *time)
    }

    fn task_deadline(&self) -> Option<Time> {
        let task = self.task()?;
        match &task.started {
            Some(started) => Some(started.time.after(self.timeout(task.attempt))),
            None if task.is_sticky() => {
                let timeout = positive(self.sticky.as_ref()?.schedule_to_start_timeout)?;
                Some(task.scheduled_time.after(timeout))
            }
            None if *task.expires_unstarted => {
                Some(task.scheduled_time.after(limits::SPECULATIVE_TASK_SCHEDULE_TO_START))
            }
            None => None,
        }
    }

    pub(in crate::execution) fn set_speculative(&mut self, task: Option<WorkflowTask>) {
        *self.speculative = task;
    }

    /// A worker has the speculative task; `started` gets the id of its scheduled event.
    pub(in crate::execution) fn start_speculative(&mut self, started: impl FnOnce(i64) -> TaskStart) {
        if let Some(task) = &mut *self.speculative {
            task.started = Some(started(task.scheduled_event_id));
        }
    }

    /// The task was speculative until now.
    pub(in crate::execution) fn expire_unstarted(&mut self) {
        if let Some(task) = &mut self.task {
            *task.expires_unstarted = true;
        }
    }

    pub(in crate::execution) fn run_started(
        &mut self,
        time: Time,
        started: &WorkflowExecutionStartedEventAttributes,
    ) {
        self.first_time = positive(started.first_workflow_task_backoff).map(|backoff| time.after(backoff));
        self.timeout =
            positive(started.workflow_task_timeout).unwrap_or(limits::DEFAULT_WORKFLOW_TASK_TIMEOUT);
        self.queue_name = started.task_queue.clone().unwrap_or_default().name;
    }

    pub(in crate::execution) fn scheduled(
        &mut self,
        id: i64,
        time: Time,
        scheduled: &WorkflowTaskScheduledEventAttributes,
    ) {
        self.first_time = None;
        self.task = Some(WorkflowTask {
            scheduled_event_id: id,
            attempt: scheduled.attempt,
            scheduled_time: time,
            queue: scheduled.task_queue.clone().unwrap_or_default(),
            started: None,
            expires_unstarted: false.into(),
        });
    }

    /// A task without events; its scheduled event would be the next of the history.
    pub(in crate::execution) fn transient_scheduled(
        &mut self,
        next_event_id: i64,
        scheduled: &TransientScheduled,
    ) {
        self.task = Some(WorkflowTask {
            scheduled_event_id: next_event_id,
            attempt: scheduled.attempt,
            scheduled_time: scheduled.time.map(Time::from).unwrap_or_default(),
            queue: self.normal_queue(),
            started: None,
            expires_unstarted: false.into(),
        });
    }

    pub(in crate::execution) fn started(
        &mut self,
        id: i64,
        time: Time,
        started: &WorkflowTaskStartedEventAttributes,
    ) {
        if let Some(task) = &mut self.task {
            task.started = Some(TaskStart {
                event_id: id,
                time,
                worker: Worker {
                    identity: started.identity.clone(),
                    version: started.worker_version.clone(),
                    deployment: None,
                    in_process: false,
                },
                request_id: started.request_id.clone(),
            });
        }
    }

    pub(in crate::execution) fn transient_started(&mut self, started: &TransientStarted) {
        if let Some(task) = &mut self.task {
            task.started = Some(TaskStart {
                event_id: task.scheduled_event_id + 1,
                time: started.time.map(Time::from).unwrap_or_default(),
                worker: Worker {
                    identity: started.identity.clone(),
                    version: started.version.clone(),
                    deployment: None,
                    in_process: started.in_process,
                },
                request_id: started.request_id.clone(),
            });
        }
    }

    /// The worker that has the task is part of the process.
    pub(in crate::execution) fn started_in_process(&mut self, started_event_id: i64) {
        let started = self.task.as_mut().and_then(|task| task.started.as_mut());
        if let Some(started) = started.filter(|started| started.event_id == started_event_id) {
            started.worker.in_process = true;
        }
    }

    pub(in crate::execution) fn completed(&mut self, completed: &WorkflowTaskCompletedEventAttributes) {
        self.previous_started_event_id = completed.started_event_id;
        self.heartbeats_since = None;
        self.worker_version.clone_from(&completed.worker_version);
        if let Some(stamp) = completed.worker_version.as_ref().filter(|stamp| !stamp.build_id.is_empty()) {
            self.build_ids.insert(stamp.build_id.clone());
        }
        self.task = None;
        self.next_attempt = 1;
        self.close_attempted = false;
    }

    pub(in crate::execution) fn failed(&mut self, failed: &WorkflowTaskFailedEventAttributes) {
        self.close_attempted |= failed.cause() == WorkflowTaskFailedCause::UnhandledCommand;
        self.ended();
    }

    /// The task failed or timed out. On a sticky queue that may be the queue's fault: the next attempt counts as the
    /// first.
    pub(in crate::execution) fn ended(&mut self) {
        let attempt = self.task.take().map_or(1, |task| task.attempt);
        self.next_attempt = if self.sticky.take().is_some() { 1 } else { attempt.saturating_add(1) };
    }

    /// The task timed out. One that no worker took did not fail: the next attempt counts as the first.
    pub(in crate::execution) fn timed_out(&mut self, timeout_type: TimeoutType) {
        self.ended();
        self.close_attempted = false;
        if timeout_type == TimeoutType::ScheduleToStart {
            self.next_attempt = 1;
        }
    }

    /// The task completed only to ask for another.
    pub(in crate::execution) fn heartbeat(&mut self, since: Time) {
        self.heartbeats_since = Some(since);
    }

    pub(in crate::execution) fn set_sticky(&mut self, sticky: &Sticky) {
        self.sticky = (!sticky.queue.is_empty()).then(|| sticky.clone());
    }

    /// No task is due any more.
    pub(in crate::execution) fn run_closed(&mut self) {
        self.first_time = None;
        self.task = None;
        *self.speculative = None;
    }
}
