//! The events of workflow tasks: which task is open, what the last start said, who completed the last one.

use std::sync::Arc;

use host_wire::{
    TaskCompletion, TaskStart,
    temporal::api::{
        deployment::v1::WorkerDeploymentVersion,
        enums::v1::{EventType, WorkflowTaskFailedCause},
        history::v1::WorkflowTaskFailedEventAttributes,
        sdk::v1::WorkflowTaskCompletedMetadata,
    },
};
use prost_types::Timestamp;

use super::{event::Event, flags::Flags};
use crate::error::Error;

/// The workflow tasks that are open, and what the latest start said.
#[derive(Debug, Default)]
pub(crate) struct TaskEvents {
    open: Vec<OpenTask>,
    /// The `WorkflowTaskStarted` event that the current logical task ends with; that of an earlier one when
    /// it ends with something else.
    last_started_event_id: i64,
    latest: TaskStart,
}

#[derive(Debug)]
struct OpenTask {
    scheduled_event_id: i64,
    /// What `last_started_event_id` was when it was scheduled.
    last_started_event_id: i64,
    /// When it was started, if it was.
    started: Option<Timestamp>,
}

/// What an event of a workflow task leads to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TaskEffect {
    /// Nothing that concerns the run.
    Nothing,
    /// The run's time is now this.
    Started(Timestamp),
    /// The run was reset: the run id of the new run.
    Reset(String),
}

impl TaskEvents {
    /// A logical task begins, of which this is the last event.
    pub(crate) fn begin(&mut self, last: &Event) {
        if last.kind() == EventType::WorkflowTaskStarted {
            self.last_started_event_id = last.id();
        }
    }

    /// What the latest `WorkflowTaskStarted` event said of the run.
    pub(crate) fn latest(&self) -> &TaskStart {
        &self.latest
    }

    /// Applies an event of a workflow task.
    ///
    /// # Errors
    ///
    /// When the event cannot follow those before it.
    pub(crate) fn on_event(&mut self, event: &Event) -> Result<TaskEffect, Error> {
        if event.kind() == EventType::WorkflowTaskScheduled {
            self.open.push(OpenTask {
                scheduled_event_id: event.id(),
                last_started_event_id: self.last_started_event_id,
                started: None,
            });
            return Ok(TaskEffect::Nothing);
        }
        if let Some(start) = event.read(TaskStart::of)? {
            self.latest = start;
        }
        let scheduled = event.initiating_event_id()?.unwrap_or_default();
        let Some(index) = self.open.iter().rposition(|task| task.scheduled_event_id == scheduled) else {
            return Err(event.broken(format_args!("no workflow task was scheduled by event {scheduled}")));
        };
        let task = &mut self.open[index];
        match (event.kind(), task.started) {
            (EventType::WorkflowTaskStarted, None) => {
                let Some(time) = event.time() else {
                    return Err(event.broken("it has no time"));
                };
                task.started = Some(time);
                // An attempt or heartbeat within a logical task is not when the workflow ran.
                Ok(if event.id() >= task.last_started_event_id {
                    TaskEffect::Started(time)
                } else {
                    TaskEffect::Nothing
                })
            }
            (EventType::WorkflowTaskCompleted, Some(time)) => {
                self.open.swap_remove(index);
                Ok(TaskEffect::Started(time))
            }
            (EventType::WorkflowTaskFailed, Some(_)) => {
                self.open.swap_remove(index);
                Ok(reset_run_id(event)?.map_or(TaskEffect::Nothing, TaskEffect::Reset))
            }
            (EventType::WorkflowTaskTimedOut, _) => {
                self.open.swap_remove(index);
                Ok(TaskEffect::Nothing)
            }
            _ => Err(event.broken("its workflow task is not in a state for it")),
        }
    }
}

/// Who executed the last completed task, and whether the run was reset since.
#[derive(Debug, Default)]
pub(crate) struct LastCompletion {
    version: Option<Arc<WorkerDeploymentVersion>>,
    /// The `WorkflowTaskCompleted` event that was read last.
    event_id: i64,
    was_reset: bool,
}

impl LastCompletion {
    /// The version that executed the task; nothing when no task has named one.
    pub(crate) fn version(&self) -> Option<&Arc<WorkerDeploymentVersion>> {
        self.version.as_ref()
    }

    /// Whether the run was reset after the task.
    pub(crate) fn was_reset(&self) -> bool {
        self.was_reset
    }

    /// This worker executes the task.
    pub(crate) fn is_executed_by(&mut self, version: Option<&Arc<WorkerDeploymentVersion>>) {
        self.version = version.cloned();
    }

    /// This worker completes the task.
    pub(crate) fn is_completed_by(&mut self, version: Option<&Arc<WorkerDeploymentVersion>>) {
        self.is_executed_by(version);
        self.was_reset = false;
    }

    /// Reads flags and version of the workflow tasks that complete in the events of a logical task, and of
    /// the one that this task becomes.
    ///
    /// # Errors
    ///
    /// When an event cannot be read, or names a flag that is not known.
    pub(crate) fn read<'e>(
        &mut self,
        events: &[Event],
        ahead: impl Iterator<Item = &'e Event>,
        flags: &mut Flags,
    ) -> Result<(), Error> {
        for event in events {
            if let Some(completion) = event.read(TaskCompletion::of)? {
                // Unless it was read as the completion of the task before.
                if event.id() != self.event_id {
                    self.name(&completion);
                    record(flags, event.id(), sdk_metadata(event, &completion)?)?;
                }
                self.was_reset = false;
            } else if reset_run_id(event)?.is_some() {
                self.was_reset = true;
            }
        }
        for event in ahead {
            if let Some(completion) = event.read(TaskCompletion::of)? {
                self.event_id = event.id();
                self.name(&completion);
                return record(flags, event.id(), sdk_metadata(event, &completion)?);
            }
        }
        Ok(())
    }

    /// Takes the version that a completion names. Makes a new one only when it is not the one that is known.
    fn name(&mut self, completion: &TaskCompletion<'_>) {
        let TaskCompletion { build_id, deployment_name, .. } = completion;
        let is_named = !build_id.is_empty() || !deployment_name.is_empty();
        let is_known = self.version.as_ref().is_some_and(|known| {
            known.build_id.as_bytes() == *build_id && known.deployment_name.as_bytes() == *deployment_name
        });
        if is_named && !is_known {
            self.version = Some(Arc::new(WorkerDeploymentVersion {
                build_id: String::from_utf8_lossy(build_id).into_owned(),
                deployment_name: String::from_utf8_lossy(deployment_name).into_owned(),
            }));
        }
    }
}

/// The flags and names that a `WorkflowTaskCompleted` event carries.
///
/// # Errors
///
/// When they cannot be read.
pub(crate) fn sdk_metadata(
    event: &Event,
    completion: &TaskCompletion<'_>,
) -> Result<Option<WorkflowTaskCompletedMetadata>, Error> {
    event.read(|_| completion.sdk_metadata())
}

fn record(
    flags: &mut Flags,
    event_id: i64,
    metadata: Option<WorkflowTaskCompletedMetadata>,
) -> Result<(), Error> {
    match metadata {
        Some(metadata) => flags.record(event_id, metadata),
        None => Ok(()),
    }
}

/// The run id of the new run, when a task failed because its run was reset.
fn reset_run_id(event: &Event) -> Result<Option<String>, Error> {
    if !event.has(EventType::WorkflowTaskFailed) {
        return Ok(None);
    }
    let failed: WorkflowTaskFailedEventAttributes = event.attributes()?;
    Ok((failed.cause() == WorkflowTaskFailedCause::ResetWorkflow).then_some(failed.new_run_id))
}
