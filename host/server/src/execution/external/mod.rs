//! Signals and cancellations from one run to another, delivered in the transition that asked for them.

pub(crate) mod request_cancel;
pub(crate) mod signal;

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::WorkflowExecution,
        enums::v1::{
            CancelExternalWorkflowExecutionFailedCause as CancelFailed,
            SignalExternalWorkflowExecutionFailedCause as SignalFailed,
        },
        history::v1::{
            ExternalWorkflowExecutionCancelRequestedEventAttributes,
            ExternalWorkflowExecutionSignaledEventAttributes,
            RequestCancelExternalWorkflowExecutionFailedEventAttributes,
            SignalExternalWorkflowExecutionFailedEventAttributes,
        },
    },
};

use crate::{
    error::Error,
    execution::{cancel::CancelRequest, record::RunNumber, signal::Signal, transition::Transition},
};

impl Transition<'_> {
    pub(crate) fn signal_external(&mut self, sender: RunNumber, id: i64) {
        let Some(run) = self.executions.run(sender) else { return };
        let Some(initiated) = run.external_signals.get(&id).cloned() else { return };
        let own = run.execution();
        let target = initiated.workflow_execution.clone().unwrap_or_default();
        let signal = Signal {
            name: initiated.signal_name.clone(),
            input: initiated.input.clone(),
            identity: "history-service".to_owned(),
            header: initiated.header.clone(),
            request_id: self.new_id(),
            external: Some(own.clone()),
            links: Vec::new(),
        };
        let outcome =
            self.external_target(&initiated.namespace, &target, &own, initiated.child_workflow_only);
        let outcome = outcome.and_then(|number| match self.change_alone(number, |run| run.signal(signal)) {
            Some(result) => result.map(|_| ()),
            None => Err(Error::completed()),
        });
        let failed = outcome.err().map(|error| match error {
            Error::NamespaceNotFound(_) => SignalFailed::NamespaceNotFound,
            _ => SignalFailed::ExternalWorkflowExecutionNotFound,
        });
        self.change_alone(sender, |run| {
            run.record(match failed {
                None => EventAttributes::ExternalWorkflowExecutionSignaledEventAttributes(Box::new(
                    ExternalWorkflowExecutionSignaledEventAttributes {
                        initiated_event_id: id,
                        namespace: initiated.namespace.clone(),
                        namespace_id: initiated.namespace_id.clone(),
                        workflow_execution: Some(target),
                        control: initiated.control.clone(),
                    },
                )),
                Some(cause) => EventAttributes::SignalExternalWorkflowExecutionFailedEventAttributes(
                    Box::new(SignalExternalWorkflowExecutionFailedEventAttributes {
                        cause: cause.into(),
                        namespace: initiated.namespace.clone(),
                        namespace_id: initiated.namespace_id.clone(),
                        workflow_execution: Some(target),
                        initiated_event_id: id,
                        control: initiated.control.clone(),
                        workflow_task_completed_event_id: 0,
                    }),
                ),
            });
            run.schedule_task();
        });
    }

    pub(crate) fn cancel_external(&mut self, sender: RunNumber, id: i64) {
        let Some(run) = self.executions.run(sender) else { return };
        let Some(initiated) = run.external_cancels.get(&id).cloned() else { return };
        let own = run.execution();
        let target = initiated.workflow_execution.clone().unwrap_or_default();
        let request = CancelRequest {
            reason: initiated.reason.clone(),
            identity: "history-service".to_owned(),
            external: Some((own.clone(), id)),
        };
        let outcome = self
            .external_target(&initiated.namespace, &target, &own, initiated.child_workflow_only)
            .map(|number| self.change_alone(number, |run| run.request_cancel(request)));
        let failed = outcome.err().and_then(|error| match error {
            // What has ended needs no cancellation any more.
            Error::Completed => None,
            Error::NamespaceNotFound(_) => Some(CancelFailed::NamespaceNotFound),
            _ => Some(CancelFailed::ExternalWorkflowExecutionNotFound),
        });
        self.change_alone(sender, |run| {
            run.record(match failed {
                None => EventAttributes::ExternalWorkflowExecutionCancelRequestedEventAttributes(Box::new(
                    ExternalWorkflowExecutionCancelRequestedEventAttributes {
                        initiated_event_id: id,
                        namespace: initiated.namespace.clone(),
                        namespace_id: initiated.namespace_id.clone(),
                        workflow_execution: Some(target),
                    },
                )),
                Some(cause) => EventAttributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(
                    Box::new(RequestCancelExternalWorkflowExecutionFailedEventAttributes {
                        cause: cause.into(),
                        namespace: initiated.namespace.clone(),
                        namespace_id: initiated.namespace_id.clone(),
                        workflow_execution: Some(target),
                        initiated_event_id: id,
                        control: initiated.control.clone(),
                        workflow_task_completed_event_id: 0,
                    }),
                ),
            });
            run.schedule_task();
        });
    }

    fn external_target(
        &self,
        namespace: &str,
        target: &WorkflowExecution,
        sender: &WorkflowExecution,
        child_only: bool,
    ) -> Result<RunNumber, Error> {
        let number = self.executions.find_open(namespace, Some(target), "")?;
        let parent = self.executions.run(number).and_then(|run| run.start.parent_workflow_execution.as_ref());
        if child_only && parent.is_none_or(|parent| parent.workflow_id != sender.workflow_id) {
            return Err(Error::no_workflow(&target.workflow_id));
        }
        Ok(number)
    }
}
