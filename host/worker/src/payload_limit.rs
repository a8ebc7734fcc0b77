//! The service's limits on what a workflow sends, checked before it is sent: the service would close
//! the execution, or drop the message, where a failed task lets somebody mend the workflow.

use host_core::{Command, Completion, Outcome};
use host_wire::temporal::api::common::v1::Payloads;
use prost::Message;

/// Most bytes of the arguments, or the result, of one call (`limit.blobSize.error` of the service).
pub(crate) const MAX_PAYLOADS_BYTES: usize = 2 * 1024 * 1024;

/// Most bytes of one message to the service (gRPC's default, which the service keeps).
pub(crate) const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Something is larger than the service takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// The payloads of one command.
    #[error("{what} have {bytes} bytes, and {MAX_PAYLOADS_BYTES} are allowed: pass a reference instead")]
    Payloads {
        /// Whose.
        what: String,
        /// Their size.
        bytes: usize,
    },
    /// All commands of one workflow task.
    #[error(
        "the {commands} commands of one workflow task have {bytes} bytes together, and \
         {MAX_MESSAGE_BYTES} are allowed: wait for some before asking for more"
    )]
    Completion {
        /// How many they are.
        commands: usize,
        /// Their size.
        bytes: usize,
    },
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

/// Refuses a completion that does not fit into one message.
pub(crate) fn check_completion(completion: &Completion) -> Result<(), TooLarge> {
    let commands: usize = completion.commands.iter().map(Message::encoded_len).sum();
    let messages: usize = completion.messages.iter().map(Message::encoded_len).sum();
    let bytes = commands + messages;
    if bytes > MAX_MESSAGE_BYTES {
        return Err(TooLarge::Completion { commands: completion.commands.len(), bytes });
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
        command::v1::{CompleteWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes},
        common::v1::{ActivityType, Payload},
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
}
