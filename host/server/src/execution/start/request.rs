//! StartWorkflowExecution and SignalWithStartWorkflowExecution.

use host_wire::{
    duration_to_proto,
    temporal::api::{
        common::v1::RetryPolicy,
        enums::v1::{
            ContinueAsNewInitiator as Initiator, TaskQueueKind, WorkflowExecutionStatus as Status,
            WorkflowIdConflictPolicy as Conflict, WorkflowIdReusePolicy as Reuse,
        },
        history::v1::WorkflowExecutionStartedEventAttributes,
        taskqueue::v1::TaskQueue,
        workflowservice::v1::{SignalWithStartWorkflowExecutionRequest, StartWorkflowExecutionRequest},
    },
};
use prost::Message;

use crate::{
    error::Error,
    execution::{
        child::close,
        close::terminate,
        cron,
        damage::Damage,
        executions::Executions,
        loading::NotReady,
        nexus::callback,
        options::{state::current, update::check_override},
        priority,
        record::{RunIdentity, RunNumber},
        request::{check_input, check_length, check_name, check_payloads},
        retry,
        run::Run,
        run_transition::RunTransition,
        signal::receive::{self, Signal},
        successor::NewRun,
        transition::Transition,
        workflow_task::{
            schedule::{schedule_at_once, schedule_task},
            timeout::task_timeout_or_default,
        },
    },
    limits,
    time::positive,
    visibility::registry::Registry,
};

/// The run that a start answers with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Started {
    pub(crate) run: RunNumber,
    /// Whether this request, now or before, started it.
    pub(crate) by_this_request: bool,
    /// Whether it was started just now.
    pub(crate) just_now: bool,
}

/// The effect of the latest run of the workflow id on a start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Existing {
    /// There is none, or it is closed and may be followed.
    No,
    /// The answer names it.
    Answers(Started),
    /// It is open, and the policies of the start terminate it.
    IsTerminated(RunNumber),
}

/// The effect of the latest run of the workflow id on a signal with start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Signaled {
    /// It is open and gets the signal.
    Run(RunNumber),
    /// A run starts, or answers the start.
    Start(Existing),
}

/// Checks a start and looks up the runs that it changes.
///
/// # Errors
///
/// When the request is invalid, its policies refuse it, or a run must be loaded first.
pub(crate) fn prepare(
    executions: &Executions,
    request: &StartWorkflowExecutionRequest,
) -> Result<Existing, NotReady> {
    executions.check_namespace(&request.namespace)?;
    check(request)?;
    check_search_attributes(executions, request)?;
    existing(executions, request)
}

/// Starts a workflow, or answers with the run that the policies name instead.
pub(crate) fn start(
    transition: &mut Transition<'_>,
    request: StartWorkflowExecutionRequest,
    existing: Existing,
) -> Started {
    start_with(transition, request, existing, |_| {})
}

/// The two requests that a signal with start consists of.
pub(crate) fn split(r: SignalWithStartWorkflowExecutionRequest) -> (StartWorkflowExecutionRequest, Signal) {
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

/// Checks a signal with start and looks up the runs that it changes.
///
/// # Errors
///
/// As [`prepare`].
pub(crate) fn prepare_signal(
    executions: &Executions,
    start: &StartWorkflowExecutionRequest,
    signal: &Signal,
) -> Result<Signaled, NotReady> {
    executions.check_namespace(&start.namespace)?;
    check(start)?;
    check_search_attributes(executions, start)?;
    signal.check()?;
    if start.workflow_id_conflict_policy() == Conflict::Fail {
        // It would be a signal with a start that is required.
        return Err(Error::invalid(format!(
            "Invalid WorkflowIDConflictPolicy: {} is not supported for this operation.",
            Conflict::Fail.as_str_name()
        ))
        .into());
    }
    let latest = match executions.latest(&start.namespace, &start.workflow_id) {
        Err(NotReady::Refused(Error::Damaged(damage))) if !damage.is_open() => None,
        latest => latest?,
    };
    let open = latest.and_then(|number| Some((number, executions.get(number).filter(|run| run.is_open())?)));
    let replaces = start.workflow_id_conflict_policy() == Conflict::TerminateExisting
        || start.workflow_id_reuse_policy() == Reuse::TerminateIfRunning;
    match open {
        Some((number, run)) if !replaces && !is_of_request(run, &start.request_id) => {
            Ok(Signaled::Run(number))
        }
        _ => existing(executions, start).map(Signaled::Start),
    }
}

/// Signals the open run of a workflow id, or starts one whose first signal this is.
///
/// # Errors
///
/// When the open run takes no signal.
pub(crate) fn signal_with_start(
    transition: &mut Transition<'_>,
    mut start: StartWorkflowExecutionRequest,
    mut signal: Signal,
    prepared: Signaled,
) -> Result<Started, Error> {
    if start.request_id.is_empty() {
        start.request_id = transition.new_id();
    }
    signal.request_id.clone_from(&start.request_id);
    match prepared {
        Signaled::Run(number) => {
            transition.change(number, |run| {
                receive::receive(run, signal)?;
                // The signal of a signal with start does not wait for a delay, as the start does not that it stands for.
                schedule_at_once(run);
                Ok::<_, Error>(())
            })?;
            Ok(Started { run: number, by_this_request: false, just_now: false })
        }
        Signaled::Start(existing) => {
            Ok(start_with(transition, start, existing, |run| receive::record(run, signal)))
        }
    }
}

/// Starts a run. `first` changes it before its first workflow task is scheduled.
fn start_with(
    transition: &mut Transition<'_>,
    request: StartWorkflowExecutionRequest,
    existing: Existing,
    first: impl FnOnce(&mut RunTransition<'_>),
) -> Started {
    if let Existing::Answers(started) = existing {
        return started;
    }
    let new = new_run(transition, request);
    if let Existing::IsTerminated(number) = existing {
        transition.change(number, |run| terminate::replaced(run, &new.identity.run_id));
    }
    let number = transition.start(new);
    transition.change(number, |run| {
        first(run);
        schedule_task(run);
    });
    Started { run: number, by_this_request: true, just_now: true }
}

/// Why a reuse policy lets no run follow a closed one; nothing where one may.
pub(crate) fn reuse_refusal(reuse: Reuse, closed: Status) -> Option<ReuseRefusal> {
    match (reuse, closed) {
        (Reuse::RejectDuplicate, _) => Some(ReuseRefusal::RejectsDuplicate),
        (
            Reuse::AllowDuplicateFailedOnly,
            Status::Failed | Status::Canceled | Status::Terminated | Status::TimedOut,
        ) => None,
        (Reuse::AllowDuplicateFailedOnly, _) => Some(ReuseRefusal::DidNotFail),
        (Reuse::Unspecified | Reuse::AllowDuplicate | Reuse::TerminateIfRunning, _) => None,
    }
}

/// Why a closed run has no successor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ReuseRefusal {
    RejectsDuplicate,
    DidNotFail,
}

/// Whether a run may follow one that cannot be read. What is not known of that one is taken to stand in the way.
fn may_follow(damage: &Damage, request: &StartWorkflowExecutionRequest) -> bool {
    !damage.is_open() && reuse_refusal(request.workflow_id_reuse_policy(), damage.status()).is_none()
}

/// The effect of the latest run of the workflow id on a start.
///
/// # Errors
///
/// When the policies of the start refuse it, or a run must be loaded first.
pub(crate) fn existing(
    executions: &Executions,
    request: &StartWorkflowExecutionRequest,
) -> Result<Existing, NotReady> {
    let latest = match executions.latest(&request.namespace, &request.workflow_id) {
        Err(NotReady::Refused(Error::Damaged(damage))) if may_follow(&damage, request) => None,
        latest => latest?,
    };
    let Some((number, run)) = latest.and_then(|number| Some((number, executions.get(number)?))) else {
        return Ok(Existing::No);
    };
    if is_of_request(run, &request.request_id) {
        return Ok(Existing::Answers(Started { run: number, by_this_request: true, just_now: false }));
    }
    let reuse = request.workflow_id_reuse_policy();
    if !run.is_open() {
        return match reuse_refusal(reuse, run.status()) {
            Some(ReuseRefusal::RejectsDuplicate) => Err(in_the_way(
                run,
                "already finished",
                " Workflow Id reuse policy: reject duplicate workflow Id.",
            )
            .into()),
            Some(ReuseRefusal::DidNotFail) => Err(in_the_way(
                run,
                "already finished successfully",
                " Workflow Id reuse policy: allow duplicate workflow Id if last run failed.",
            )
            .into()),
            None => Ok(Existing::No),
        };
    }
    match request.workflow_id_conflict_policy() {
        Conflict::UseExisting => {
            Ok(Existing::Answers(Started { run: number, by_this_request: false, just_now: false }))
        }
        policy if policy == Conflict::TerminateExisting || reuse == Reuse::TerminateIfRunning => {
            close::look_up(executions, run, true)?;
            Ok(Existing::IsTerminated(number))
        }
        _ => Err(in_the_way(run, "is already running", "").into()),
    }
}

/// Whether this request started the run before. Requests without id never did.
pub(crate) fn is_of_request(run: &Run, request_id: &str) -> bool {
    !request_id.is_empty() && run.identity().request_id == request_id
}

fn in_the_way(run: &Run, what: &str, policy: &str) -> Error {
    let identity = run.identity();
    Error::AlreadyStarted {
        message: format!(
            "Workflow execution {what}. WorkflowId: {}, RunId: {}.{policy}",
            identity.workflow_id, identity.run_id
        ),
        request_id: identity.request_id.clone(),
        run_id: identity.run_id.clone(),
        first_run_id: run.start().attributes().first_execution_run_id.clone(),
    }
}

/// Checks a start without looking at any run.
///
/// # Errors
///
/// Says which part is invalid.
pub(crate) fn check(request: &StartWorkflowExecutionRequest) -> Result<(), Error> {
    check_name("WorkflowId", &request.workflow_id)?;
    check_name("WorkflowType", request.workflow_type.as_ref().map_or("", |of| &of.name))?;
    let task_queue = request.task_queue.as_ref().map_or("", |queue| &queue.name);
    if task_queue.is_empty() {
        return Err(Error::invalid("taskQueue is not set"));
    }
    check_length("TaskQueue", task_queue)?;
    check_length("RequestId", &request.request_id)?;
    check_input(request.input.as_ref(), request.header.as_ref())?;
    check_payloads(request.last_completion_result.as_ref())?;
    if request.memo.as_ref().map_or(0, Message::encoded_len) > limits::MEMO_BYTES {
        return Err(Error::invalid("Memo size exceeds limit."));
    }
    if let Some(wrong) = cron::invalid(&request.cron_schedule) {
        return Err(Error::invalid(wrong));
    }
    if !request.cron_schedule.is_empty() && request.workflow_start_delay.is_some() {
        return Err(Error::invalid("CronSchedule and WorkflowStartDelay may not be used together."));
    }
    if let Some(wrong) = request.retry_policy.as_ref().and_then(retry::invalid) {
        return Err(Error::invalid(wrong));
    }
    check_override(request.versioning_override.as_ref())?;
    priority::check(request.priority.as_ref())?;
    callback::check(&request.completion_callbacks)?;
    check_policies(request.workflow_id_reuse_policy(), request.workflow_id_conflict_policy())
}

/// Checks the search attributes of a start.
///
/// # Errors
///
/// Says which one is not known, of another type or too large.
pub(crate) fn check_search_attributes(
    executions: &Executions,
    request: &StartWorkflowExecutionRequest,
) -> Result<(), Error> {
    let attributes = request.search_attributes.as_ref();
    executions.search_attributes.check(&request.namespace, attributes)?;
    Registry::check_first_size(attributes)
}

/// Refuses the combinations that Temporal's server refuses (`validateWorkflowIdReusePolicy`).
fn check_policies(reuse: Reuse, conflict: Conflict) -> Result<(), Error> {
    match (reuse, conflict) {
        (Reuse::TerminateIfRunning, Conflict::Unspecified) => Ok(()),
        (Reuse::TerminateIfRunning, _) => Err(Error::invalid(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used \
             together with a WorkflowIDConflictPolicy",
        )),
        // It would only terminate: the run that it ended would be the duplicate that it rejects.
        (Reuse::RejectDuplicate, Conflict::TerminateExisting) => Err(Error::invalid(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be used \
             together with WorkflowIdConflictPolicy WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING",
        )),
        _ => Ok(()),
    }
}

fn new_run(transition: &mut Transition<'_>, mut request: StartWorkflowExecutionRequest) -> NewRun {
    if request.request_id.is_empty() {
        request.request_id = transition.new_id();
    }
    let run_id = transition.new_id();
    let registry = &transition.executions().search_attributes;
    registry.name_types(&request.namespace, request.search_attributes.as_mut());
    let execution_timeout = positive(request.workflow_execution_timeout);
    let run_timeout = match (positive(request.workflow_run_timeout), execution_timeout) {
        (Some(run), Some(execution)) => Some(run.min(execution)),
        (run, execution) => run.or(execution),
    };
    let links = callback::own_links(request.links, &request.completion_callbacks);
    let now = transition.now();
    let delay = positive(request.workflow_start_delay).unwrap_or_default();
    let has_cron = !request.cron_schedule.is_empty();
    let backoff = cron::backoff(&request.cron_schedule, now, now).unwrap_or(delay);
    let expiration = execution_timeout.map(|timeout| now.after(delay).after(timeout).into());
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
        retry_policy: request.retry_policy.map(RetryPolicy::filled),
        attempt: 1,
        workflow_execution_expiration_time: expiration,
        first_workflow_task_backoff: Some(duration_to_proto(backoff)),
        cron_schedule: request.cron_schedule,
        initiator: if has_cron { Initiator::CronSchedule.into() } else { 0 },
        memo: request.memo,
        search_attributes: request.search_attributes,
        header: request.header,
        workflow_id: request.workflow_id.clone(),
        priority: request.priority,
        versioning_override: request.versioning_override.as_ref().map(current),
        completion_callbacks: request.completion_callbacks,
        eager_execution_accepted: request.request_eager_execution && backoff.is_zero(),
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
        links,
    }
}
