//! Workflow tasks: their own events, and what they say about the run.

use std::sync::Arc;

use host_wire::temporal::api::{
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::{EventType, SuggestContinueAsNewReason, WorkflowTaskFailedCause},
    history::v1::WorkflowTaskFailedEventAttributes,
    sdk::v1::WorkflowTaskCompletedMetadata,
};
use prost::Message;
use prost_types::Timestamp;

use crate::{
    error::Error,
    event::{Event, tag},
    fields::{Fields, Unreadable, Value},
};

/// Fields of `WorkflowTaskStartedEventAttributes`.
mod started {
    pub(super) const SUGGEST_CONTINUE_AS_NEW: u32 = 4;
    pub(super) const HISTORY_SIZE_BYTES: u32 = 5;
    pub(super) const SUGGEST_CONTINUE_AS_NEW_REASONS: u32 = 8;
    pub(super) const TARGET_WORKER_DEPLOYMENT_VERSION_CHANGED: u32 = 9;
}

/// Fields of `WorkflowTaskCompletedEventAttributes`.
mod completed {
    pub(super) const WORKER_VERSION: u32 = 5;
    pub(super) const SDK_METADATA: u32 = 6;
    pub(super) const WORKER_DEPLOYMENT_VERSION: u32 = 9;
    pub(super) const WORKER_DEPLOYMENT_NAME: u32 = 10;
    pub(super) const DEPLOYMENT_VERSION: u32 = 11;
}

/// Fields of `WorkerVersionStamp` and `WorkerDeploymentVersion`.
const BUILD_ID: u32 = 1;
const DEPLOYMENT_NAME: u32 = 2;

/// The workflow tasks that are open, and what the latest one said.
#[derive(Debug, Default)]
pub(crate) struct WorkflowTasks {
    open: Vec<OpenTask>,
    /// The `WorkflowTaskStarted` event that the logical task in hand ends with; that of an earlier one
    /// when it ends with something else.
    pub(crate) last_started_event_id: i64,
    pub(crate) history_size_bytes: u64,
    pub(crate) continue_as_new_suggested: bool,
    pub(crate) continue_as_new_reasons: Vec<SuggestContinueAsNewReason>,
    pub(crate) target_deployment_version_changed: bool,
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
pub(crate) enum Effect {
    Nothing,
    /// The time is now this.
    Started(Timestamp),
    /// The run was reset: the run id of the new run.
    Reset(String),
}

impl WorkflowTasks {
    pub(crate) fn is_event_of_task(event: &Event) -> bool {
        matches!(
            event.kind(),
            EventType::WorkflowTaskScheduled
                | EventType::WorkflowTaskStarted
                | EventType::WorkflowTaskCompleted
                | EventType::WorkflowTaskFailed
                | EventType::WorkflowTaskTimedOut
        )
    }

    pub(crate) fn on_event(&mut self, event: &Event) -> Result<Effect, Error> {
        if event.kind() == EventType::WorkflowTaskScheduled {
            self.open.push(OpenTask {
                scheduled_event_id: event.id(),
                last_started_event_id: self.last_started_event_id,
                started: None,
            });
            return Ok(Effect::Nothing);
        }
        if event.has(tag::WORKFLOW_TASK_STARTED) {
            self.read_started(event)?;
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
                // An attempt or heartbeat in the midst of a logical task is not when the workflow ran.
                Ok(if event.id() >= task.last_started_event_id {
                    Effect::Started(time)
                } else {
                    Effect::Nothing
                })
            }
            (EventType::WorkflowTaskCompleted, Some(time)) => {
                self.open.swap_remove(index);
                Ok(Effect::Started(time))
            }
            (EventType::WorkflowTaskFailed, Some(_)) => {
                self.open.swap_remove(index);
                Ok(reset_run_id(event)?.map_or(Effect::Nothing, Effect::Reset))
            }
            (EventType::WorkflowTaskTimedOut, _) => {
                self.open.swap_remove(index);
                Ok(Effect::Nothing)
            }
            _ => Err(event.broken("its workflow task is not in a state for it")),
        }
    }

    fn read_started(&mut self, event: &Event) -> Result<(), Error> {
        self.history_size_bytes = 0;
        self.continue_as_new_suggested = false;
        self.continue_as_new_reasons.clear();
        self.target_deployment_version_changed = false;
        for field in Fields::new(event.encoded_attributes()) {
            match field.map_err(|error| event.unreadable(&error))? {
                (started::SUGGEST_CONTINUE_AS_NEW, Value::Number(value)) => {
                    self.continue_as_new_suggested = value != 0;
                }
                (started::HISTORY_SIZE_BYTES, Value::Number(value)) => {
                    self.history_size_bytes = u64::try_from(value.cast_signed()).unwrap_or_default();
                }
                (started::SUGGEST_CONTINUE_AS_NEW_REASONS, Value::Number(reason)) => {
                    self.push_reason(reason);
                }
                (started::SUGGEST_CONTINUE_AS_NEW_REASONS, Value::Bytes(mut packed)) => {
                    while !packed.is_empty() {
                        let reason = prost::encoding::decode_varint(&mut packed)
                            .map_err(|error| event.unreadable(&error))?;
                        self.push_reason(reason);
                    }
                }
                (started::TARGET_WORKER_DEPLOYMENT_VERSION_CHANGED, Value::Number(value)) => {
                    self.target_deployment_version_changed = value != 0;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reasons that are not known are left out.
    fn push_reason(&mut self, reason: u64) {
        if let Some(reason) =
            i32::try_from(reason).ok().and_then(|reason| SuggestContinueAsNewReason::try_from(reason).ok())
        {
            self.continue_as_new_reasons.push(reason);
        }
    }
}

/// The run id of the new run, when a task failed because its run was reset.
pub(crate) fn reset_run_id(event: &Event) -> Result<Option<String>, Error> {
    if !event.has(tag::WORKFLOW_TASK_FAILED) {
        return Ok(None);
    }
    let failed: WorkflowTaskFailedEventAttributes = event.attributes(tag::WORKFLOW_TASK_FAILED)?;
    Ok((failed.cause() == WorkflowTaskFailedCause::ResetWorkflow).then_some(failed.new_run_id))
}

/// What a `WorkflowTaskCompleted` event says about who executed the task.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CompletedBy<'a> {
    sdk_metadata: Option<&'a [u8]>,
    build_id: &'a [u8],
    deployment_name: &'a [u8],
}

impl<'a> CompletedBy<'a> {
    /// Reads the event; nothing if it is another one.
    pub(crate) fn of(event: &'a Event) -> Result<Option<Self>, Error> {
        if !event.has(tag::WORKFLOW_TASK_COMPLETED) {
            return Ok(None);
        }
        let unreadable = |error: Unreadable| event.unreadable(&error);
        let mut by = Self::default();
        for field in Fields::new(event.encoded_attributes()) {
            let (number, Value::Bytes(value)) = field.map_err(unreadable)? else {
                continue;
            };
            match number {
                completed::SDK_METADATA => by.sdk_metadata = Some(value),
                completed::WORKER_VERSION => by.build_id = string(value, BUILD_ID).map_err(unreadable)?,
                completed::WORKER_DEPLOYMENT_NAME => by.deployment_name = value,
                // `name.build id`; later versions of the protocol put it into the next field.
                completed::WORKER_DEPLOYMENT_VERSION => {
                    if let Some(dot) = value.iter().position(|byte| *byte == b'.') {
                        by.deployment_name = &value[..dot];
                        by.build_id = &value[dot + 1..];
                    }
                }
                completed::DEPLOYMENT_VERSION => {
                    by.build_id = string(value, BUILD_ID).map_err(unreadable)?;
                    by.deployment_name = string(value, DEPLOYMENT_NAME).map_err(unreadable)?;
                }
                _ => {}
            }
        }
        Ok(Some(by))
    }

    /// The flags and names it recorded, if any.
    pub(crate) fn sdk_metadata(&self, event: &Event) -> Result<Option<WorkflowTaskCompletedMetadata>, Error> {
        self.sdk_metadata
            .map(|encoded| {
                WorkflowTaskCompletedMetadata::decode(encoded).map_err(|error| event.unreadable(&error))
            })
            .transpose()
    }

    /// The version that executed it; nothing when it names none. Makes a new one only when it is not
    /// the one that is known.
    pub(crate) fn version(
        &self,
        known: Option<&Arc<WorkerDeploymentVersion>>,
    ) -> Option<Arc<WorkerDeploymentVersion>> {
        if self.build_id.is_empty() && self.deployment_name.is_empty() {
            return None;
        }
        if let Some(known) = known
            && known.build_id.as_bytes() == self.build_id
            && known.deployment_name.as_bytes() == self.deployment_name
        {
            return Some(Arc::clone(known));
        }
        Some(Arc::new(WorkerDeploymentVersion {
            build_id: String::from_utf8_lossy(self.build_id).into_owned(),
            deployment_name: String::from_utf8_lossy(self.deployment_name).into_owned(),
        }))
    }
}

/// A string field; empty when it is absent.
fn string(message: &[u8], tag: u32) -> Result<&[u8], Unreadable> {
    let mut found: &[u8] = &[];
    for field in Fields::new(message) {
        if let (number, Value::Bytes(value)) = field?
            && number == tag
        {
            found = value;
        }
    }
    Ok(found)
}
