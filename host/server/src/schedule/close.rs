//! The end of a workflow that a schedule started, in the transition that closes its last run.

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::Payloads, enums::v1::WorkflowExecutionStatus as Status, failure::v1::Failure,
        history::v1::HistoryEvent,
    },
};
use prost::Message;

use crate::{
    execution::{child::close::is_continued, record::RunNumber, transition::Transition},
    limits,
    schedule::state::Schedule,
};

/// Tells the schedule that started a workflow that it is over, if one did and no other run goes on.
pub(crate) fn closed(transition: &mut Transition<'_>, number: RunNumber) {
    let run = transition.run(number);
    let Some(closing) = run.history().last().filter(|closing| !is_continued(closing)) else { return };
    let names = run.identity();
    let first_run_id = run.start().attributes().first_execution_run_id.clone();
    let (namespace, workflow_id) = (names.namespace.clone(), names.workflow_id.clone());
    let schedules = &transition.executions().schedules;
    let Some(schedule) = schedules.that_started(&namespace, &workflow_id, &first_run_id) else { return };
    // A reset or a retry may go on with it.
    let latest = transition.executions().known_latest(names).filter(|latest| *latest != number);
    let latest = latest.and_then(|latest| transition.executions().get(latest));
    if latest
        .is_some_and(|run| run.is_open() && run.start().attributes().first_execution_run_id == first_run_id)
    {
        return;
    }
    let mut schedule = schedule.clone();
    schedule.hear_of_end(&workflow_id, End::new(run.status(), closing));
    transition.put_schedule(schedule);
}

/// How a workflow ended.
struct End {
    status: Status,
    result: Option<Payloads>,
    failure: Option<Failure>,
}

impl End {
    fn new(status: Status, closing: HistoryEvent) -> Self {
        let (mut result, mut failure) = (None, None);
        match closing.attributes {
            Some(EventAttributes::WorkflowExecutionCompletedEventAttributes(closed)) => {
                result = closed.result
            }
            Some(EventAttributes::WorkflowExecutionFailedEventAttributes(closed)) => failure = closed.failure,
            _ => {}
        }
        // The next run starts with either in one event.
        Self {
            status,
            result: result.filter(|result| result.encoded_len() <= limits::BLOB_BYTES),
            failure: failure.filter(|failure| failure.encoded_len() <= limits::BLOB_BYTES),
        }
    }
}

impl Schedule {
    fn hear_of_end(&mut self, workflow_id: &str, end: End) {
        self.forget_running(workflow_id, end.status);
        let is_failure = matches!(end.status, Status::Failed | Status::TimedOut);
        if is_failure && self.policies().pause_on_failure && !self.state().paused {
            let notes = match end.status {
                Status::Failed => {
                    let message = end.failure.as_ref().map_or("", |failure| &failure.message);
                    format!("paused due to workflow failure: {workflow_id}: {message}")
                }
                _ => format!("paused due to workflow timeout: {workflow_id}"),
            };
            let state = self.state_mut();
            (state.paused, state.notes) = (true, notes);
            self.raise_token();
        }
        if end.result.is_some() {
            (self.outcome.result, self.outcome.failure) = (end.result, None);
        } else if end.failure.is_some() {
            // The result before stays.
            self.outcome.failure = end.failure;
        }
    }

    /// A workflow is over. What waits for that is due.
    pub(super) fn forget_running(&mut self, workflow_id: &str, status: Status) {
        let info = self.info_mut();
        info.running_workflows.retain(|it| it.workflow_id != workflow_id);
        let of_it = info.recent_actions.iter_mut().rev().find(|action| {
            action.start_workflow_result.as_ref().is_some_and(|it| it.workflow_id == workflow_id)
        });
        if let Some(action) = of_it.filter(|_| status != Status::Unspecified) {
            action.start_workflow_status = status.into();
        }
        if !self.progress.buffered.is_empty() || !self.progress.backfills.is_empty() {
            self.progress.is_woken = true;
        }
    }
}
