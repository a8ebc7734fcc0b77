//! The service's limits on what a workflow sends, checked before it is sent. The service would close the
//! execution, or drop the message; a failed workflow task leaves time to correct the workflow. A query whose
//! answer is too large fails alone.

use guest_sdk_types::MAX_PAYLOADS_BYTES;
use host_core::{Command, Completion, Outcome};
use host_service::MAX_REQUEST_BYTES;
use host_wire::temporal::api::common::v1::Payloads;
use prost::Message;

use crate::workflow::query_result;

/// Something is larger than the service takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// The payloads of one command.
    #[error("{what} have {bytes} bytes, and {MAX_PAYLOADS_BYTES} are allowed: pass a reference instead")]
    Payloads {
        /// The payloads and their command, for the message.
        what: String,
        /// Their size in bytes.
        bytes: usize,
    },
    /// All commands of one workflow task.
    #[error(
        "the {commands} commands of one workflow task have {bytes} bytes together, and \
         {MAX_REQUEST_BYTES} are allowed: wait for some before asking for more"
    )]
    Completion {
        /// The number of commands.
        commands: usize,
        /// Their size in bytes.
        bytes: usize,
    },
    /// The answer to a query, beside all else that a workflow task sends.
    #[error(
        "the answer to the query has {bytes} bytes, and {left} are left of the {MAX_REQUEST_BYTES} of \
         the message that it goes with: ask again"
    )]
    Answer {
        /// Its size in bytes.
        bytes: usize,
        /// Bytes that are left in the message.
        left: usize,
    },
}

/// Refuses the answer to a query that is too large.
pub(crate) fn check_answer(query: &str, answer: Option<&Payloads>) -> Result<(), TooLarge> {
    check(answer, || format!("the payloads of the answer to query `{query}`"))
}

/// Refuses a command whose payloads are too large.
pub(crate) fn check_command(command: &Command) -> Result<(), TooLarge> {
    match command {
        Command::ScheduleActivity { attributes, .. } => check(attributes.input.as_ref(), || {
            format!("the arguments of activity `{}`", name(attributes.activity_type.as_ref(), |t| &t.name))
        }),
        Command::ScheduleLocalActivity { activity, .. } => {
            let bytes = activity.arguments.iter().map(Message::encoded_len).sum();
            check_bytes(bytes, || format!("the arguments of local activity `{}`", activity.activity_type))
        }
        Command::StartChildWorkflow { attributes, .. } => check(attributes.input.as_ref(), || {
            let child = name(attributes.workflow_type.as_ref(), |t| &t.name);
            format!("the arguments of child workflow `{child}`")
        }),
        Command::SignalExternalWorkflow { attributes, .. } => check(attributes.input.as_ref(), || {
            format!("the arguments of signal `{}`", attributes.signal_name)
        }),
        Command::ScheduleNexusOperation { attributes, .. } => {
            let bytes = attributes.input.as_ref().map_or(0, Message::encoded_len);
            check_bytes(bytes, || format!("the input of Nexus operation `{}`", attributes.operation))
        }
        Command::ContinueAsNew(attributes) => {
            check(attributes.input.as_ref(), || "the arguments of the new run".to_owned())
        }
        Command::CompleteWorkflow(attributes) => {
            check(attributes.result.as_ref(), || "the payloads of the workflow's result".to_owned())
        }
        Command::CancelWorkflow(attributes) => {
            check(attributes.details.as_ref(), || "the details of the workflow's cancellation".to_owned())
        }
        Command::FailWorkflow(attributes) => {
            let bytes = attributes.failure.as_ref().map_or(0, Message::encoded_len);
            check_bytes(bytes, || "the parts of the workflow's failure".to_owned())
        }
        Command::UpsertMemo(memo) => check_bytes(memo.encoded_len(), || "the fields of the memo".to_owned()),
        Command::UpsertSearchAttributes(attributes) => {
            check_bytes(attributes.encoded_len(), || "the search attributes".to_owned())
        }
        Command::CompleteUpdate { outcome, .. } => {
            let bytes = match outcome {
                Outcome::Completed(result) => result.as_ref().map_or(0, Message::encoded_len),
                Outcome::Failed(failure) | Outcome::Canceled(failure) => failure.encoded_len(),
            };
            check_bytes(bytes, || "the payloads of an update's result".to_owned())
        }
        Command::CancelActivity { .. }
        | Command::StartTimer { .. }
        | Command::CancelTimer { .. }
        | Command::CancelChildWorkflow { .. }
        | Command::CancelSignalExternalWorkflow { .. }
        | Command::RequestCancelExternalWorkflow { .. }
        | Command::CancelNexusOperation { .. }
        | Command::SetPatchMarker { .. } => Ok(()),
    }
}

/// Refuses a completion that does not fit into one message. Answers to queries that do not fit in beside
/// its commands become failures.
pub(crate) fn fit_completion(completion: &mut Completion) -> Result<(), TooLarge> {
    let commands: usize = completion.commands.iter().map(Message::encoded_len).sum();
    let messages: usize = completion.messages.iter().map(Message::encoded_len).sum();
    let bytes = commands + messages;
    if bytes > MAX_REQUEST_BYTES {
        return Err(TooLarge::Completion { commands: completion.commands.len(), bytes });
    }
    let mut left = MAX_REQUEST_BYTES - bytes;
    for answer in completion.query_results.values_mut() {
        let bytes = answer.encoded_len();
        if bytes > left {
            *answer = query_result::failed(TooLarge::Answer { bytes, left }.to_string());
        }
        left = left.saturating_sub(answer.encoded_len());
    }
    Ok(())
}

fn check(payloads: Option<&Payloads>, what: impl FnOnce() -> String) -> Result<(), TooLarge> {
    check_bytes(payloads.map_or(0, Message::encoded_len), what)
}

fn check_bytes(bytes: usize, what: impl FnOnce() -> String) -> Result<(), TooLarge> {
    if bytes > MAX_PAYLOADS_BYTES {
        return Err(TooLarge::Payloads { what: what(), bytes });
    }
    Ok(())
}

fn name<T>(named: Option<&T>, name: impl FnOnce(&T) -> &String) -> &str {
    named.map_or("", |named| name(named))
}

#[cfg(test)]
mod tests {
    use host_wire::temporal::api::{
        command::v1::{
            self as wire, CompleteWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
        },
        common::v1::{ActivityType, Payload},
        query::v1::WorkflowQueryResult,
        sdk::v1::UserMetadata,
    };

    use super::*;

    fn payloads(bytes: usize) -> Option<Payloads> {
        let payload = Payload { data: vec![0; bytes].into(), ..Payload::default() };
        Some(Payloads { payloads: vec![payload] })
    }

    fn activity(bytes: usize) -> Command {
        Command::ScheduleActivity {
            seq: 1,
            attributes: Box::new(ScheduleActivityTaskCommandAttributes {
                activity_type: Some(ActivityType { name: "charge".into() }),
                input: payloads(bytes),
                ..ScheduleActivityTaskCommandAttributes::default()
            }),
            cancellation: host_core::ActivityCancellation::TryCancel,
            user_metadata: None,
        }
    }

    fn result(bytes: usize) -> Command {
        let result = payloads(bytes);
        Command::CompleteWorkflow(Box::new(CompleteWorkflowExecutionCommandAttributes { result }))
    }

    fn check(command: &Command, expected: Option<&str>) {
        let refusal = check_command(command).err().map(|error| error.to_string());
        assert_eq!(refusal.as_deref(), expected);
    }

    #[test]
    fn what_the_service_would_not_take_is_named_with_its_size() {
        check(&activity(1_000_000), None);
        check(&result(1_000_000), None);
        check(
            &activity(MAX_PAYLOADS_BYTES),
            Some(
                "the arguments of activity `charge` have 2097162 bytes, and 2097152 are allowed: pass a \
                 reference instead",
            ),
        );
        check(
            &result(MAX_PAYLOADS_BYTES),
            Some(
                "the payloads of the workflow's result have 2097162 bytes, and 2097152 are allowed: pass \
                 a reference instead",
            ),
        );
    }

    /// Sizes of commands and of answers; which answers are left.
    fn check_fit(commands: &[usize], answers: &[usize], expected: Result<&[bool], &str>) {
        let mut completion = Completion {
            commands: commands
                .iter()
                .map(|bytes| wire::Command {
                    user_metadata: Some(UserMetadata {
                        summary: Some(Payload { data: vec![0; *bytes].into(), ..Payload::default() }),
                        ..UserMetadata::default()
                    }),
                    ..wire::Command::default()
                })
                .collect(),
            query_results: (0..)
                .map(|id: u32| id.to_string())
                .zip(answers.iter().map(|bytes| WorkflowQueryResult {
                    answer: payloads(*bytes),
                    ..WorkflowQueryResult::default()
                }))
                .collect(),
            ..Completion::default()
        };
        let fits = fit_completion(&mut completion).map_err(|error| error.to_string());
        let answered: Vec<_> =
            completion.query_results.values().map(|answer| answer.answer.is_some()).collect();
        assert_eq!(fits.as_ref().map(|()| &*answered).map_err(|error| &**error), expected);
        assert!(
            fits.is_err()
                || completion
                    .query_results
                    .values()
                    .all(|answer| { answer.answer.is_some() || answer.error_message.contains("ask again") })
        );
    }

    #[test]
    fn answers_to_queries_go_where_commands_leave_room() {
        const MILLION: usize = 1_000_000;
        check_fit(&[MILLION; 3], &[MILLION], Ok(&[true]));
        check_fit(&[MILLION; 3], &[MILLION, MILLION, 10], Ok(&[true, false, true]));
        check_fit(
            &[MILLION; 5],
            &[],
            Err("the 5 commands of one workflow task have 5000065 bytes together, and 4194304 are \
                 allowed: wait for some before asking for more"),
        );
    }
}
