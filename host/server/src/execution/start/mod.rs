//! StartWorkflowExecution and SignalWithStartWorkflowExecution.

#[cfg(test)]
mod tests;

use host_wire::{
    EventAttributes, duration_to_proto,
    temporal::api::{
        enums::v1::{
            TaskQueueKind, WorkflowExecutionStatus as Status, WorkflowIdConflictPolicy as Conflict,
            WorkflowIdReusePolicy as Reuse,
        },
        history::v1::WorkflowExecutionStartedEventAttributes,
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{SignalWithStartWorkflowExecutionRequest, StartWorkflowExecutionRequest},
    },
};
use prost::Message;

use crate::{
    error::Error,
    execution::{
        record::{RunIdentity, RunNumber},
        request::{check_length, check_name, check_payloads},
        retry,
        run::Run,
        run_transition::RunTransition,
        signal::Signal,
        successor::NewRun,
        transition::Transition,
        workflow_task::task_timeout_or_default,
    },
    limits,
    time::positive,
};

const TERMINATE_REASON: &str = "TerminateIfRunning WorkflowIdReusePolicy";

/// The run that answers a start.
#[derive(Debug, PartialEq)]
pub(crate) struct Started {
    pub(crate) run: RunNumber,
    /// Whether this request, now or before, started it.
    pub(crate) by_this_request: bool,
    /// Whether it was started just now.
    pub(crate) just_now: bool,
}

/// Starts a workflow, or finds the run that the policies name instead.
pub(crate) fn start(
    transition: &mut Transition<'_>,
    mut request: StartWorkflowExecutionRequest,
) -> Result<Started, Error> {
    transition.executions.check_namespace(&request.namespace)?;
    check(&request)?;
    if request.request_id.is_empty() {
        request.request_id = transition.new_id();
    }
    if let Some(found) = existing(transition, &request)? {
        return Ok(found);
    }
    let new = new_run(transition, request);
    let run = transition.start(new, |_| {});
    Ok(Started { run, by_this_request: true, just_now: true })
}

/// Signals the open run of a workflow id, or starts one with the signal as its first.
pub(crate) fn signal_with_start(
    transition: &mut Transition<'_>,
    request: SignalWithStartWorkflowExecutionRequest,
) -> Result<Started, Error> {
    transition.executions.check_namespace(&request.namespace)?;
    let (mut start, mut signal) = split(request);
    check(&start)?;
    signal.check()?;
    if start.request_id.is_empty() {
        start.request_id = transition.new_id();
    }
    signal.request_id.clone_from(&start.request_id);
    let open = transition
        .executions
        .current(&start.namespace, &start.workflow_id)
        .filter(|number| transition.executions.run(*number).is_some_and(Run::is_open));
    let replaces = start.workflow_id_conflict_policy() == Conflict::TerminateExisting
        || start.workflow_id_reuse_policy() == Reuse::TerminateIfRunning;
    if let Some(number) = open
        && !replaces
    {
        if transition.executions.run(number).is_some_and(|run| run.identity.request_id == start.request_id) {
            return Ok(Started { run: number, by_this_request: true, just_now: false });
        }
        return match transition.change(number, |run| run.signal(signal)) {
            Some(result) => result.map(|()| Started { run: number, by_this_request: false, just_now: false }),
            None => Err(Error::completed()),
        };
    }
    if let Some(found) = existing(transition, &start)? {
        return Ok(found);
    }
    let new = new_run(transition, start);
    let run = transition.start(new, |run| run.record_signal(signal));
    Ok(Started { run, by_this_request: true, just_now: true })
}

impl RunTransition<'_> {
    /// The first event of a run.
    pub(crate) fn record_start(
        &mut self,
        start: Box<WorkflowExecutionStartedEventAttributes>,
        user_metadata: Option<UserMetadata>,
    ) {
        self.record_with(EventAttributes::WorkflowExecutionStartedEventAttributes(start), user_metadata);
    }
}

fn split(r: SignalWithStartWorkflowExecutionRequest) -> (StartWorkflowExecutionRequest, Signal) {
    let signal = Signal {
        name: r.signal_name,
        input: r.signal_input,
        identity: r.identity.clone(),
        header: r.header.clone(),
        request_id: String::new(),
        external: None,
        links: r.links.clone(),
    };
    let start = StartWorkflowExecutionRequest {
        namespace: r.namespace,
        workflow_id: r.workflow_id,
        workflow_type: r.workflow_type,
        task_queue: r.task_queue,
        input: r.input,
        workflow_execution_timeout: r.workflow_execution_timeout,
        workflow_run_timeout: r.workflow_run_timeout,
        workflow_task_timeout: r.workflow_task_timeout,
        identity: r.identity,
        request_id: r.request_id,
        workflow_id_reuse_policy: r.workflow_id_reuse_policy,
        workflow_id_conflict_policy: r.workflow_id_conflict_policy,
        retry_policy: r.retry_policy,
        cron_schedule: r.cron_schedule,
        memo: r.memo,
        search_attributes: r.search_attributes,
        header: r.header,
        workflow_start_delay: r.workflow_start_delay,
        user_metadata: r.user_metadata,
        links: r.links,
        versioning_override: r.versioning_override,
        priority: r.priority,
        ..Default::default()
    };
    (start, signal)
}

fn check(request: &StartWorkflowExecutionRequest) -> Result<(), Error> {
    check_name("WorkflowId", &request.workflow_id)?;
    check_name("WorkflowType", request.workflow_type.as_ref().map_or("", |of| &of.name))?;
    check_name("TaskQueue", request.task_queue.as_ref().map_or("", |queue| &queue.name))?;
    check_length("RequestId", &request.request_id)?;
    check_payloads(request.input.as_ref())?;
    if request.memo.as_ref().map_or(0, Message::encoded_len) > limits::MEMO_BYTES {
        return Err(Error::invalid("Memo size exceeds limit."));
    }
    if !request.cron_schedule.is_empty() {
        return Err(Error::Unimplemented("cron schedules are not supported".to_owned()));
    }
    if let Some(wrong) = request.retry_policy.as_ref().and_then(retry::invalid) {
        return Err(Error::invalid(wrong));
    }
    for (name, timeout) in [
        ("WorkflowExecutionTimeout", &request.workflow_execution_timeout),
        ("WorkflowRunTimeout", &request.workflow_run_timeout),
        ("WorkflowTaskTimeout", &request.workflow_task_timeout),
        ("WorkflowStartDelay", &request.workflow_start_delay),
    ] {
        if timeout.is_some_and(|timeout| timeout.seconds < 0 || timeout.nanos < 0) {
            return Err(Error::invalid(format!("Invalid {name}: negative duration.")));
        }
    }
    let terminates = request.workflow_id_reuse_policy() == Reuse::TerminateIfRunning;
    if terminates && request.workflow_id_conflict_policy() != Conflict::Unspecified {
        return Err(Error::invalid(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used \
             together with a WorkflowIDConflictPolicy.",
        ));
    }
    Ok(())
}

/// What the latest run of the workflow id means for the start: it answers, it refuses, or it makes
/// room.
fn existing(
    transition: &mut Transition<'_>,
    request: &StartWorkflowExecutionRequest,
) -> Result<Option<Started>, Error> {
    let Some(number) = transition.executions.current(&request.namespace, &request.workflow_id) else {
        return Ok(None);
    };
    let Some(run) = transition.executions.run(number) else { return Ok(None) };
    if run.identity.request_id == request.request_id {
        return Ok(Some(Started { run: number, by_this_request: true, just_now: false }));
    }
    let in_the_way = |what: &str| {
        Err(Error::AlreadyStarted {
            message: format!(
                "Workflow execution {what}. WorkflowId: {}, RunId: {}.",
                run.identity.workflow_id, run.identity.run_id
            ),
            request_id: run.identity.request_id.clone(),
            run_id: run.identity.run_id.clone(),
            first_run_id: run.start.first_execution_run_id.clone(),
        })
    };
    let reuse = request.workflow_id_reuse_policy();
    if !run.is_open() {
        return match reuse {
            Reuse::RejectDuplicate => in_the_way("already finished"),
            Reuse::AllowDuplicateFailedOnly if run.status == Status::Completed => {
                in_the_way("already finished successfully")
            }
            _ => Ok(None),
        };
    }
    match request.workflow_id_conflict_policy() {
        Conflict::UseExisting => Ok(Some(Started { run: number, by_this_request: false, just_now: false })),
        policy if policy == Conflict::TerminateExisting || reuse == Reuse::TerminateIfRunning => {
            transition.change(number, |run| run.terminate(TERMINATE_REASON, None, "history-service"));
            Ok(None)
        }
        _ => in_the_way("is already running"),
    }
}

fn new_run(transition: &mut Transition<'_>, request: StartWorkflowExecutionRequest) -> NewRun {
    let run_id = transition.new_id();
    let execution_timeout = positive(request.workflow_execution_timeout);
    let run_timeout = match (positive(request.workflow_run_timeout), execution_timeout) {
        (Some(run), Some(execution)) => Some(run.min(execution)),
        (run, execution) => run.or(execution),
    };
    let delay = positive(request.workflow_start_delay).unwrap_or_default();
    let expiration = execution_timeout.map(|timeout| transition.now.after(delay).after(timeout).into());
    let start = WorkflowExecutionStartedEventAttributes {
        workflow_type: request.workflow_type,
        task_queue: request.task_queue.map(|queue| TaskQueue {
            name: queue.name,
            kind: TaskQueueKind::Normal.into(),
            normal_name: String::new(),
        }),
        input: request.input,
        workflow_execution_timeout: request.workflow_execution_timeout,
        workflow_run_timeout: run_timeout.map(duration_to_proto).or(request.workflow_run_timeout),
        workflow_task_timeout: task_timeout_or_default(request.workflow_task_timeout, run_timeout),
        continued_failure: request.continued_failure,
        last_completion_result: request.last_completion_result,
        original_execution_run_id: run_id.clone(),
        identity: request.identity,
        first_execution_run_id: run_id.clone(),
        retry_policy: request.retry_policy.map(|policy| retry::filled(Some(policy))),
        attempt: 1,
        workflow_execution_expiration_time: expiration,
        first_workflow_task_backoff: Some(duration_to_proto(delay)),
        memo: request.memo,
        search_attributes: request.search_attributes,
        header: request.header,
        workflow_id: request.workflow_id.clone(),
        priority: request.priority,
        eager_execution_accepted: request.request_eager_execution && delay.is_zero(),
        ..Default::default()
    };
    NewRun {
        identity: RunIdentity {
            namespace: request.namespace,
            workflow_id: request.workflow_id,
            run_id,
            request_id: request.request_id,
        },
        start: Box::new(start),
        user_metadata: request.user_metadata,
    }
}
