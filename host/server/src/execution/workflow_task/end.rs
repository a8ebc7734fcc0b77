//! Workflow tasks that do not complete: failed, timed out, closed with their run.

use host_wire::{
    EventAttributes,
    temporal::api::{
        enums::v1::{TimeoutType, WorkflowTaskFailedCause},
        failure::v1::Failure,
        history::v1::{WorkflowTaskFailedEventAttributes, WorkflowTaskTimedOutEventAttributes},
    },
};

use crate::execution::{
    buffer::flush::flush,
    fact::{Sticky, UnrecordedChange},
    run_transition::RunTransition,
    update::send,
    workflow_task::schedule::reschedule,
};

/// Fails the task that a worker has and schedules the next.
pub(crate) fn fail(
    run: &mut RunTransition<'_>,
    cause: WorkflowTaskFailedCause,
    failure: Option<Failure>,
    identity: &str,
    binary_checksum: &str,
) {
    close_as_failed(run, cause, failure, identity, binary_checksum);
    send::detach(run);
    let flushed = flush(run);
    reschedule(run, flushed);
}

/// Fails the task that a worker has, after which the run is closed.
pub(crate) fn fail_last(
    run: &mut RunTransition<'_>,
    cause: WorkflowTaskFailedCause,
    failure: Option<Failure>,
    identity: &str,
) {
    close_as_failed(run, cause, failure, identity, "");
    flush(run);
}

/// Closes the workflow task before an event that closes the run: it fails with `ForceCloseCommand`, and buffered
/// events are flushed.
pub(crate) fn force_closed(run: &mut RunTransition<'_>) {
    if run.workflow_tasks().started_task().is_some() {
        close_as_failed(run, WorkflowTaskFailedCause::ForceCloseCommand, None, "history-service", "");
        flush(run);
    }
}

/// Takes the task from its worker and flushes the events that wait for it, as Temporal's server does when they are more
/// than [`crate::limits::BUFFERED_EVENTS`] or [`crate::limits::BUFFERED_BYTES`]. The next task has them.
pub(crate) fn flush_full_buffer(run: &mut RunTransition<'_>) {
    fail(run, WorkflowTaskFailedCause::ForceCloseCommand, None, "history-service", "");
}

/// Times out the task: schedule-to-start on a sticky queue, or start-to-close. Schedules the next.
pub(crate) fn time_out(run: &mut RunTransition<'_>) {
    run.store_speculative_task("", None);
    let Some(task) = run.workflow_tasks().task() else { return };
    let started_event_id = task.started.as_ref().map(|started| started.event_id);
    let scheduled_event_id = task.scheduled_event_id;
    if task.is_transient() {
        run.unrecorded(UnrecordedChange::TransientFailed(run.now().into()));
    } else {
        let timeout_type = match started_event_id {
            Some(_) => TimeoutType::StartToClose,
            None => TimeoutType::ScheduleToStart,
        };
        run.record(EventAttributes::WorkflowTaskTimedOutEventAttributes(Box::new(
            WorkflowTaskTimedOutEventAttributes {
                scheduled_event_id,
                started_event_id: started_event_id.unwrap_or_default(),
                timeout_type: timeout_type.into(),
            },
        )));
    }
    send::detach(run);
    let flushed = flush(run);
    reschedule(run, flushed);
}

fn close_as_failed(
    run: &mut RunTransition<'_>,
    cause: WorkflowTaskFailedCause,
    failure: Option<Failure>,
    identity: &str,
    binary_checksum: &str,
) {
    if run.workflow_tasks().started_task().is_none() {
        return;
    }
    run.store_speculative_task(identity, None);
    let Some((task, started)) = run.workflow_tasks().started_task() else { return };
    if task.is_transient() {
        run.unrecorded(UnrecordedChange::TransientFailed(run.now().into()));
        return;
    }
    let (scheduled_event_id, started_event_id) = (task.scheduled_event_id, started.event_id);
    run.record(EventAttributes::WorkflowTaskFailedEventAttributes(Box::new(
        WorkflowTaskFailedEventAttributes {
            scheduled_event_id,
            started_event_id,
            cause: cause.into(),
            failure,
            identity: identity.to_owned(),
            binary_checksum: binary_checksum.to_owned(),
            ..Default::default()
        },
    )));
}

/// Sends the next task to the normal queue.
pub(crate) fn clear_sticky(run: &mut RunTransition<'_>) {
    if run.workflow_tasks().sticky().is_some() {
        run.unrecorded(UnrecordedChange::Sticky(Sticky::default()));
    }
}
