//! RequestCancelNexusOperation.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::RequestCancelNexusOperationCommandAttributes,
        enums::v1::WorkflowTaskFailedCause as Cause,
        history::v1::NexusOperationCancelRequestedEventAttributes, sdk::v1::UserMetadata,
    },
};

use crate::execution::{
    buffer::flush::closes,
    plan::{Plan, Refused, bad},
    run_transition::{Effect, RunTransition},
};

pub(crate) fn check(
    plan: &mut Plan<'_>,
    a: &RequestCancelNexusOperationCommandAttributes,
) -> Result<(), Refused> {
    let cause = Cause::BadRequestCancelNexusOperationAttributes;
    let id = a.scheduled_event_id;
    let Some(operation) = plan.run.nexus().get(id) else {
        // The operation closed while the worker had the workflow task: the command is too late, but valid.
        if plan.run.buffer().events().iter().any(|event| closes(event) == Some(id)) {
            return Ok(());
        }
        let message = "requested cancelation for a non-existing or already completed operation with scheduled event ID of";
        return Err(bad(cause, format!("{message} {id}")));
    };
    if operation.cancellation.is_some() || !plan.canceled_nexus_operations.insert(id) {
        let message = "cancelation was already requested for an operation with scheduled event ID";
        return Err(bad(cause, format!("{message} {id}")));
    }
    Ok(())
}

pub(crate) fn record(
    run: &mut RunTransition<'_>,
    completed_id: i64,
    a: &RequestCancelNexusOperationCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let scheduled_event_id = a.scheduled_event_id;
    run.record_with(
        EventAttributes::NexusOperationCancelRequestedEventAttributes(Box::new(
            NexusOperationCancelRequestedEventAttributes {
                scheduled_event_id,
                workflow_task_completed_event_id: completed_id,
            },
        )),
        metadata,
    );
    // One that is not started yet is cancelled once it is.
    if run.nexus().get(scheduled_event_id).is_some_and(|operation| operation.token.is_some()) {
        run.effect(Effect::Nexus(scheduled_event_id));
    }
}
