//! Fires timers, timeouts and retries of a run whose time has come.

use crate::{
    execution::{
        activity, child, close,
        deadline::Deadline,
        executions::Executions,
        loading::NotReady,
        nexus::{self, failure::CallError},
        record::RunNumber,
        run::Run,
        run_transition::RunTransition,
        timer, workflow_task,
    },
    time::Time,
};

/// Answers whether a deadline of the run has passed, and looks up the runs that change when it closes the run.
///
/// # Errors
///
/// When a run must be loaded first, or this one is damaged.
pub(crate) fn prepare(executions: &Executions, number: RunNumber, now: Time) -> Result<bool, NotReady> {
    let Some((run, deadline)) = executions.run(number)?.and_then(|run| Some((run, due(run, now)?))) else {
        return Ok(false);
    };
    if closes_run(&deadline) {
        child::close::look_up(executions, run, true)?;
    }
    Ok(true)
}

/// Deadlines of a run that one transition handles: it holds the lock, and a run may have tens of thousands.
const DEADLINES_AT_ONCE: usize = 256;

/// Handles deadlines that have passed, in order, up to [`DEADLINES_AT_ONCE`]. A deadline that closes the run changes other runs, which
/// [`prepare`] looks up for the first deadline only: if it is not the first, it is left to the next transition.
pub(crate) fn pass_time(run: &mut RunTransition<'_>) {
    for handled in 0..DEADLINES_AT_ONCE {
        let Some(deadline) = due(run, run.now()) else { return };
        if closes_run(&deadline) && handled > 0 {
            return;
        }
        match deadline {
            Deadline::HistoryTooLarge => close::terminate::too_large(run),
            Deadline::Run => close::time_out::time_out(run),
            Deadline::FirstWorkflowTask => workflow_task::schedule::first_task_due(run),
            Deadline::WorkflowTask => workflow_task::end::time_out(run),
            Deadline::Timer(id) => timer::fire::fire(run, &id),
            Deadline::ActivityRetry(id) => activity::attempt::ready(run, id),
            Deadline::ActivityTimeout(id, kind) => activity::attempt::time_out(run, id, kind),
            Deadline::NexusRetry(id) => nexus::call::ready(run, id),
            Deadline::NexusRequest(id) => nexus::call::fail(run, id, CallError::TimedOut),
            Deadline::NexusTimeout(id) => nexus::call::time_out(run, id),
        }
    }
}

fn due(run: &Run, now: Time) -> Option<Deadline> {
    run.next_deadline().filter(|(time, _)| *time <= now).map(|(_, deadline)| deadline)
}

fn closes_run(deadline: &Deadline) -> bool {
    match deadline {
        Deadline::HistoryTooLarge | Deadline::Run => true,
        Deadline::FirstWorkflowTask
        | Deadline::WorkflowTask
        | Deadline::Timer(_)
        | Deadline::ActivityRetry(_)
        | Deadline::ActivityTimeout(..)
        | Deadline::NexusRetry(_)
        | Deadline::NexusRequest(_)
        | Deadline::NexusTimeout(_) => false,
    }
}
