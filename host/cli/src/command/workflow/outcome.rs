//! How a workflow ended, printed: what `execute`, `result` and `show` have in common.

use guest_sdk_types::Payload;
use host_client::{Closed, Error};
use host_wire::temporal::api::enums::v1::EventType;

use crate::{
    exit::Reported,
    output::{Output, failure, json, json::Object, one_line, payloads_json},
};

/// Prints the result on stdout, or how the workflow failed on stderr.
///
/// # Errors
///
/// [`Reported`] when the workflow has no result.
pub(super) fn print_text(closed: Closed, output: Output) -> anyhow::Result<()> {
    match closed.result() {
        Ok(result) => Ok(output.lines(result_text(result)?)?),
        Err(Error::Workflow(failed)) => {
            output.notes(failure::workflow(&failed));
            Err(Reported.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// A result for people: its JSON, indented.
pub(super) fn result_text(result: Vec<Payload>) -> anyhow::Result<String> {
    Ok(json::indent(&payloads_json(result)?))
}

/// Prints status, closing event and result after the fields of `object`, as the `temporal` CLI does.
///
/// # Errors
///
/// [`Reported`] when the workflow has no result.
pub(super) fn print_json(closed: Closed, object: Object, output: Output) -> anyhow::Result<()> {
    let event = one_line(&closed.event)?;
    let object = object.field("status", status(&closed)).raw("closeEvent", &event);
    match closed.result() {
        Ok(result) => output.object(object.raw("result", &payloads_json(result)?)),
        Err(Error::Workflow(_)) => {
            output.object(object)?;
            Err(Reported.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The words of the `temporal` CLI, which has none for a terminated workflow.
fn status(closed: &Closed) -> &'static str {
    match closed.event.event_type() {
        EventType::WorkflowExecutionCompleted => "COMPLETED",
        EventType::WorkflowExecutionFailed => "FAILED",
        EventType::WorkflowExecutionTimedOut => "TIMEOUT",
        EventType::WorkflowExecutionCanceled => "CANCELED",
        _ => "<unknown>",
    }
}
