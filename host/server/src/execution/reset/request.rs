//! ResetWorkflowExecution, as `workflowResetter` of Temporal's server does it.

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::WorkflowExecution,
        enums::v1::{EventType, WorkflowTaskFailedCause},
        failure::v1::{Failure, ResetWorkflowFailureInfo, failure::FailureInfo},
        history::v1::{HistoryEvent, WorkflowTaskFailedEventAttributes},
        workflowservice::v1::ResetWorkflowExecutionRequest,
    },
};

use crate::{
    error::Error,
    execution::{
        child,
        close::terminate,
        executions::Executions,
        external,
        fact::{Fact, MadeByReset, Recorded, UnrecordedChange},
        loading::NotReady,
        record::{RunIdentity, RunNumber},
        request::{check_length, check_name},
        reset::{
            after,
            reapply::{Exclusions, reapply, reapply_child, reapply_nexus},
            state::RESETTER,
        },
        run::Run,
        run_transition::{Effect, RunTransition},
        start::request::is_of_request,
        transition::Transition,
        worker::Worker,
        workflow_task::{attributes::started_attributes, schedule::schedule_task},
    },
};

/// What Temporal's server writes as identity and as request id of a workflow task that no worker had.
const SERVICE: &str = "history-service";
const NO_REQUEST: &str = "emptyUuid";

/// The runs of a reset, and what the new one takes over.
#[derive(Debug)]
pub(crate) enum Plan {
    /// This request made the latest run before.
    Done(RunNumber),
    Reset {
        base: RunNumber,
        current: RunNumber,
        /// The events before the reset point.
        kept: Vec<Recorded>,
        /// The base run and those that continue it.
        chain: Vec<RunNumber>,
    },
}

/// Checks a request and looks up the runs that it changes.
///
/// # Errors
///
/// When the request is invalid, the point is none to which a run can be reset, or a run must be loaded first.
pub(crate) fn prepare(
    executions: &Executions,
    request: &ResetWorkflowExecutionRequest,
) -> Result<Plan, NotReady> {
    check_name("RequestId", &request.request_id)?;
    check_length("Reason", &request.reason)?;
    after::check(&request.post_reset_operations)?;
    let base = executions.find(&request.namespace, request.workflow_execution.as_ref())?;
    let base_run = executions.get(base).ok_or_else(Error::completed)?;
    let point = request.workflow_task_finish_event_id;
    if point <= 1 || point >= base_run.history().next_event_id() {
        return Err(
            Error::invalid("Workflow task finish ID must be > 1 && <= workflow last event ID.").into()
        );
    }
    let identity = base_run.identity();
    let current = executions.latest(&identity.namespace, &identity.workflow_id)?.unwrap_or(base);
    if executions.get(current).is_some_and(|run| is_of_request(run, &request.request_id)) {
        return Ok(Plan::Done(current));
    }
    let kept = events_before(base_run, point)?;
    look_up(executions, base_run, &kept)?;
    if current != base
        && let Some(run) = executions.get(current).filter(|run| run.is_open())
    {
        child::close::look_up(executions, run, false)?;
    }
    let chain = chain(executions, base)?;
    Ok(Plan::Reset { base, current, kept, chain })
}

/// The events before a reset point, which must leave a workflow task open.
fn events_before(base: &Run, point: i64) -> Result<Vec<Recorded>, Error> {
    let events: Vec<Recorded> =
        (1..point).filter_map(|id| base.history().event(id)).map(Recorded::new).collect();
    let folded = fold(base, &events);
    if folded.workflow_tasks().task().is_none() {
        return Err(Error::invalid(format!(
            "Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: {point}"
        )));
    }
    // The start of an attempt is written together with its end.
    if events.last().is_some_and(|last| last.event.event_type() == EventType::ActivityTaskStarted) {
        let last = point - 1;
        return Err(Error::invalid(format!(
            "StateRebuilder unable to Rebuild mutable state to event ID: {last}, version: 0, this event must be at \
             the boundary"
        )));
    }
    Ok(events)
}

fn fold(base: &Run, events: &[Recorded]) -> Run {
    let mut run = Run::new(base.identity().clone());
    events.iter().for_each(|event| run.apply(&Fact::Event(event.clone())));
    run
}

/// Looks up the runs that the new run calls on once more: what it asked of others and heard nothing of by the point.
fn look_up(executions: &Executions, base: &Run, kept: &[Recorded]) -> Result<(), NotReady> {
    let run = fold(base, kept);
    for (_, child) in run.children().iter().filter(|(_, child)| child.run_id.is_empty()) {
        let initiated = &child.initiated;
        let reuse = initiated.workflow_id_reuse_policy();
        child::run::look_up(executions, &initiated.namespace, &initiated.workflow_id, reuse)?;
    }
    for (namespace, target) in run.externals().targets() {
        external::deliver::look_up(executions, namespace, &target)?;
    }
    Ok(())
}

/// A run and those that continue it as new, in order.
fn chain(executions: &Executions, base: RunNumber) -> Result<Vec<RunNumber>, NotReady> {
    let mut chain = vec![base];
    let mut next = executions.get(base).and_then(continued_as);
    while let Some(execution) = next {
        let namespace = executions.get(base).map_or("", |run| &run.identity().namespace);
        let number = executions.find(namespace, Some(&execution))?;
        chain.push(number);
        next = executions.get(number).and_then(continued_as);
    }
    Ok(chain)
}

fn continued_as(run: &Run) -> Option<WorkflowExecution> {
    match run.history().last()?.attributes? {
        EventAttributes::WorkflowExecutionContinuedAsNewEventAttributes(a) => Some(WorkflowExecution {
            workflow_id: run.identity().workflow_id.clone(),
            run_id: a.new_execution_run_id,
        }),
        _ => None,
    }
}

/// Terminates the current run if it is open, and starts the new one; answers its number.
///
/// # Errors
///
/// When an operation after the reset refuses; [`prepare`] has checked what may be checked.
pub(crate) fn reset(
    transition: &mut Transition<'_>,
    request: ResetWorkflowExecutionRequest,
    plan: Plan,
) -> Result<RunNumber, Error> {
    let Plan::Reset { base, current, kept, chain } = plan else {
        let Plan::Done(run) = plan else { unreachable!("a plan is one of two") };
        return Ok(run);
    };
    let point = request.workflow_task_finish_event_id;
    let exclusions = Exclusions::of(&request);
    let run_id = transition.new_id();
    transition.change(current, |run| {
        if run.is_open() {
            terminate::terminate(run, &request.reason, None, RESETTER);
        }
    });
    transition.change(base, |run| run.unrecorded(UnrecordedChange::ReplacedByReset(run_id.clone())));
    let old = reapplied_events(transition, &chain, point);
    let base_run_id = transition.run(base).identity().run_id.clone();
    let identity = RunIdentity {
        run_id: run_id.clone(),
        request_id: request.request_id.clone(),
        ..transition.run(base).identity().clone()
    };
    let number = transition.take_over(identity, kept);
    transition.change(number, |run| {
        run.unrecorded(UnrecordedChange::MadeByReset(MadeByReset {
            time: Some(run.now().into()),
            base_run_id: base_run_id.clone(),
        }));
        fail_task(run, &request.reason, base_run_id, run_id);
        if !exclusions.are_all() {
            for (of_base, event) in old {
                if of_base {
                    reapply_child(run, &event);
                    if !exclusions.nexus {
                        reapply_nexus(run, &event);
                    }
                }
                reapply(run, event, exclusions);
            }
        }
        ask_others_again(run);
        after::apply(run, &request)?;
        schedule_task(run);
        Ok(number)
    })
}

/// Events that may happen to the new run as well, each with whether it is of the base run.
fn reapplied_events(
    transition: &Transition<'_>,
    chain: &[RunNumber],
    point: i64,
) -> Vec<(bool, HistoryEvent)> {
    let mut events = Vec::new();
    for (index, number) in chain.iter().enumerate() {
        let history = transition.run(*number).history();
        let first = if index == 0 { point } else { 1 };
        let of_run = (first..history.next_event_id()).filter_map(|id| history.event(id));
        events.extend(of_run.map(|event| (index == 0, event)));
    }
    events
}

/// The workflow task that was open at the reset point fails.
fn fail_task(run: &mut RunTransition<'_>, reason: &str, base_run_id: String, new_run_id: String) {
    let Some(task) = run.workflow_tasks().task() else { return };
    let scheduled_event_id = task.scheduled_event_id;
    let started = task.started.as_ref().map(|started| started.event_id);
    let started_event_id = started.unwrap_or_else(|| {
        let service = Worker { identity: SERVICE.to_owned(), ..Worker::default() };
        let attributes = started_attributes(run, scheduled_event_id, &service, NO_REQUEST);
        run.record(attributes)
    });
    run.record(EventAttributes::WorkflowTaskFailedEventAttributes(Box::new(
        WorkflowTaskFailedEventAttributes {
            scheduled_event_id,
            started_event_id,
            cause: WorkflowTaskFailedCause::ResetWorkflow.into(),
            failure: Some(Failure {
                message: reason.to_owned(),
                failure_info: Some(
                    FailureInfo::ResetWorkflowFailureInfo(ResetWorkflowFailureInfo::default()),
                ),
                ..Failure::default()
            }),
            identity: SERVICE.to_owned(),
            base_run_id,
            new_run_id,
            ..Default::default()
        },
    )));
}

/// Activities get their attempts, handlers of Nexus operations are called, and what other runs were asked for without an answer is asked for again.
fn ask_others_again(run: &mut RunTransition<'_>) {
    let activities: Vec<i64> = run.activities().iter().map(|activity| activity.scheduled_event_id).collect();
    let children: Vec<i64> =
        run.children().iter().filter(|(_, child)| child.run_id.is_empty()).map(|(id, _)| id).collect();
    let (signals, cancels) = (run.externals().signal_ids(), run.externals().cancel_ids());
    let nexus = run.nexus().iter().filter(|operation| operation.current_call().is_some());
    let nexus: Vec<i64> = nexus.map(|operation| operation.scheduled_event_id).collect();
    activities.into_iter().for_each(|id| run.effect(Effect::Activity(id)));
    nexus.into_iter().for_each(|id| run.effect(Effect::Nexus(id)));
    children.into_iter().for_each(|id| run.effect(Effect::StartChild(id)));
    signals.into_iter().for_each(|id| run.effect(Effect::SignalExternal(id)));
    cancels.into_iter().for_each(|id| run.effect(Effect::CancelExternal(id)));
}
