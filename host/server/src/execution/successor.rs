//! The run that follows another of the same workflow id: continue-as-new, retry and cron.

use std::time::Duration;

use host_wire::{
    Retry, duration_to_proto,
    temporal::api::{
        command::v1::ContinueAsNewWorkflowExecutionCommandAttributes,
        common::v1::{Link, Payloads},
        enums::v1::{ContinueAsNewInitiator, RetryState, TaskQueueKind},
        failure::v1::Failure,
        history::v1::WorkflowExecutionStartedEventAttributes,
        sdk::v1::UserMetadata,
        taskqueue::v1::TaskQueue,
    },
};

use crate::{
    execution::{
        cron, failure,
        record::RunIdentity,
        retry::{DelayBound, next_attempt},
        run::Run,
        versioning::inherit::Inherited,
    },
    limits,
    time::{Time, positive},
};

/// A run that is about to start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NewRun {
    pub(crate) identity: RunIdentity,
    pub(crate) start: Box<WorkflowExecutionStartedEventAttributes>,
    pub(crate) user_metadata: Option<UserMetadata>,
    /// Of its first event.
    pub(crate) links: Vec<Link>,
}

/// The next attempt after a run failed or timed out, if its retry policy has one.
fn retry_run(run: &Run, failure: &Failure, now: Time, new_run_id: String) -> Result<Box<NewRun>, RetryState> {
    let expires = run.start().execution_expires();
    let attempt = run.start().attributes().attempt;
    let policy = run.start().attributes().retry_policy.as_ref();
    match next_attempt(policy, attempt, failure, DelayBound::MaximumInterval, expires, now) {
        Retry::No(state) => Err(state),
        Retry::After(backoff) => {
            let mut next = following(run, new_run_id);
            next.start.attempt = attempt.saturating_add(1);
            Inherited::of_retry(run).put_into(&mut next.start);
            next.start.initiator = ContinueAsNewInitiator::Retry.into();
            next.start.continued_failure = Some(failure::within(failure, limits::CONTINUED_FAILURE_BYTES));
            next.start.first_workflow_task_backoff = Some(duration_to_proto(paced(run, backoff, now)));
            Ok(Box::new(next))
        }
    }
}

/// The next run by the cron schedule, if this one has a schedule with a later time. `result` is that of a run that
/// completed; after a failure the next run gets the last result that there was.
pub(crate) fn cron_run(
    run: &Run,
    result: Result<Option<Payloads>, &Failure>,
    now: Time,
    new_run_id: String,
) -> Option<Box<NewRun>> {
    let schedule = &run.start().attributes().cron_schedule;
    let backoff = cron::backoff(schedule, run.start().execution_time(), now)?;
    if run.start().execution_expires().is_some_and(|expires| now.after(backoff) >= expires) {
        return None;
    }
    let mut next = following(run, new_run_id);
    next.start.attempt = 1;
    Inherited::of_cron(run).put_into(&mut next.start);
    next.start.initiator = ContinueAsNewInitiator::CronSchedule.into();
    next.start.first_workflow_task_backoff = Some(duration_to_proto(paced(run, backoff, now)));
    match result {
        Ok(result) => {
            next.start.last_completion_result = result;
            next.start.continued_failure = None;
        }
        Err(failure) => {
            next.start.continued_failure = Some(failure::within(failure, limits::CONTINUED_FAILURE_BYTES));
        }
    }
    Some(Box::new(next))
}

/// The next run after a run failed or timed out: by its retry policy, else by its cron schedule.
pub(crate) fn retry_or_cron(
    run: &Run,
    failure: &Failure,
    now: Time,
    new_run_id: String,
) -> (RetryState, Option<Box<NewRun>>) {
    match retry_run(run, failure, now, new_run_id.clone()) {
        Ok(next) => (RetryState::InProgress, Some(next)),
        Err(state) => (state, cron_run(run, Err(failure), now, new_run_id)),
    }
}

/// `new_execution_run_id` of an event that closes a run: empty where no run follows.
pub(crate) fn run_id_of(next: Option<&NewRun>) -> String {
    next.map(|next| next.identity.run_id.clone()).unwrap_or_default()
}

/// The next run after ContinueAsNewWorkflowExecution. What the command leaves out is taken from this run.
pub(crate) fn continue_as_new(
    run: &Run,
    command: &ContinueAsNewWorkflowExecutionCommandAttributes,
    now: Time,
    new_run_id: String,
) -> Box<NewRun> {
    let mut next = following(run, new_run_id);
    let start = &mut next.start;
    start.attempt = 1;
    // Without the version, where its workers do not poll another queue: see `effects`.
    Inherited::of_continued(run).put_into(start);
    start.initiator = match command.initiator() {
        ContinueAsNewInitiator::Unspecified => ContinueAsNewInitiator::Workflow.into(),
        given => given.into(),
    };
    start.continued_failure.clone_from(&command.failure);
    start.last_completion_result.clone_from(&command.last_completion_result);
    start.input.clone_from(&command.input);
    start.header.clone_from(&command.header);
    start.cron_schedule.clone_from(&command.cron_schedule);
    start.retry_policy.clone_from(&command.retry_policy);
    let asked = positive(command.backoff_start_interval).unwrap_or_default();
    let backoff = paced(run, asked, now);
    start.first_workflow_task_backoff = (!backoff.is_zero()).then(|| duration_to_proto(backoff));
    if command.workflow_type.as_ref().is_some_and(|workflow_type| !workflow_type.name.is_empty()) {
        start.workflow_type.clone_from(&command.workflow_type);
    }
    if let Some(queue) = command.task_queue.as_ref().filter(|queue| !queue.name.is_empty()) {
        start.task_queue = Some(TaskQueue { kind: TaskQueueKind::Normal.into(), ..queue.clone() });
    }
    if positive(command.workflow_run_timeout).is_some() {
        start.workflow_run_timeout = command.workflow_run_timeout;
    }
    // Temporal's server writes that there is none.
    start.workflow_run_timeout.get_or_insert_default();
    if positive(command.workflow_task_timeout).is_some() {
        start.workflow_task_timeout = command.workflow_task_timeout;
    }
    if command.memo.is_some() {
        start.memo.clone_from(&command.memo);
    }
    if command.search_attributes.is_some() {
        start.search_attributes.clone_from(&command.search_attributes);
    }
    Box::new(next)
}

/// The backoff of the next run: what was asked for, or more, so that two runs start at least
/// [`limits::CONTINUE_AS_NEW_INTERVAL`] apart.
fn paced(run: &Run, asked: Duration, now: Time) -> Duration {
    let lived = now.since(run.start().execution_time());
    if lived.saturating_add(asked) < limits::CONTINUE_AS_NEW_INTERVAL {
        limits::CONTINUE_AS_NEW_INTERVAL - lived
    } else {
        asked
    }
}

/// A next run with everything that it takes from this one.
fn following(run: &Run, new_run_id: String) -> NewRun {
    let mut start = Box::new(run.start().attributes().clone());
    start.continued_execution_run_id.clone_from(&run.identity().run_id);
    start.original_execution_run_id.clone_from(&new_run_id);
    start.eager_execution_accepted = false;
    start.identity.clear();
    start.priority = run.options().priority().cloned();
    start.memo = run.attributes().memo();
    start.search_attributes = run.attributes().search_attributes();
    start.prev_auto_reset_points = run.reset_points().all();
    NewRun {
        identity: RunIdentity {
            namespace: run.identity().namespace.clone(),
            workflow_id: run.identity().workflow_id.clone(),
            request_id: new_run_id.clone(),
            run_id: new_run_id,
        },
        start,
        user_metadata: run.start().user_metadata().cloned(),
        links: Vec::new(),
    }
}
