//! Single fields of attributes, for a replay that would throw the rest of the decoded message away.
//!
//! Strings are given as bytes: they are compared with what a workflow asked for, and need not be checked.

use prost::{DecodeError, Message, encoding};

use super::{
    fields::{self, Fields, Value},
    raw_event::RawEvent,
};
use crate::temporal::api::{
    common::v1::Payloads,
    enums::v1::{EventType, SuggestContinueAsNewReason},
    sdk::v1::WorkflowTaskCompletedMetadata,
};

/// The field `name` of `ActivityType`.
const ACTIVITY_TYPE_NAME: u32 = 1;
/// The field `result` of `ActivityTaskCompletedEventAttributes`.
const ACTIVITY_RESULT: u32 = 1;
/// The field `marker_name` of `MarkerRecordedEventAttributes`.
const MARKER_NAME: u32 = 1;
/// A field of `WorkflowExecutionUpdateAcceptedEventAttributes`.
const ACCEPTED_REQUEST_SEQUENCING_EVENT_ID: u32 = 3;

/// Fields of `ActivityTaskScheduledEventAttributes`.
mod scheduled {
    pub(super) const ACTIVITY_ID: u32 = 1;
    pub(super) const ACTIVITY_TYPE: u32 = 2;
}

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

/// The field `build_id` of `WorkerVersionStamp`, and of `WorkerDeploymentVersion`.
const BUILD_ID: u32 = 1;
/// The field `deployment_name` of `WorkerDeploymentVersion`.
const DEPLOYMENT_NAME: u32 = 2;

/// What tells an activity in an `ActivityTaskScheduled` event from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScheduledActivity<'a> {
    /// The field `activity_id`.
    pub activity_id: &'a [u8],
    /// The name of `activity_type`.
    pub activity_type: &'a [u8],
}

impl<'a> ScheduledActivity<'a> {
    /// Reads the event; nothing when its attributes are those of another type.
    ///
    /// # Errors
    ///
    /// When the attributes are no encoded message.
    pub fn of(event: &'a RawEvent) -> Result<Option<Self>, DecodeError> {
        if event.attributes_type() != Some(EventType::ActivityTaskScheduled) {
            return Ok(None);
        }
        let mut activity = Self::default();
        for field in Fields::new(event.encoded_attributes()) {
            match field? {
                (scheduled::ACTIVITY_ID, Value::Bytes(value)) => activity.activity_id = value,
                (scheduled::ACTIVITY_TYPE, Value::Bytes(value)) => {
                    if let Some(name) = fields::bytes(value, ACTIVITY_TYPE_NAME)? {
                        activity.activity_type = name;
                    }
                }
                _ => {}
            }
        }
        Ok(Some(activity))
    }
}

/// What a `WorkflowTaskStarted` event says about the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskStart {
    /// Bytes of history, as the service counts them.
    pub history_size_bytes: u64,
    /// Whether the service suggests to continue as new.
    pub continue_as_new_suggested: bool,
    /// Why it suggests so. Reasons that are newer than the protocol this was built with are left out.
    pub continue_as_new_reasons: Vec<SuggestContinueAsNewReason>,
    /// Whether the run's target deployment version is another one than that of the task.
    pub target_deployment_version_changed: bool,
}

impl TaskStart {
    /// Reads the event; nothing when its attributes are those of another type.
    ///
    /// # Errors
    ///
    /// When the attributes are no encoded message.
    pub fn of(event: &RawEvent) -> Result<Option<Self>, DecodeError> {
        if event.attributes_type() != Some(EventType::WorkflowTaskStarted) {
            return Ok(None);
        }
        let mut start = Self::default();
        for field in Fields::new(event.encoded_attributes()) {
            match field? {
                (started::SUGGEST_CONTINUE_AS_NEW, Value::Number(value)) => {
                    start.continue_as_new_suggested = value != 0;
                }
                (started::HISTORY_SIZE_BYTES, Value::Number(value)) => {
                    start.history_size_bytes = u64::try_from(value.cast_signed()).unwrap_or_default();
                }
                (started::SUGGEST_CONTINUE_AS_NEW_REASONS, Value::Number(reason)) => {
                    start.continue_as_new_reasons.extend(reason_of(reason));
                }
                (started::SUGGEST_CONTINUE_AS_NEW_REASONS, Value::Bytes(mut packed)) => {
                    while !packed.is_empty() {
                        let reason = encoding::decode_varint(&mut packed)?;
                        start.continue_as_new_reasons.extend(reason_of(reason));
                    }
                }
                (started::TARGET_WORKER_DEPLOYMENT_VERSION_CHANGED, Value::Number(value)) => {
                    start.target_deployment_version_changed = value != 0;
                }
                _ => {}
            }
        }
        Ok(Some(start))
    }
}

fn reason_of(number: u64) -> Option<SuggestContinueAsNewReason> {
    SuggestContinueAsNewReason::try_from(i32::try_from(number).ok()?).ok()
}

/// What a `WorkflowTaskCompleted` event says about the worker that executed the task.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskCompletion<'a> {
    sdk_metadata: Option<&'a [u8]>,
    /// The build id, from whichever field the service wrote it to; empty when the task names none.
    pub build_id: &'a [u8],
    /// The name of the deployment; empty when the task names none.
    pub deployment_name: &'a [u8],
}

impl<'a> TaskCompletion<'a> {
    /// Reads the event; nothing when its attributes are those of another type.
    ///
    /// # Errors
    ///
    /// When the attributes are no encoded message.
    pub fn of(event: &'a RawEvent) -> Result<Option<Self>, DecodeError> {
        if event.attributes_type() != Some(EventType::WorkflowTaskCompleted) {
            return Ok(None);
        }
        let mut completion = Self::default();
        for field in Fields::new(event.encoded_attributes()) {
            let (number, Value::Bytes(value)) = field? else {
                continue;
            };
            match number {
                completed::SDK_METADATA => completion.sdk_metadata = Some(value),
                completed::WORKER_VERSION => {
                    completion.build_id = fields::bytes(value, BUILD_ID)?.unwrap_or_default();
                }
                completed::WORKER_DEPLOYMENT_NAME => completion.deployment_name = value,
                // `name.build id`; later versions of the protocol put it into the next field.
                completed::WORKER_DEPLOYMENT_VERSION => {
                    if let Some(dot) = value.iter().position(|byte| *byte == b'.') {
                        completion.deployment_name = &value[..dot];
                        completion.build_id = &value[dot + 1..];
                    }
                }
                completed::DEPLOYMENT_VERSION => {
                    completion.build_id = fields::bytes(value, BUILD_ID)?.unwrap_or_default();
                    completion.deployment_name = fields::bytes(value, DEPLOYMENT_NAME)?.unwrap_or_default();
                }
                _ => {}
            }
        }
        Ok(Some(completion))
    }

    /// Decodes `sdk_metadata`: flags and names that the worker recorded with the task.
    ///
    /// # Errors
    ///
    /// When it is no such message.
    pub fn sdk_metadata(&self) -> Result<Option<WorkflowTaskCompletedMetadata>, DecodeError> {
        self.sdk_metadata.map(WorkflowTaskCompletedMetadata::decode).transpose()
    }
}

/// The `result` of an `ActivityTaskCompleted` event; payloads in it are slices of the event's buffer.
/// Nothing when the event has none, or its attributes are those of another type.
///
/// # Errors
///
/// When the attributes are no encoded message, or the result is no list of payloads.
pub fn activity_result(event: &RawEvent) -> Result<Option<Payloads>, DecodeError> {
    if event.attributes_type() != Some(EventType::ActivityTaskCompleted) {
        return Ok(None);
    }
    let result = fields::bytes(event.encoded_attributes(), ACTIVITY_RESULT)?;
    result.map(|result| Payloads::decode(event.shared(result))).transpose()
}

/// The `marker_name` of a `MarkerRecorded` event; nothing when its attributes are those of another type.
///
/// # Errors
///
/// When the attributes are no encoded message.
pub fn marker_name(event: &RawEvent) -> Result<Option<&[u8]>, DecodeError> {
    if event.attributes_type() != Some(EventType::MarkerRecorded) {
        return Ok(None);
    }
    // The name comes first: what follows it, such as a long result, is not looked at.
    for field in Fields::new(event.encoded_attributes()) {
        if let (MARKER_NAME, Value::Bytes(name)) = field? {
            return Ok(Some(name));
        }
    }
    Ok(Some(&[]))
}

/// The `accepted_request_sequencing_event_id` of a `WorkflowExecutionUpdateAccepted` event: the event after
/// which the update was to be handled. Nothing when the attributes are those of another type.
///
/// # Errors
///
/// When the attributes are no encoded message.
pub fn accepted_after(event: &RawEvent) -> Result<Option<i64>, DecodeError> {
    if event.attributes_type() != Some(EventType::WorkflowExecutionUpdateAccepted) {
        return Ok(None);
    }
    fields::number(event.encoded_attributes(), ACCEPTED_REQUEST_SEQUENCING_EVENT_ID).map(Some)
}

#[cfg(test)]
mod tests;
