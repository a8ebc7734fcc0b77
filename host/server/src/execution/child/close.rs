//! What the end of a run means for its parent, for its children and for callers of Nexus operations, in the transition
//! that closes it.

use std::collections::HashSet;

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::{WorkflowExecution, WorkflowType},
        enums::v1::ParentClosePolicy,
        history::v1::{
            ChildWorkflowExecutionCanceledEventAttributes, ChildWorkflowExecutionCompletedEventAttributes,
            ChildWorkflowExecutionFailedEventAttributes, ChildWorkflowExecutionTerminatedEventAttributes,
            ChildWorkflowExecutionTimedOutEventAttributes, HistoryEvent,
        },
    },
};

use crate::{
    error::Error,
    execution::{
        cancel::request::{self, CancelRequest},
        child::state::Child,
        close::terminate,
        executions::Executions,
        loading::{Needs, NotReady},
        nexus,
        record::RunNumber,
        reset::state::RESETTER,
        run::Run,
        run_transition::RunTransition,
        transition::Transition,
        workflow_task::schedule::schedule_task,
    },
    limits,
};

/// The identity and the reason that Temporal's server gives when a parent closed.
const PARENT_CLOSE_IDENTITY: &str = "history-service";
const PARENT_CLOSE_REASON: &str = "by parent close policy";

/// Looks up all runs that change when this one closes: its parent and its callers, unless another run of the workflow
/// goes on (`ends`: none does), its children by their parent close policy, and what follows from the end of these.
pub(crate) fn look_up(executions: &Executions, run: &Run, ends: bool) -> Result<(), Needs> {
    let mut seen = HashSet::new();
    let mut closing = vec![(run, ends)];
    while let Some((run, ends)) = closing.pop() {
        if ends {
            find_parent(executions, run).map_or_else(NotReady::only_needs, |_| Ok(()))?;
            nexus::callback::look_up(executions, run)?;
        }
        for (_, child) in run.children().iter() {
            match find_child(executions, child) {
                Err(not_ready) => not_ready.only_needs()?,
                Ok(number) => {
                    let terminates =
                        child.initiated.parent_close_policy() != ParentClosePolicy::RequestCancel;
                    if terminates && seen.insert(number) {
                        closing.extend(executions.get(number).map(|run| (run, true)));
                    }
                }
            }
        }
    }
    Ok(())
}

/// A run is closed; these were its children.
pub(crate) fn closed(transition: &mut Transition<'_>, number: RunNumber, children: Vec<Child>) {
    let run = transition.run(number);
    let closed = run.execution();
    let Some(closing) = run.history().last() else { return };
    // The run that a reset made has the same children and the same parent.
    let was_reset = is_end_by_reset(&closing);
    if !was_reset || run.resets().replaced_by().is_empty() {
        for child in children {
            apply_close_policy(transition, &closed, &child);
        }
    }
    if was_reset || is_continued(&closing) {
        return;
    }
    let run = transition.run(number);
    let first_run_id = run.start().attributes().first_execution_run_id.clone();
    let initiated = run.start().attributes().parent_initiated_event_id;
    // Otherwise there is none, or it closed before.
    let parent = find_parent(transition.executions(), run).map_err(NotReady::refusal);
    nexus::callback::closed(transition, number, &closing);
    if let Ok(parent) = parent {
        transition.change(parent, |run| record_closed(run, initiated, &first_run_id, closed, closing));
    }
}

fn apply_close_policy(transition: &mut Transition<'_>, parent: &WorkflowExecution, child: &Child) {
    // Otherwise the child was never started, or closed before.
    let Ok(number) = find_child(transition.executions(), child).map_err(NotReady::refusal) else { return };
    match child.initiated.parent_close_policy() {
        ParentClosePolicy::Abandon => {}
        ParentClosePolicy::RequestCancel => {
            let request = CancelRequest {
                reason: String::new(),
                identity: PARENT_CLOSE_IDENTITY.to_owned(),
                external: Some((parent.clone(), 0)),
            };
            transition.change(number, |run| request::request(run, request));
        }
        ParentClosePolicy::Terminate | ParentClosePolicy::Unspecified => {
            transition.change(number, |run| {
                terminate::terminate(run, PARENT_CLOSE_REASON, None, PARENT_CLOSE_IDENTITY);
            });
        }
    }
}

/// The open run of the workflow that started this one as its child, or the one that took its place by resets.
fn find_parent(executions: &Executions, run: &Run) -> Result<RunNumber, NotReady> {
    let start = run.start().attributes();
    let mut parent = start.parent_workflow_execution.clone().ok_or_else(Error::completed)?;
    for _ in 0..limits::RESETS_FOLLOWED {
        let number = executions.find(&start.parent_workflow_namespace, Some(&parent))?;
        match executions.get(number) {
            Some(run) if run.is_open() => return Ok(number),
            Some(run) if !run.resets().replaced_by().is_empty() => {
                run.resets().replaced_by().clone_into(&mut parent.run_id);
            }
            _ => break,
        }
    }
    Err(Error::completed().into())
}

/// The open run of a child that does not outlive its parent; a later one of its chain than the first perhaps.
fn find_child(executions: &Executions, child: &Child) -> Result<RunNumber, NotReady> {
    if child.run_id.is_empty() || child.initiated.parent_close_policy() == ParentClosePolicy::Abandon {
        return Err(Error::completed().into());
    }
    let execution =
        WorkflowExecution { workflow_id: child.initiated.workflow_id.clone(), run_id: String::new() };
    executions.find_open(&child.initiated.namespace, Some(&execution), &child.run_id)
}

/// The last run of a child closed. After a reset, the event may have started another child.
fn record_closed(
    run: &mut RunTransition<'_>,
    id: i64,
    first_run_id: &str,
    last_run: WorkflowExecution,
    closing: HistoryEvent,
) {
    let Some(child) = run.children().get(id).filter(|child| child.run_id == first_run_id) else { return };
    let Some(attributes) = child_closing(id, child, last_run, closing) else { return };
    run.record(attributes);
    schedule_task(run);
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

/// Whether a reset ended the run, which goes on as another.
fn is_end_by_reset(closing: &HistoryEvent) -> bool {
    matches!(
        &closing.attributes,
        Some(EventAttributes::WorkflowExecutionTerminatedEventAttributes(a)) if a.identity == RESETTER
    )
}

/// Whether another run of the same workflow id goes on where this one closed.
pub(crate) fn is_continued(closing: &HistoryEvent) -> bool {
    match &closing.attributes {
        Some(EventAttributes::WorkflowExecutionContinuedAsNewEventAttributes(_)) => true,
        Some(EventAttributes::WorkflowExecutionCompletedEventAttributes(a)) => {
            !a.new_execution_run_id.is_empty()
        }
        Some(EventAttributes::WorkflowExecutionFailedEventAttributes(a)) => {
            !a.new_execution_run_id.is_empty()
        }
        Some(EventAttributes::WorkflowExecutionTimedOutEventAttributes(a)) => {
            !a.new_execution_run_id.is_empty()
        }
        _ => false,
    }
}
