//! Bounds of everything in a request or a command that has one, strings and durations above all, by one walk over all
//! of its fields.

use bytes::Bytes;
use heck::ToUpperCamelCase as _;
use host_wire::{Visitor, Walk, temporal::api::failure::v1::Failure};
use prost::Message;

use crate::{execution::failure, limits, text, time::check_and_cap};

/// How long a string may be.
#[derive(Debug, PartialEq)]
enum Bound {
    /// At most so many bytes.
    AtMost(usize),
    /// It is cut to so many bytes: its caller cannot do anything about it.
    Cut(usize),
}

/// The strings that may be longer than [`limits::ID_BYTES`], by the names of their fields.
fn bound(field: &str) -> Bound {
    if field == "temporal.api.protocol.v1.Message.id" {
        return Bound::AtMost(limits::MESSAGE_ID_BYTES);
    }
    if field == "temporal.api.nexus.v1.EndpointTarget.External.url"
        || field == "temporal.api.command.v1.ScheduleNexusOperationCommandAttributes.nexus_header"
    {
        // Checked with the rest of the message.
        return Bound::AtMost(limits::TEXT_BYTES);
    }
    if field.starts_with("temporal.api.nexus.v1.") {
        return match field.rsplit('.').next() {
            Some("operation_token" | "operation_id") => Bound::AtMost(limits::TEXT_BYTES),
            Some("message" | "stack_trace") => Bound::Cut(limits::TEXT_BYTES),
            _ => Bound::AtMost(limits::NEXUS_HEADER_BYTES),
        };
    }
    match field.rsplit('.').next() {
        Some("reason" | "control" | "query") => Bound::AtMost(limits::TEXT_BYTES),
        Some("message_id" | "accepted_request_message_id" | "rejected_request_message_id") => {
            Bound::AtMost(limits::MESSAGE_ID_BYTES)
        }
        Some("error_message") => Bound::Cut(limits::TEXT_BYTES),
        _ => Bound::AtMost(limits::ID_BYTES),
    }
}

/// Whether a duration may be negative, which is the same as zero then. That of a retry policy is checked with its policy.
fn may_be_negative(field: &str) -> bool {
    !field.ends_with("_timeout") && !field.ends_with("_delay") && !field.ends_with("backoff_start_interval")
        || field.starts_with("temporal.api.taskqueue.v1.StickyExecutionAttributes.")
}

/// Checks the length of every string and of the whole, and that timeouts and delays are not negative; cuts failures,
/// also as a whole, and durations.
///
/// # Errors
///
/// Says which field is too long or negative.
pub(crate) fn check_request(request: &mut dyn Walk) -> Result<(), String> {
    check(request, failure::cut_whole)
}

/// As [`check_request`], but a failure as a whole is left to the checks of its command.
///
/// # Errors
///
/// As [`check_request`].
pub(crate) fn check_command(command: &mut dyn Walk) -> Result<(), String> {
    check(command, failure::cut)
}

fn check(message: &mut dyn Walk, cut: fn(&mut Failure)) -> Result<(), String> {
    let mut bounds = Bounds { refusal: None, bytes: 0, cut };
    message.walk(&mut bounds);
    match bounds.refusal {
        Some(refusal) => Err(refusal),
        None if bounds.bytes > limits::EVENT_BYTES => {
            Err(format!("{} bytes exceed the size limit of {}.", bounds.bytes, limits::EVENT_BYTES))
        }
        None => Ok(()),
    }
}

/// `temporal.api.common.v1.WorkflowExecution.workflow_id` is `WorkflowId` to clients.
fn last_name(field: &str) -> String {
    field.rsplit('.').next().unwrap_or(field).to_upper_camel_case()
}

struct Bounds {
    /// What is wrong with the first field that is too long or negative.
    refusal: Option<String>,
    bytes: usize,
    cut: fn(&mut Failure),
}

impl Bounds {
    fn check(&mut self, field: &str, length: usize, most: usize) {
        self.bytes += length;
        if length > most {
            self.refuse(format!("{} length exceeds limit.", last_name(field)));
        }
    }

    fn refuse(&mut self, refusal: String) {
        self.refusal.get_or_insert(refusal);
    }
}

impl Visitor for Bounds {
    fn string(&mut self, field: &'static str, value: &mut String) {
        match bound(field) {
            Bound::AtMost(most) => self.check(field, value.len(), most),
            Bound::Cut(most) => {
                text::cut(value, most);
                self.bytes += value.len();
            }
        }
    }

    fn key(&mut self, field: &'static str, value: &str) {
        self.check(field, value.len(), limits::ID_BYTES);
    }

    fn bytes(&mut self, _: &'static str, value: &Bytes) {
        self.bytes += value.len();
    }

    fn duration(&mut self, field: &'static str, duration: &mut prost_types::Duration) {
        if let Err(wrong) = check_and_cap(duration)
            && !may_be_negative(field)
        {
            self.refuse(format!("Invalid {}: {wrong}.", last_name(field)));
        }
    }

    fn failure(&mut self, _: &'static str, failure: &mut Failure) {
        (self.cut)(failure);
        self.bytes += failure.encoded_len();
    }
}
