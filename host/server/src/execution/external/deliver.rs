//! Delivers signals and cancellations to other runs, in the transition that initiated them.

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
    execution::{
        cancel::request::{self, CancelRequest},
        executions::Executions,
        loading::{Needs, NotReady},
        record::{RunIdentity, RunNumber},
        signal::receive::{self, Signal},
        transition::Transition,
        workflow_task::schedule::schedule_task,
    },
};

/// Delivers the signal of an initiated event and records whether that worked.
pub(crate) fn signal(transition: &mut Transition<'_>, number: RunNumber, id: i64) {
    let run = transition.run(number);
    // A command after the one that initiated it may have closed the sender.
    let Some(initiated) = run.externals().signal(id).cloned() else { return };
    let sender = run.identity().clone();
    let own = run.execution();
    let target = initiated.workflow_execution.clone().unwrap_or_default();
    let signal = Signal {
        name: initiated.signal_name.clone(),
        input: initiated.input.clone(),
        identity: "history-service".to_owned(),
        header: initiated.header.clone(),
        request_id: transition.new_id(),
        external: Some(own.clone()),
        links: Vec::new(),
    };
    let found = find_target(
        transition.executions(),
        &initiated.namespace,
        &target,
        &sender,
        initiated.child_workflow_only,
    );
    let outcome = found
        .map_err(NotReady::refusal)
        .and_then(|number| transition.change(number, |run| receive::deliver(run, signal)));
    let failed = outcome.err().map(|error| match error {
        Error::NamespaceNotFound(_) => SignalFailed::NamespaceNotFound,
        Error::InvalidArgument(_) => SignalFailed::SignalCountLimitExceeded,
        _ => SignalFailed::ExternalWorkflowExecutionNotFound,
    });
    transition.change(number, |run| {
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
            Some(cause) => EventAttributes::SignalExternalWorkflowExecutionFailedEventAttributes(Box::new(
                SignalExternalWorkflowExecutionFailedEventAttributes {
                    cause: cause.into(),
                    namespace: initiated.namespace.clone(),
                    namespace_id: initiated.namespace_id.clone(),
                    workflow_execution: Some(target),
                    initiated_event_id: id,
                    control: initiated.control.clone(),
                    workflow_task_completed_event_id: 0,
                },
            )),
        });
        schedule_task(run);
    });
}

/// Delivers the cancellation of an initiated event and records whether that worked.
pub(crate) fn cancel(transition: &mut Transition<'_>, number: RunNumber, id: i64) {
    let run = transition.run(number);
    let Some(initiated) = run.externals().cancel(id).cloned() else { return };
    let sender = run.identity().clone();
    let own = run.execution();
    let target = initiated.workflow_execution.clone().unwrap_or_default();
    let request = CancelRequest {
        reason: initiated.reason.clone(),
        identity: "history-service".to_owned(),
        external: Some((own.clone(), id)),
    };
    let found = find_target(
        transition.executions(),
        &initiated.namespace,
        &target,
        &sender,
        initiated.child_workflow_only,
    );
    let outcome = found
        .map_err(NotReady::refusal)
        .map(|number| transition.change(number, |run| request::request(run, request)));
    let failed = outcome.err().and_then(|error| match error {
        // What has ended needs no cancellation any more.
        Error::Completed => None,
        Error::NamespaceNotFound(_) => Some(CancelFailed::NamespaceNotFound),
        _ => Some(CancelFailed::ExternalWorkflowExecutionNotFound),
    });
    transition.change(number, |run| {
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
        schedule_task(run);
    });
}

/// Looks up the run that a command names.
pub(crate) fn look_up(
    executions: &Executions,
    namespace: &str,
    target: &WorkflowExecution,
) -> Result<(), Needs> {
    executions.find_open(namespace, Some(target), "").map_or_else(NotReady::only_needs, |_| Ok(()))
}

fn find_target(
    executions: &Executions,
    namespace: &str,
    target: &WorkflowExecution,
    sender: &RunIdentity,
    child_only: bool,
) -> Result<RunNumber, NotReady> {
    if namespace == sender.namespace && target.workflow_id == sender.workflow_id {
        // A workflow is not external to itself, whatever the run id says.
        return Err(Error::no_workflow(&target.workflow_id).into());
    }
    let number = executions.find_open(namespace, Some(target), "")?;
    let parent =
        executions.get(number).and_then(|run| run.start().attributes().parent_workflow_execution.as_ref());
    let is_parent = |parent: &WorkflowExecution| {
        parent.workflow_id == sender.workflow_id && parent.run_id == sender.run_id
    };
    if child_only && !parent.is_some_and(is_parent) {
        return Err(Error::no_workflow(&target.workflow_id).into());
    }
    Ok(number)
}
