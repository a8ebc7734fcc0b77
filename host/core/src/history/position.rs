//! Where a run is in its history, and what history has said of the run itself so far: time, size, version,
//! flags, whether it was completed before.

use std::sync::Arc;

use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion, enums::v1::EventType, sdk::v1::WorkflowTaskCompletedMetadata,
};
use prost_types::Timestamp;

use super::{
    event::Event,
    flags::{Flag, Flags},
    logical_tasks::LogicalTask,
    task_events::{LastCompletion, TaskEffect, TaskEvents},
};
use crate::{
    api::RunConfig,
    error::Error,
    job::{Activation, Job},
};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Position {
    config: RunConfig,
    flags: Flags,
    task_events: TaskEvents,
    last_completion: LastCompletion,
    /// The last event that was applied; 0 when none was.
    last_event_id: i64,
    time: Option<Timestamp>,
    /// `previous_started_event_id` of the polled task; nothing in a replay to the end of a history.
    previous_started_event_id: Option<i64>,
    is_replaying: bool,
    is_closed: bool,
}

/// The logical task that is applied, as far as it decides where replay ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CurrentTask {
    /// Whether history ends with it.
    pub(crate) is_last: bool,
    /// Events after this one are new, if history ends with the task.
    previous_started_event_id: i64,
}

impl Position {
    /// Before the first event.
    pub(crate) fn new(config: RunConfig) -> Self {
        Self {
            config,
            flags: Flags::default(),
            task_events: TaskEvents::default(),
            last_completion: LastCompletion::default(),
            last_event_id: 0,
            time: None,
            previous_started_event_id: None,
            is_replaying: false,
            is_closed: false,
        }
    }

    /// What the run was made with.
    pub(crate) fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Whether what happens now was completed before.
    pub(crate) fn is_replaying(&self) -> bool {
        self.is_replaying
    }

    /// Whether history has the end of the run.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The last event that was applied; 0 when none was.
    pub(crate) fn last_event_id(&self) -> i64 {
        self.last_event_id
    }

    /// The time of the workflow; that of the epoch before the run has started.
    pub(crate) fn time(&self) -> Timestamp {
        self.time.unwrap_or_default()
    }

    /// The version that executed the last completed task, or executes the current one.
    pub(crate) fn version(&self) -> Option<&Arc<WorkerDeploymentVersion>> {
        self.last_completion.version()
    }

    /// Whether the run was reset after its last completed task.
    pub(crate) fn was_reset(&self) -> bool {
        self.last_completion.was_reset()
    }

    /// Whether a rule holds; see [`Flags::holds`].
    pub(crate) fn holds(&self, flag: Flag, is_new: bool) -> bool {
        self.flags.holds(flag, is_new, &self.config)
    }

    /// A task was polled.
    pub(crate) fn start_task(&mut self, previous_started_event_id: Option<i64>) {
        self.previous_started_event_id = previous_started_event_id;
        self.is_replaying = previous_started_event_id != Some(0);
    }

    /// History is at its end: what happens now is new.
    pub(crate) fn end_replay(&mut self) {
        self.is_replaying = false;
    }

    /// Moves the time of the workflow forward, never back.
    pub(crate) fn advance_time(&mut self, time: Timestamp) {
        let is_later = self.time.is_none_or(|now| (now.seconds, now.nanos) < (time.seconds, time.nanos));
        if is_later {
            self.time = Some(time);
        }
    }

    /// A logical task begins: reads flags and versions that its events, and those after it, name.
    ///
    /// # Errors
    ///
    /// When an event cannot be read, or names a flag that is not known.
    pub(crate) fn begin(&mut self, task: &LogicalTask<'_>) -> Result<CurrentTask, Error> {
        let current = CurrentTask {
            is_last: task.is_last,
            previous_started_event_id: self
                .previous_started_event_id
                .unwrap_or(task.completed_started_event_id),
        };
        if current.is_last && current.previous_started_event_id == 0 {
            self.is_replaying = false;
        }
        self.last_completion.read(task.events, task.ahead.clone(), &mut self.flags)?;
        if let Some(last) = task.events.last() {
            self.task_events.begin(last);
        }
        Ok(current)
    }

    /// An event is about to be applied. Replay ends with the first one that is neither known nor recorded
    /// for a command.
    ///
    /// # Errors
    ///
    /// When it does not follow the one before it.
    pub(crate) fn reach(&mut self, event: &Event, task: CurrentTask) -> Result<(), Error> {
        if event.id() != self.last_event_id + 1 {
            return Err(event.broken(format_args!("the event before it has id {}", self.last_event_id)));
        }
        if self.is_replaying
            && task.is_last
            && event.id() > task.previous_started_event_id
            && event.kind() != EventType::WorkflowTaskCompleted
            && !event.is_command()
        {
            self.is_replaying = false;
        }
        Ok(())
    }

    /// The event that was reached last is applied.
    pub(crate) fn pass(&mut self, event: &Event) {
        self.last_event_id = event.id();
    }

    /// History has the end of the run.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
    }

    /// Applies an event of a workflow task.
    ///
    /// # Errors
    ///
    /// When the event cannot follow those before it.
    pub(crate) fn on_task_event(&mut self, event: &Event) -> Result<TaskEffect, Error> {
        let effect = self.task_events.on_event(event)?;
        if let TaskEffect::Started(time) = &effect {
            self.advance_time(*time);
        }
        Ok(effect)
    }

    /// An activation with these jobs, for the guest or for a copy of it.
    pub(crate) fn activation(&self, jobs: Vec<Job>, is_replaying: bool, patches: Vec<String>) -> Activation {
        let latest = self.task_events.latest();
        Activation {
            time: self.time(),
            history_length: u32::try_from(self.last_event_id).unwrap_or_default(),
            history_size_bytes: latest.history_size_bytes,
            continue_as_new_suggested: latest.continue_as_new_suggested,
            continue_as_new_reasons: latest.continue_as_new_reasons.clone(),
            target_deployment_version_changed: latest.target_deployment_version_changed,
            version: self.version().cloned(),
            is_replaying,
            patches,
            jobs,
        }
    }

    /// The guest is about to be activated.
    pub(crate) fn activate(&mut self) {
        if !self.is_replaying {
            self.last_completion.is_executed_by(self.config.version.as_ref());
        }
    }

    /// The task is about to be completed: flags and names to record with it.
    pub(crate) fn complete(&mut self) -> WorkflowTaskCompletedMetadata {
        self.last_completion.is_completed_by(self.config.version.as_ref());
        self.flags.metadata(&self.config)
    }
}
