//! Terminating a run: by request, by the policies of a start, by its parent, or because its history is too large.

use host_wire::{
    EventAttributes,
    temporal::api::{common::v1::Payloads, history::v1::WorkflowExecutionTerminatedEventAttributes},
};

use crate::execution::{details, run_transition::RunTransition, workflow_task::end};

/// Terminates the run. A workflow task that a worker has fails first.
pub(crate) fn terminate(
    run: &mut RunTransition<'_>,
    reason: &str,
    details: Option<Payloads>,
    identity: &str,
) {
    end::force_closed(run);
    run.record(EventAttributes::WorkflowExecutionTerminatedEventAttributes(Box::new(
        WorkflowExecutionTerminatedEventAttributes {
            reason: reason.to_owned(),
            details,
            identity: identity.to_owned(),
        },
    )));
}

/// Terminates a run in whose place another one of the workflow id starts.
pub(crate) fn replaced(run: &mut RunTransition<'_>, new_run_id: &str) {
    let details = details::text(&format!("terminated by new runID: {new_run_id}"));
    terminate(run, "TerminateIfRunning WorkflowIdReusePolicy", Some(details), "history-service");
}

/// Terminates a run whose history exceeds [`crate::limits::HISTORY_EVENTS`] or [`crate::limits::HISTORY_BYTES`].
pub(crate) fn too_large(run: &mut RunTransition<'_>) {
    if let Some(reason) = run.too_large() {
        terminate(run, reason, None, "history-service");
    }
}
