//! ScheduleNexusOperation.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::{Command, ScheduleNexusOperationCommandAttributes, command::Attributes},
        enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::NexusOperationScheduledEventAttributes,
        sdk::v1::UserMetadata,
    },
};
use prost::Message;

use crate::{
    execution::{
        plan::{Plan, Refused, bad, fatal},
        run_transition::{Effect, RunTransition},
    },
    limits,
    nexus::endpoints::Endpoints,
    time::positive,
};

/// Headers that only the service sets. `component.nexusoperations.disallowedHeaders` of Temporal's server.
const DISALLOWED_HEADERS: [&str; 6] = [
    "request-timeout",
    "xdc-redirection-api",
    "xdc-redirection",
    "caller-name",
    "caller-type",
    "call-initiation",
];

pub(crate) fn check(plan: &mut Plan<'_>, a: &ScheduleNexusOperationCommandAttributes) -> Result<(), Refused> {
    let cause = Cause::BadScheduleNexusOperationAttributes;
    if plan.endpoints.by_name(&a.endpoint).is_none() {
        return Err(bad(cause, format!("endpoint {:?} not found", a.endpoint)));
    }
    if a.input.as_ref().map_or(0, Message::encoded_len) > limits::BLOB_BYTES {
        return Err(fatal(cause, "ScheduleNexusOperationCommandAttributes.Input exceeds size limit"));
    }
    let is_disallowed =
        |key: &&String| DISALLOWED_HEADERS.iter().any(|disallowed| key.eq_ignore_ascii_case(disallowed));
    if let Some(key) = a.nexus_header.keys().find(is_disallowed) {
        return Err(bad(
            cause,
            format!(
                "ScheduleNexusOperationCommandAttributes.NexusHeader contains a disallowed header key: {key:?}"
            ),
        ));
    }
    let header_bytes: usize = a.nexus_header.iter().map(|(key, value)| key.len() + value.len()).sum();
    if header_bytes > limits::NEXUS_HEADER_BYTES {
        return Err(bad(cause, "ScheduleNexusOperationCommandAttributes.NexusHeader exceeds size limit"));
    }
    if plan.nexus_operations >= limits::NEXUS_OPERATIONS {
        return Err(bad(
            Cause::PendingNexusOperationsLimitExceeded,
            format!(
                "workflow has reached the pending nexus operation limit of {} for this namespace",
                limits::NEXUS_OPERATIONS
            ),
        ));
    }
    plan.nexus_operations += 1;
    Ok(())
}

/// The id of the endpoint that a checked command names; none for another command.
pub(crate) fn endpoint_id(endpoints: &Endpoints, command: &Command) -> Option<String> {
    match &command.attributes {
        Some(Attributes::ScheduleNexusOperationCommandAttributes(a)) => {
            Some(endpoints.by_name(&a.endpoint)?.id().to_owned())
        }
        _ => None,
    }
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: ScheduleNexusOperationCommandAttributes,
    endpoint_id: String,
    metadata: Option<UserMetadata>,
) {
    // Temporal's server has neither the schedule-to-start nor the start-to-close timeout of operations.
    let run_timeout = run.start().attributes().workflow_run_timeout;
    let asked = positive(a.schedule_to_close_timeout);
    let is_longer = positive(run_timeout).is_some_and(|run| asked.is_none_or(|asked| asked > run));
    let request_id = run.new_id();
    let id = run.record_with(
        EventAttributes::NexusOperationScheduledEventAttributes(Box::new(
            NexusOperationScheduledEventAttributes {
                endpoint: a.endpoint,
                endpoint_id,
                service: a.service,
                operation: a.operation,
                input: a.input,
                schedule_to_close_timeout: if is_longer { run_timeout } else { a.schedule_to_close_timeout },
                nexus_header: a.nexus_header,
                request_id,
                workflow_task_completed_event_id: completed_id,
                ..NexusOperationScheduledEventAttributes::default()
            },
        )),
        metadata,
    );
    run.effect(Effect::Nexus(id));
}
