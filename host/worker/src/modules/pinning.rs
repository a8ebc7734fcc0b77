//! Which module executes a run, read off its history.
//!
//! A run stays on the digest that its history names, unless a replay proves that another one gives
//! the same commands. This module reads names and applies the rule; replaying, and finding the module
//! of a digest, is left to others.

use host_sandbox::Digest;
use host_wire::{
    EventAttributes, RawEvent,
    temporal::api::{
        enums::v1::{EventType, WorkflowTaskFailedCause},
        history::v1::WorkflowTaskCompletedEventAttributes,
    },
};
use prost::DecodeError;

use super::build_id;

/// Which module executes a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleChoice {
    /// The newest admitted module for the type: no task was completed yet.
    Newest,
    /// The module that executed the last completed task.
    Named(Digest),
    /// The newest one if the history replays clean on it, else `fallback`: after a reset, or when the
    /// last completed task was executed by a worker of another kind.
    NewestIfClean {
        /// The module that executed the last completed task, if history says so.
        fallback: Option<Digest>,
    },
}

/// Reads the choice off a history, from its last event backwards. Nothing when the events end before
/// it can be told: then the caller needs earlier events (`GetWorkflowExecutionHistoryReverse` has them
/// in this order).
///
/// # Errors
///
/// When the attributes of an event that matters are malformed.
pub fn choose<'e>(
    newest_first: impl IntoIterator<Item = &'e RawEvent>,
) -> Result<Option<ModuleChoice>, DecodeError> {
    let mut reset = false;
    for event in newest_first {
        match event.event_type() {
            Some(EventType::WorkflowTaskFailed) => reset |= is_reset(event)?,
            Some(EventType::WorkflowTaskCompleted) => {
                let named = named_by(event)?;
                return Ok(Some(match named {
                    Some(digest) if !reset => ModuleChoice::Named(digest),
                    fallback => ModuleChoice::NewestIfClean { fallback },
                }));
            }
            Some(EventType::WorkflowExecutionStarted) => return Ok(Some(ModuleChoice::Newest)),
            _ => {}
        }
    }
    Ok(None)
}

fn is_reset(event: &RawEvent) -> Result<bool, DecodeError> {
    Ok(matches!(
        event.attributes()?,
        Some(EventAttributes::WorkflowTaskFailedEventAttributes(failed))
            if failed.cause() == WorkflowTaskFailedCause::ResetWorkflow
    ))
}

fn named_by(event: &RawEvent) -> Result<Option<Digest>, DecodeError> {
    let Some(EventAttributes::WorkflowTaskCompletedEventAttributes(completed)) = event.attributes()? else {
        return Ok(None);
    };
    Ok(build_id::parse(stamp(&completed)))
}

/// The build id of a completed task: as such, or as that of a worker deployment's version.
fn stamp(completed: &WorkflowTaskCompletedEventAttributes) -> &str {
    let stamp = completed.worker_version.as_ref().map(|stamp| &*stamp.build_id);
    let version = completed.deployment_version.as_ref().map(|version| &*version.build_id);
    stamp.filter(|build_id| !build_id.is_empty()).or(version).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::{
        common::v1::WorkerVersionStamp,
        deployment::v1::WorkerDeploymentVersion,
        history::v1::{HistoryEvent, WorkflowTaskFailedEventAttributes},
    };
    use prost::Message;

    use super::*;

    /// A history as words: `started`, `completed` (by module A), `completed=BUILD_ID`,
    /// `completed@BUILD_ID` (deployment version), `reset`, `failed`, `timer`.
    fn history(words: &str) -> Vec<RawEvent> {
        words
            .split_whitespace()
            .map(|word| RawEvent::new(event(word).encode_to_vec().into()).unwrap())
            .collect()
    }

    fn event(word: &str) -> HistoryEvent {
        let completed =
            |attributes| EventAttributes::WorkflowTaskCompletedEventAttributes(Box::new(attributes));
        let stamped = |build_id: String| {
            completed(WorkflowTaskCompletedEventAttributes {
                worker_version: Some(WorkerVersionStamp { build_id, use_versioning: false }),
                ..Default::default()
            })
        };
        let failed = |cause: WorkflowTaskFailedCause| {
            EventAttributes::WorkflowTaskFailedEventAttributes(Box::new(WorkflowTaskFailedEventAttributes {
                cause: cause.into(),
                ..Default::default()
            }))
        };
        let (event_type, attributes) = match word {
            "started" => (EventType::WorkflowExecutionStarted, None),
            "timer" => (EventType::TimerStarted, None),
            "reset" => (EventType::WorkflowTaskFailed, Some(failed(WorkflowTaskFailedCause::ResetWorkflow))),
            "failed" => {
                (EventType::WorkflowTaskFailed, Some(failed(WorkflowTaskFailedCause::NonDeterministicError)))
            }
            "completed" => (EventType::WorkflowTaskCompleted, Some(stamped(build_id::of(&module_a())))),
            _ => {
                let attributes = match word.split_once(['=', '@']).unwrap() {
                    (_, build_id) if word.contains('=') => stamped(build_id.to_owned()),
                    (_, build_id) => completed(WorkflowTaskCompletedEventAttributes {
                        deployment_version: Some(WorkerDeploymentVersion {
                            build_id: build_id.to_owned(),
                            ..Default::default()
                        }),
                        ..Default::default()
                    }),
                };
                (EventType::WorkflowTaskCompleted, Some(attributes))
            }
        };
        HistoryEvent { event_type: event_type.into(), attributes, ..Default::default() }
    }

    fn module_a() -> Digest {
        Digest([0xa; 32])
    }

    fn check(words: &str, expected: Option<ModuleChoice>) {
        let events = history(words);
        assert_eq!(choose(events.iter().rev()).unwrap(), expected, "{words}");
    }

    #[test]
    fn the_rule_on_every_kind_of_history() {
        let named = Some(ModuleChoice::Named(module_a()));
        let newest_if_clean = |fallback| Some(ModuleChoice::NewestIfClean { fallback });
        let b = build_id::of(&Digest([0xb; 32]));
        for (words, expected) in [
            ("started", Some(ModuleChoice::Newest)),
            ("started timer failed", Some(ModuleChoice::Newest)),
            ("started reset", Some(ModuleChoice::Newest)),
            ("started completed timer", named),
            (&format!("started completed={b} timer completed failed"), named),
            (&format!("started completed@{}", build_id::of(&module_a())), named),
            ("started completed=1.35.0", newest_if_clean(None)),
            ("started completed= timer", newest_if_clean(None)),
            ("started completed completed=go-worker", newest_if_clean(None)),
            ("started completed reset timer", newest_if_clean(Some(module_a()))),
            ("started completed reset failed", newest_if_clean(Some(module_a()))),
            ("started reset completed", named),
            // A tail only: what precedes it decides, unless it holds a completed task.
            ("timer", None),
            ("", None),
            ("reset timer", None),
            ("completed timer", named),
        ] {
            check(words, expected);
        }
    }
}
