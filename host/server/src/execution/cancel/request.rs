//! Records requests for cancellation in a run, from clients and from other runs.

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::WorkflowExecution, history::v1::WorkflowExecutionCancelRequestedEventAttributes,
    },
};

use crate::execution::{run_transition::RunTransition, workflow_task::schedule::schedule_at_once};

/// A request for cancellation of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct CancelRequest {
    pub(crate) reason: String,
    pub(crate) identity: String,
    /// The run that asks, with its initiated event; none for requests of clients.
    pub(crate) external: Option<(WorkflowExecution, i64)>,
}

/// Records the request and schedules a workflow task, at once also where the first one is delayed. A second request
/// changes nothing.
pub(crate) fn request(run: &mut RunTransition<'_>, request: CancelRequest) {
    if !run.is_open() || run.cancel_requested() {
        return;
    }
    let (external, initiated) = request.external.unzip();
    run.record(EventAttributes::WorkflowExecutionCancelRequestedEventAttributes(Box::new(
        WorkflowExecutionCancelRequestedEventAttributes {
            cause: request.reason,
            external_initiated_event_id: initiated.unwrap_or_default(),
            external_workflow_execution: external,
            identity: request.identity,
        },
    )));
    schedule_at_once(run);
}
