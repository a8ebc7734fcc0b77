//! RequestCancelWorkflowExecution, and cancellations from other runs.

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::WorkflowExecution, history::v1::WorkflowExecutionCancelRequestedEventAttributes,
    },
};

use crate::{
    error::Error,
    execution::{run_transition::RunTransition, transition::Transition},
};

/// A request for cancellation on its way into a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct CancelRequest {
    pub(crate) reason: String,
    pub(crate) identity: String,
    /// The run that asks, with its initiated event, if one does.
    pub(crate) external: Option<(WorkflowExecution, i64)>,
}

/// Asks a workflow to cancel itself. One that has ended needs no asking, and that is no error.
pub(crate) fn request_cancel(
    transition: &mut Transition<'_>,
    namespace: &str,
    execution: Option<&WorkflowExecution>,
    first_run_id: &str,
    request: CancelRequest,
) -> Result<(), Error> {
    match transition.executions.find_open(namespace, execution, first_run_id) {
        Ok(number) => transition.change(number, |run| run.request_cancel(request)).unwrap_or_default(),
        Err(Error::Completed) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

impl RunTransition<'_> {
    /// Asks the run to cancel itself. Asking again changes nothing.
    pub(crate) fn request_cancel(&mut self, request: CancelRequest) {
        if !self.state.is_open() || self.state.cancel_requested {
            return;
        }
        let (external, initiated) = request.external.unzip();
        self.record(EventAttributes::WorkflowExecutionCancelRequestedEventAttributes(Box::new(
            WorkflowExecutionCancelRequestedEventAttributes {
                cause: request.reason,
                external_initiated_event_id: initiated.unwrap_or_default(),
                external_workflow_execution: external,
                identity: request.identity,
            },
        )));
        self.schedule_task();
    }
}
