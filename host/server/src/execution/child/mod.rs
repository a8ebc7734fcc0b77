//! What runs do to each other: children, signals and cancellations from one to another, and what
//! the end of one means for parent and children. All of it in the transition that caused it.

pub(crate) mod start;
#[cfg(test)]
mod tests;

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::{WorkflowExecution, WorkflowType},
        enums::v1::{
            ParentClosePolicy, StartChildWorkflowExecutionFailedCause as StartFailed,
            WorkflowExecutionStatus as Status, WorkflowIdReusePolicy,
        },
        history::v1::{
            ChildWorkflowExecutionCanceledEventAttributes, ChildWorkflowExecutionCompletedEventAttributes,
            ChildWorkflowExecutionFailedEventAttributes, ChildWorkflowExecutionStartedEventAttributes,
            ChildWorkflowExecutionTerminatedEventAttributes, ChildWorkflowExecutionTimedOutEventAttributes,
            HistoryEvent, StartChildWorkflowExecutionFailedEventAttributes,
            StartChildWorkflowExecutionInitiatedEventAttributes, WorkflowExecutionStartedEventAttributes,
        },
    },
};
use prost::Message;

use crate::{
    execution::{
        cancel::CancelRequest,
        record::{RunIdentity, RunNumber},
        run::Run,
        run_transition::RunTransition,
        successor::NewRun,
        transition::Transition,
    },
    namespace::namespace_id,
    time::{Time, positive},
};

/// A child that was initiated and is not closed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Child {
    pub(crate) initiated: Box<StartChildWorkflowExecutionInitiatedEventAttributes>,
    pub(crate) started_event_id: i64,
    pub(crate) run_id: String,
}

/// Who the history says ended a child whose parent closed.
const PARENT_CLOSE_IDENTITY: &str = "history-service";
const PARENT_CLOSE_REASON: &str = "by parent close policy";

impl Transition<'_> {
    pub(crate) fn start_child(&mut self, parent: RunNumber, id: i64) {
        let Some(run) = self.executions.run(parent) else { return };
        let Some(child) = run.children.get(&id) else { return };
        let initiated = child.initiated.clone();
        if let Err(cause) = self.may_start(&initiated) {
            self.change_alone(parent, |run| run.child_not_started(id, &initiated, cause));
            return;
        }
        let run_id = self.new_id();
        let Some(run) = self.executions.run(parent) else { return };
        let new = child_run(run, id, &initiated, run_id.clone(), self.now);
        let number = self.start_alone(new);
        self.change_alone(parent, |run| run.child_started(id, &initiated, run_id));
        self.change_alone(number, |run| run.schedule_task());
    }

    fn may_start(
        &self,
        initiated: &StartChildWorkflowExecutionInitiatedEventAttributes,
    ) -> Result<(), StartFailed> {
        if self.executions.check_namespace(&initiated.namespace).is_err() {
            return Err(StartFailed::NamespaceNotFound);
        }
        let current = self.executions.current(&initiated.namespace, &initiated.workflow_id);
        let Some(current) = current.and_then(|number| self.executions.run(number)) else { return Ok(()) };
        let allowed = !current.is_open()
            && match initiated.workflow_id_reuse_policy() {
                WorkflowIdReusePolicy::RejectDuplicate => false,
                WorkflowIdReusePolicy::AllowDuplicateFailedOnly => current.status != Status::Completed,
                _ => true,
            };
        if allowed { Ok(()) } else { Err(StartFailed::WorkflowAlreadyExists) }
    }

    /// A run is closed.
    pub(crate) fn closed(&mut self, number: RunNumber, children: Vec<Child>) {
        let Some(parent) = self.executions.run(number).map(Run::execution) else { return };
        for child in children {
            self.apply_close_policy(&parent, &child);
        }
        let Some(run) = self.executions.run(number) else { return };
        let Some(closing) = run.history.last().and_then(|last| HistoryEvent::decode(last.clone()).ok())
        else {
            return;
        };
        let Some(parent) = run.start.parent_workflow_execution.as_ref() else { return };
        let initiated = run.start.parent_initiated_event_id;
        if is_continued(&closing) {
            return;
        }
        let namespace = run.start.parent_workflow_namespace.clone();
        let closed = run.execution();
        let Ok(parent) = self.executions.find_open(&namespace, Some(parent), "") else { return };
        self.change_alone(parent, |run| run.child_closed(initiated, closed, closing));
    }

    fn apply_close_policy(&mut self, parent: &WorkflowExecution, child: &Child) {
        if child.run_id.is_empty() {
            return;
        }
        let execution =
            WorkflowExecution { workflow_id: child.initiated.workflow_id.clone(), run_id: String::new() };
        let found = self.executions.find_open(&child.initiated.namespace, Some(&execution), &child.run_id);
        let Ok(number) = found else { return };
        match child.initiated.parent_close_policy() {
            ParentClosePolicy::Abandon => {}
            ParentClosePolicy::RequestCancel => {
                let request = CancelRequest {
                    reason: String::new(),
                    identity: PARENT_CLOSE_IDENTITY.to_owned(),
                    external: Some((parent.clone(), 0)),
                };
                self.change_alone(number, |run| run.request_cancel(request));
            }
            ParentClosePolicy::Terminate | ParentClosePolicy::Unspecified => {
                self.change_alone(number, |run| {
                    run.terminate(PARENT_CLOSE_REASON, None, PARENT_CLOSE_IDENTITY);
                });
            }
        }
    }
}

impl RunTransition<'_> {
    fn child_not_started(
        &mut self,
        id: i64,
        initiated: &StartChildWorkflowExecutionInitiatedEventAttributes,
        cause: StartFailed,
    ) {
        self.record(EventAttributes::StartChildWorkflowExecutionFailedEventAttributes(Box::new(
            StartChildWorkflowExecutionFailedEventAttributes {
                namespace: initiated.namespace.clone(),
                namespace_id: initiated.namespace_id.clone(),
                workflow_id: initiated.workflow_id.clone(),
                workflow_type: initiated.workflow_type.clone(),
                cause: cause.into(),
                control: initiated.control.clone(),
                initiated_event_id: id,
                workflow_task_completed_event_id: 0,
            },
        )));
        self.schedule_task();
    }

    fn child_started(
        &mut self,
        id: i64,
        initiated: &StartChildWorkflowExecutionInitiatedEventAttributes,
        run_id: String,
    ) {
        self.record(EventAttributes::ChildWorkflowExecutionStartedEventAttributes(Box::new(
            ChildWorkflowExecutionStartedEventAttributes {
                namespace: initiated.namespace.clone(),
                namespace_id: initiated.namespace_id.clone(),
                initiated_event_id: id,
                workflow_execution: Some(WorkflowExecution {
                    workflow_id: initiated.workflow_id.clone(),
                    run_id,
                }),
                workflow_type: initiated.workflow_type.clone(),
                header: initiated.header.clone(),
            },
        )));
        self.schedule_task();
    }

    /// The last run of a child closed.
    fn child_closed(&mut self, id: i64, last_run: WorkflowExecution, closing: HistoryEvent) {
        let Some(child) = self.state.children.get(&id) else { return };
        let Some(attributes) = child_closing(id, child, last_run, closing) else { return };
        self.record(attributes);
        self.schedule_task();
    }
}

/// What the parent's history says about the end of a child.
fn child_closing(
    id: i64,
    child: &Child,
    last_run: WorkflowExecution,
    closing: HistoryEvent,
) -> Option<EventAttributes> {
    let namespace = child.initiated.namespace.clone();
    let namespace_id = child.initiated.namespace_id.clone();
    let workflow_execution = Some(last_run);
    let workflow_type: Option<WorkflowType> = child.initiated.workflow_type.clone();
    let (initiated_event_id, started_event_id) = (id, child.started_event_id);
    Some(match closing.attributes? {
        EventAttributes::WorkflowExecutionCompletedEventAttributes(closed) => {
            EventAttributes::ChildWorkflowExecutionCompletedEventAttributes(Box::new(
                ChildWorkflowExecutionCompletedEventAttributes {
                    result: closed.result,
                    namespace,
                    namespace_id,
                    workflow_execution,
                    workflow_type,
                    initiated_event_id,
                    started_event_id,
                },
            ))
        }
        EventAttributes::WorkflowExecutionFailedEventAttributes(closed) => {
            EventAttributes::ChildWorkflowExecutionFailedEventAttributes(Box::new(
                ChildWorkflowExecutionFailedEventAttributes {
                    failure: closed.failure,
                    namespace,
                    namespace_id,
                    workflow_execution,
                    workflow_type,
                    initiated_event_id,
                    started_event_id,
                    retry_state: closed.retry_state,
                },
            ))
        }
        EventAttributes::WorkflowExecutionCanceledEventAttributes(closed) => {
            EventAttributes::ChildWorkflowExecutionCanceledEventAttributes(Box::new(
                ChildWorkflowExecutionCanceledEventAttributes {
                    details: closed.details,
                    namespace,
                    namespace_id,
                    workflow_execution,
                    workflow_type,
                    initiated_event_id,
                    started_event_id,
                },
            ))
        }
        EventAttributes::WorkflowExecutionTimedOutEventAttributes(closed) => {
            EventAttributes::ChildWorkflowExecutionTimedOutEventAttributes(Box::new(
                ChildWorkflowExecutionTimedOutEventAttributes {
                    namespace,
                    namespace_id,
                    workflow_execution,
                    workflow_type,
                    initiated_event_id,
                    started_event_id,
                    retry_state: closed.retry_state,
                },
            ))
        }
        EventAttributes::WorkflowExecutionTerminatedEventAttributes(_) => {
            EventAttributes::ChildWorkflowExecutionTerminatedEventAttributes(Box::new(
                ChildWorkflowExecutionTerminatedEventAttributes {
                    namespace,
                    namespace_id,
                    workflow_execution,
                    workflow_type,
                    initiated_event_id,
                    started_event_id,
                },
            ))
        }
        _ => return None,
    })
}

/// Whether another run of the same workflow id goes on where this one closed.
fn is_continued(closing: &HistoryEvent) -> bool {
    match &closing.attributes {
        Some(EventAttributes::WorkflowExecutionContinuedAsNewEventAttributes(_)) => true,
        Some(EventAttributes::WorkflowExecutionFailedEventAttributes(a)) => {
            !a.new_execution_run_id.is_empty()
        }
        Some(EventAttributes::WorkflowExecutionTimedOutEventAttributes(a)) => {
            !a.new_execution_run_id.is_empty()
        }
        _ => false,
    }
}

fn child_run(
    parent: &Run,
    id: i64,
    initiated: &StartChildWorkflowExecutionInitiatedEventAttributes,
    run_id: String,
    now: Time,
) -> NewRun {
    let namespace = &parent.identity.namespace;
    let expiration = positive(initiated.workflow_execution_timeout).map(|timeout| now.after(timeout).into());
    let start = WorkflowExecutionStartedEventAttributes {
        workflow_type: initiated.workflow_type.clone(),
        parent_workflow_namespace: namespace.clone(),
        parent_workflow_namespace_id: namespace_id(namespace),
        parent_workflow_execution: Some(parent.execution()),
        parent_initiated_event_id: id,
        task_queue: initiated.task_queue.clone(),
        input: initiated.input.clone(),
        workflow_execution_timeout: initiated.workflow_execution_timeout,
        workflow_run_timeout: initiated.workflow_run_timeout,
        workflow_task_timeout: initiated.workflow_task_timeout,
        original_execution_run_id: run_id.clone(),
        first_execution_run_id: run_id.clone(),
        retry_policy: initiated.retry_policy.clone(),
        attempt: 1,
        workflow_execution_expiration_time: expiration,
        first_workflow_task_backoff: Some(prost_types::Duration::default()),
        memo: initiated.memo.clone(),
        search_attributes: initiated.search_attributes.clone(),
        header: initiated.header.clone(),
        workflow_id: initiated.workflow_id.clone(),
        root_workflow_execution: Some(parent.root()),
        priority: initiated.priority.clone(),
        ..Default::default()
    };
    NewRun {
        identity: RunIdentity {
            namespace: initiated.namespace.clone(),
            workflow_id: initiated.workflow_id.clone(),
            request_id: format!("{}:{id}", parent.identity.run_id),
            run_id,
        },
        start: Box::new(start),
        user_metadata: parent.event(id).and_then(|event| event.user_metadata),
    }
}
