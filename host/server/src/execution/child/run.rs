//! Starts the run of a child, in the transition that initiated it.

use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        common::v1::WorkflowExecution,
        enums::v1::{
            ContinueAsNewInitiator as Initiator, StartChildWorkflowExecutionFailedCause as StartFailed,
            WorkflowIdReusePolicy as Reuse,
        },
        history::v1::{
            ChildWorkflowExecutionStartedEventAttributes, StartChildWorkflowExecutionFailedEventAttributes,
            StartChildWorkflowExecutionInitiatedEventAttributes, WorkflowExecutionStartedEventAttributes,
        },
    },
};

use crate::{
    error::Error,
    execution::{
        child::close,
        close::terminate,
        cron,
        executions::Executions,
        loading::{Needs, NotReady},
        priority,
        record::{RunIdentity, RunNumber},
        run::Run,
        run_transition::RunTransition,
        start::request::reuse_refusal,
        successor::NewRun,
        transition::Transition,
        versioning::inherit::{Inherited, keep_on_queue},
        workflow_task::schedule::schedule_task,
    },
    namespace::namespace_id,
    time::{Time, positive},
};

/// Looks up the run that may be in the way of a child, and what changes with it where the policy terminates it.
pub(crate) fn look_up(
    executions: &Executions,
    namespace: &str,
    workflow_id: &str,
    reuse: Reuse,
) -> Result<(), Needs> {
    if executions.check_namespace(namespace).is_err() {
        return Ok(());
    }
    let latest = match executions.latest(namespace, workflow_id) {
        Ok(latest) => latest.and_then(|number| executions.get(number)),
        Err(not_ready) => return not_ready.only_needs(),
    };
    match latest.filter(|run| run.is_open() && reuse == Reuse::TerminateIfRunning) {
        Some(run) => close::look_up(executions, run, true),
        None => Ok(()),
    }
}

/// Starts the child of an initiated event. Its first workflow task is scheduled only after the parent recorded
/// `ChildWorkflowExecutionStarted`.
pub(crate) fn start(transition: &mut Transition<'_>, parent: RunNumber, id: i64) {
    // A command after the one that initiated it may have closed the parent.
    let Some(child) = transition.run(parent).children().get(id) else { return };
    let initiated = child.initiated.clone();
    let terminated = match may_start(transition.executions(), parent, &initiated) {
        Ok(terminated) => terminated,
        Err(cause) => {
            transition.change(parent, |run| not_started(run, id, &initiated, cause));
            return;
        }
    };
    let run_id = transition.new_id();
    if let Some(number) = terminated {
        transition.change(number, |run| terminate::replaced(run, &run_id));
    }
    let mut new = child_run(transition.run(parent), id, &initiated, run_id.clone(), transition.now());
    let (executions, parent_run) = (transition.executions(), transition.run(parent));
    Inherited::of(parent_run).put_into(&mut new.start);
    keep_on_queue(executions, parent_run, &new.identity.namespace, &mut new.start);
    let number = transition.start(new);
    transition.change(parent, |run| started(run, id, &initiated, run_id));
    transition.change(number, schedule_task);
}

/// The open run that a child takes the place of, if its policy says so.
fn may_start(
    executions: &Executions,
    parent: RunNumber,
    initiated: &StartChildWorkflowExecutionInitiatedEventAttributes,
) -> Result<Option<RunNumber>, StartFailed> {
    if executions.check_namespace(&initiated.namespace).is_err() {
        return Err(StartFailed::NamespaceNotFound);
    }
    let latest = executions.latest(&initiated.namespace, &initiated.workflow_id).map_err(NotReady::refusal);
    let reuse = initiated.workflow_id_reuse_policy();
    let (is_open, status) = match latest {
        Ok(latest) => match latest.and_then(|number| Some((number, executions.get(number)?))) {
            // A parent is not terminated by its own child.
            Some((number, run))
                if run.is_open() && reuse == Reuse::TerminateIfRunning && number != parent =>
            {
                return Ok(Some(number));
            }
            Some((_, run)) => (run.is_open(), run.status()),
            None => return Ok(None),
        },
        Err(Error::Damaged(damage)) => (damage.is_open(), damage.status()),
        Err(_) => return Err(StartFailed::WorkflowAlreadyExists),
    };
    if is_open || reuse_refusal(reuse, status).is_some() {
        return Err(StartFailed::WorkflowAlreadyExists);
    }
    Ok(None)
}

fn not_started(
    run: &mut RunTransition<'_>,
    id: i64,
    initiated: &StartChildWorkflowExecutionInitiatedEventAttributes,
    cause: StartFailed,
) {
    run.record(EventAttributes::StartChildWorkflowExecutionFailedEventAttributes(Box::new(
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
    schedule_task(run);
}

fn started(
    run: &mut RunTransition<'_>,
    id: i64,
    initiated: &StartChildWorkflowExecutionInitiatedEventAttributes,
    run_id: String,
) {
    run.record(EventAttributes::ChildWorkflowExecutionStartedEventAttributes(Box::new(
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
    schedule_task(run);
}

fn child_run(
    parent: &Run,
    id: i64,
    initiated: &StartChildWorkflowExecutionInitiatedEventAttributes,
    run_id: String,
    now: Time,
) -> NewRun {
    let namespace = &parent.identity().namespace;
    let expiration = positive(initiated.workflow_execution_timeout).map(|timeout| now.after(timeout).into());
    let backoff = cron::backoff(&initiated.cron_schedule, now, now);
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
        first_workflow_task_backoff: Some(duration_to_proto(backoff.unwrap_or_default())),
        cron_schedule: initiated.cron_schedule.clone(),
        initiator: if backoff.is_some() { Initiator::CronSchedule.into() } else { 0 },
        memo: initiated.memo.clone(),
        search_attributes: initiated.search_attributes.clone(),
        header: initiated.header.clone(),
        workflow_id: initiated.workflow_id.clone(),
        root_workflow_execution: Some(parent.root()),
        priority: priority::merged(parent.options().priority(), initiated.priority.as_ref()),
        ..Default::default()
    };
    NewRun {
        identity: RunIdentity {
            namespace: initiated.namespace.clone(),
            workflow_id: initiated.workflow_id.clone(),
            request_id: format!("{}:{id}", parent.identity().run_id),
            run_id,
        },
        start: Box::new(start),
        user_metadata: parent.history().event(id).and_then(|event| event.user_metadata),
        links: Vec::new(),
    }
}
