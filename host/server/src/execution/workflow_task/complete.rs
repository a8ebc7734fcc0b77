//! RespondWorkflowTaskCompleted: turns commands into events.

use heck::ToUpperCamelCase as _;
use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::Command,
        deployment::v1::WorkerDeploymentVersion,
        enums::v1::{VersioningBehavior, WorkflowTaskFailedCause as Cause},
        failure::v1::{Failure, ServerFailureInfo, failure::FailureInfo},
        history::v1::WorkflowTaskCompletedEventAttributes,
        protocol::v1::Message,
        taskqueue::v1::StickyExecutionAttributes,
        workflowservice::v1::RespondWorkflowTaskCompletedRequest,
    },
};

use crate::{
    deployment::version::version_of,
    error::Error,
    execution::{
        activity::attempt,
        buffer::flush::flush,
        close::terminate,
        commands::{self, Planned},
        executions::Executions,
        fact::{Sticky, UnrecordedChange},
        loading::NotReady,
        nexus,
        plan::{BadCommand, Plan, Refused, bad},
        run::Run,
        run_transition::{Effect, RunTransition},
        token::TaskToken,
        transition::Transition,
        update::{
            self,
            plan::{Steps, UpdatePlan},
            respond, send,
        },
        versioning::transition::{Before, send_tasks_again, serves},
        worker::Worker,
        workflow_task::{
            end,
            events::store_events,
            schedule::schedule_task,
            speculative,
            start::{Start, start_task},
        },
    },
    limits,
    time::Time,
};

/// Tasks that the worker gets with the answer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Completed {
    /// Whether the next workflow task is started already.
    pub(crate) next_task: bool,
    /// Scheduled event ids of activities that are started already.
    pub(crate) eager_activities: Vec<i64>,
    /// The last event that the worker keeps, when nothing remains of the task. The worker goes back to it.
    pub(crate) reset_history_event_id: Option<i64>,
}

/// Checks the token of a completion and looks up all runs that its commands change.
///
/// # Errors
///
/// When the token is not that of a started workflow task, or a run must be loaded first.
pub(crate) fn prepare(
    executions: &Executions,
    token: &TaskToken,
    request: &RespondWorkflowTaskCompletedRequest,
) -> Result<(), NotReady> {
    let run = token.check_task(executions, &request.namespace)?;
    for command in &request.commands {
        commands::look_up(executions, run, command)?;
    }
    Ok(())
}

/// Completes a workflow task.
///
/// # Errors
///
/// When a command is invalid or not supported. After `Refused::Bad` the workflow task has failed all the same.
pub(crate) fn complete(
    transition: &mut Transition<'_>,
    token: &TaskToken,
    mut request: RespondWorkflowTaskCompletedRequest,
    in_process: bool,
) -> Result<Completed, Error> {
    check_behavior(&request)?;
    let messages = std::mem::take(&mut request.messages);
    let mut commands = std::mem::take(&mut request.commands);
    let run = transition.run(token.run);
    if commands.is_empty()
        && messages.is_empty()
        && request.force_create_new_workflow_task
        && heartbeats_too_long(run, transition.now())
    {
        transition.change(token.run, end::time_out);
        return Err(Error::NotFound("workflow task heartbeat timeout".to_owned()));
    }
    let executions = transition.executions();
    let checked = check_binary(executions, run, &request.binary_checksum)
        .and_then(|()| check(run, executions, &mut commands, messages));
    let updates = match checked {
        Ok(updates) => updates,
        Err(Refused::Invalid(message)) => return Err(Error::InvalidArgument(message)),
        Err(Refused::Bad(bad)) => return Err(refuse(transition, token, &bad, &request.identity, false)),
        Err(Refused::Fatal(bad)) => return Err(refuse(transition, token, &bad, &request.identity, true)),
    };
    let endpoints = &executions.endpoints;
    let endpoint_ids = commands.iter().filter_map(|it| nexus::schedule::endpoint_id(endpoints, it)).collect();
    Ok(transition.change(token.run, |run| {
        if speculative::may_be_dropped(run, &request, commands.len(), &updates) {
            drop_speculative(run, request, updates, in_process)
        } else {
            record(run, request, commands, Planned { updates, endpoint_ids, eager: Vec::new() }, in_process)
        }
    }))
}

/// Workers without a version have no say in where the next task goes.
fn check_behavior(request: &RespondWorkflowTaskCompletedRequest) -> Result<(), Error> {
    let is_versioned =
        request.deployment.is_some() || version_of(request.deployment_options.as_ref()).is_some();
    if request.versioning_behavior() == VersioningBehavior::Unspecified || is_versioned {
        return Ok(());
    }
    Err(Error::invalid(
        "versioning behavior cannot be specified without deployment options being set with versioned mode",
    ))
}

fn heartbeats_too_long(run: &Run, now: Time) -> bool {
    run.workflow_tasks().heartbeats_since().is_some_and(|since| now > since.after(limits::TASK_HEARTBEATS))
}

fn check_binary(executions: &Executions, run: &Run, checksum: &str) -> Result<(), Refused> {
    if executions.namespaces.has_bad_binary(&run.identity().namespace, checksum) {
        return Err(bad(Cause::BadBinary, format!("binary {checksum} is marked as bad deployment")));
    }
    Ok(())
}

fn check(
    run: &Run,
    executions: &Executions,
    commands: &mut [Command],
    messages: Vec<Message>,
) -> Result<Steps, Refused> {
    let mut plan = Plan::new(run, executions, UpdatePlan::new(messages));
    commands.iter_mut().try_for_each(|command| commands::check(&mut plan, command))?;
    respond::check_remaining(plan)
}

/// Fails the task because of a command, and terminates the run if that is fatal. From the second attempt on, the task is
/// left to time out instead, so that its worker does not retry in a tight loop.
fn refuse(
    transition: &mut Transition<'_>,
    token: &TaskToken,
    bad: &BadCommand,
    identity: &str,
    is_fatal: bool,
) -> Error {
    // `WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND` is `UnhandledCommand` to clients.
    let name =
        bad.cause.as_str_name().trim_start_matches("WORKFLOW_TASK_FAILED_CAUSE_").to_upper_camel_case();
    let message = if bad.message.is_empty() { name } else { format!("{name}: {}", bad.message) };
    if token.attempt == 1 || bad.cause == Cause::UnhandledCommand {
        let failure = Failure {
            message: message.clone(),
            failure_info: Some(FailureInfo::ServerFailureInfo(ServerFailureInfo { non_retryable: false })),
            ..Failure::default()
        };
        transition.change(token.run, |run| {
            update::end::abort_sent(run);
            if is_fatal {
                end::fail_last(run, bad.cause, Some(failure), identity);
                terminate::terminate(run, &message, None, "history-service");
            } else {
                end::fail(run, bad.cause, Some(failure), identity, "");
            }
        });
    }
    Error::InvalidArgument(message)
}

fn record(
    run: &mut RunTransition<'_>,
    request: RespondWorkflowTaskCompletedRequest,
    commands: Vec<Command>,
    mut planned: Planned,
    in_process: bool,
) -> Completed {
    let worker = worker(&request, in_process);
    let (force_new, return_new) = (request.force_create_new_workflow_task, request.return_new_workflow_task);
    let scheduled = run.workflow_tasks().task().map(|task| task.scheduled_time);
    let since = run.workflow_tasks().heartbeats_since().or(scheduled);
    let version = Before::of(run);
    let completed_id = record_completed(run, request, &worker);
    send_tasks_again(run, &version);
    if force_new && commands.is_empty() {
        run.unrecorded(UnrecordedChange::TaskHeartbeat(since.unwrap_or(run.now()).into()));
    }
    run.begin_commands(force_new);
    for command in commands {
        commands::record(run, completed_id, command, &worker.identity, &mut planned);
    }
    planned.updates.remaining.into_iter().for_each(|step| respond::record(run, step));
    let wants_task = run.end_commands();
    let mut completed = Completed::default();
    if !run.is_open() {
        return completed;
    }
    if !force_new {
        update::end::reject_unprocessed(run);
    }
    send::detach(run);
    for id in planned.eager {
        if serves(run, &worker) && attempt::start(run, id, (1, 0), &worker) {
            completed.eager_activities.push(id);
        } else {
            run.effect(Effect::Activity(id));
        }
    }
    let is_in_transition = run.versioning().transition().is_some();
    // Else a worker of the version that the run is on, or on its way to, has to poll.
    let return_new = return_new && serves(run, &worker);
    if flush(run) || wants_task || is_in_transition {
        schedule_task(run);
    } else {
        schedule_for_updates(run, return_new);
    }
    if return_new {
        completed.next_task = start_next(run, &worker, force_new);
    }
    completed
}

fn worker(request: &RespondWorkflowTaskCompletedRequest, in_process: bool) -> Worker {
    Worker {
        identity: request.identity.clone(),
        version: request.worker_version_stamp.clone(),
        deployment: version_of(request.deployment_options.as_ref()),
        in_process,
    }
}

/// Schedules a task for updates that came while the worker had the last one: a speculative one, if the worker gets it
/// with the answer.
fn schedule_for_updates(run: &mut RunTransition<'_>, return_new: bool) {
    if run.workflow_tasks().task().is_some() || !run.updates().has_unsent() {
        return;
    }
    if return_new {
        speculative::schedule(run);
    } else {
        schedule_task(run);
    }
}

/// Starts the next task for the worker that completed the last, if there is one.
fn start_next(run: &mut RunTransition<'_>, worker: &Worker, after_heartbeat: bool) -> bool {
    let Some(task) = run.workflow_tasks().task() else { return false };
    let (scheduled_event_id, attempt) = (task.scheduled_event_id, task.attempt);
    start_task(run, scheduled_event_id, attempt, worker, Start::Inline { after_heartbeat })
}

/// Completes a speculative task of which nothing remains: its worker rejected every update.
fn drop_speculative(
    run: &mut RunTransition<'_>,
    request: RespondWorkflowTaskCompletedRequest,
    updates: Steps,
    in_process: bool,
) -> Completed {
    let worker = worker(&request, in_process);
    speculative::drop_task(run);
    updates.remaining.into_iter().for_each(|step| respond::record(run, step));
    update::end::reject_unprocessed(run);
    let return_new = request.return_new_workflow_task && serves(run, &worker);
    if serves(run, &worker) {
        keep_sticky(run, request.sticky_attributes);
    }
    schedule_for_updates(run, return_new);
    Completed {
        next_task: return_new && start_next(run, &worker, false),
        reset_history_event_id: Some(run.workflow_tasks().previous_started_event_id()),
        ..Completed::default()
    }
}

/// Keeps the queue on which the worker wants the next task of the run.
fn keep_sticky(run: &mut RunTransition<'_>, attributes: Option<StickyExecutionAttributes>) {
    let sticky = attributes.and_then(|sticky| {
        let queue = sticky.worker_task_queue?.name;
        let schedule_to_start_timeout = sticky.schedule_to_start_timeout;
        (!queue.is_empty()).then_some(Sticky { queue, schedule_to_start_timeout })
    });
    if sticky != run.workflow_tasks().sticky().cloned() {
        run.unrecorded(UnrecordedChange::Sticky(sticky.unwrap_or_default()));
    }
}

/// Records `WorkflowTaskCompleted`, after the events of a transient or speculative task, and keeps the sticky queue.
fn record_completed(
    run: &mut RunTransition<'_>,
    request: RespondWorkflowTaskCompletedRequest,
    worker: &Worker,
) -> i64 {
    store_events(run, request.worker_version_stamp.clone());
    let ids = run
        .workflow_tasks()
        .started_task()
        .map(|(task, started)| (task.scheduled_event_id, started.event_id));
    let (scheduled_event_id, started_event_id) = ids.unwrap_or_default();
    let of_older = request.deployment.filter(|it| !it.series_name.is_empty() && !it.build_id.is_empty());
    let options = request.deployment_options.unwrap_or_default();
    let version = version_of(Some(&options)).or(of_older.as_ref().map(|older| WorkerDeploymentVersion {
        deployment_name: older.series_name.clone(),
        build_id: older.build_id.clone(),
    }));
    let name = match options.deployment_name {
        name if name.is_empty() => of_older.map(|older| older.series_name).unwrap_or_default(),
        name => name,
    };
    let completed_id = run.record(EventAttributes::WorkflowTaskCompletedEventAttributes(Box::new(
        WorkflowTaskCompletedEventAttributes {
            scheduled_event_id,
            started_event_id,
            identity: request.identity,
            binary_checksum: request.binary_checksum,
            worker_version: request.worker_version_stamp,
            sdk_metadata: request.sdk_metadata,
            metering_metadata: request.metering_metadata,
            worker_deployment_name: name,
            deployment_version: version,
            versioning_behavior: request.versioning_behavior,
            ..Default::default()
        },
    )));
    if serves(run, worker) {
        keep_sticky(run, request.sticky_attributes);
    }
    completed_id
}
