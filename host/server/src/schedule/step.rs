//! A step of a schedule: what a time that came, or a request, makes of it.
//!
//! It is worked out before the transition, on a copy ([`Plan`]), because what can be started depends on runs that may
//! have to be loaded first. [`super::apply`] then does it.

use std::collections::HashSet;

use host_wire::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::WorkflowExecutionStatus as Status,
    schedule::v1::{ScheduleActionResult, SchedulePatch},
    workflowservice::v1::StartWorkflowExecutionRequest,
};

use crate::{
    error::Error,
    execution::{
        child::close,
        executions::Executions,
        loading::NotReady,
        record::RunNumber,
        start::request::{self as start, Existing},
    },
    limits,
    schedule::{buffer, record::BufferedStart, request, state::Schedule, times::at},
    time::Time,
};

/// What a step makes of a schedule, and of runs.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) schedule: Schedule,
    pub(crate) actions: Vec<Action>,
    /// Whether the schedule has nothing to do any more and is deleted.
    pub(crate) ends: bool,
}

/// Something that a step does beside the schedule.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Starts a workflow. The schedule has its id already, without the run's.
    Start {
        request: Box<StartWorkflowExecutionRequest>,
        existing: Existing,
    },
    Cancel(RunNumber),
    Terminate(RunNumber),
}

/// What a request asks of a schedule, in the middle of a step: times that passed before it are taken as the schedule
/// was.
pub(crate) trait Change {
    /// Changes the schedule.
    fn change(self, schedule: &mut Schedule, now: Time);
}

/// Nothing but the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wake;

impl Change for Wake {
    fn change(self, _: &mut Schedule, _: Time) {}
}

impl Change for SchedulePatch {
    fn change(self, schedule: &mut Schedule, now: Time) {
        if let Some(trigger) = self.trigger_immediately {
            let time = trigger.scheduled_time.map_or(now, Time::from);
            schedule.add_start(at(time), trigger.overlap_policy(), true);
        }
        for mut backfill in self.backfill_request {
            if schedule.progress.backfills.len() >= limits::SCHEDULE_BUFFER {
                schedule.info_mut().buffer_dropped += 1;
                continue;
            }
            // A time that is the start of a backfill belongs to it.
            let start = backfill.start_time.map(Time::from).unwrap_or_default();
            backfill.start_time = Some(start.before(limits::SCHEDULE_BACKFILL_MARGIN).into());
            schedule.progress.backfills.push(backfill);
        }
        for (notes, paused) in [(self.pause, true), (self.unpause, false)] {
            if !notes.is_empty() {
                let state = schedule.state_mut();
                (state.paused, state.notes) = (paused, notes);
                schedule.raise_token();
            }
        }
    }
}

/// Works out a step.
///
/// # Errors
///
/// When a run must be loaded first.
pub(crate) fn plan(
    executions: &Executions,
    schedule: &Schedule,
    change: impl Change,
    now: Time,
) -> Result<Plan, NotReady> {
    let mut step =
        Step { executions, schedule: schedule.clone(), now, actions: Vec::new(), started: HashSet::new() };
    step.verify_running()?;
    step.schedule.progress.is_woken = false;
    let is_complete = step.schedule.take_passed_times(now);
    change.change(&mut step.schedule, now);
    step.schedule.take_backfills(now);
    while step.take_buffer()? {}
    let ends = is_complete && step.schedule.is_expired(now);
    Ok(Plan { schedule: step.schedule, actions: step.actions, ends })
}

struct Step<'a> {
    executions: &'a Executions,
    schedule: Schedule,
    now: Time,
    actions: Vec<Action>,
    /// Ids of the workflows that this step starts.
    started: HashSet<String>,
}

impl Step<'_> {
    /// Looks whether workflows still run whose end may not have been heard of.
    fn verify_running(&mut self) -> Result<(), NotReady> {
        if !self.schedule.is_unverified {
            return Ok(());
        }
        let mut ended = Vec::new();
        for it in &self.schedule.info().running_workflows {
            if !is_running(self.executions, &self.schedule.identity.namespace, it)? {
                ended.push(it.clone());
            }
        }
        for ended in ended {
            self.schedule.forget_running(&ended.workflow_id, Status::Unspecified);
        }
        self.schedule.is_unverified = false;
        Ok(())
    }

    /// Starts what the policies let start now. Answers whether more can be done at once: what could not be started
    /// makes room for the next.
    fn take_buffer(&mut self) -> Result<bool, NotReady> {
        let buffer = std::mem::take(&mut self.schedule.progress.buffered);
        if self.schedule.workflow().is_none() || buffer.is_empty() {
            return Ok(false);
        }
        let is_running = !self.schedule.info().running_workflows.is_empty();
        let decision = buffer::decide(buffer, is_running, |policy| self.schedule.resolve(policy));
        self.schedule.progress.buffered = decision.waiting;
        self.schedule.info_mut().overlap_skipped += decision.skipped;
        let mut again = false;
        for start in decision.overlapping {
            again |= !self.start(&start, false)?;
        }
        if let Some(start) = decision.alone {
            again |= !self.start(&start, true)?;
        }
        if decision.terminates || decision.cancels {
            self.end_running(decision.terminates)?;
        }
        Ok(again)
    }

    /// Starts a workflow; answers whether it did.
    fn start(&mut self, start: &BufferedStart, is_alone: bool) -> Result<bool, NotReady> {
        if !start.is_manual && !self.schedule.may_act() {
            return Ok(false);
        }
        if !start.is_manual && self.schedule.state().limited_actions {
            self.schedule.state_mut().remaining_actions -= 1;
            self.schedule.raise_token();
        }
        let Some(request) = request::start_request(&self.schedule, start) else { return Ok(false) };
        let existing = match self.existing(&request) {
            Ok(existing) => existing,
            Err(NotReady::Refused(error)) => {
                let schedule_id = &self.schedule.identity.schedule_id;
                tracing::warn!(schedule_id, workflow_id = request.workflow_id, %error, "an action of a schedule failed");
                return Ok(false);
            }
            Err(needs) => return Err(needs),
        };
        self.started.insert(request.workflow_id.clone());
        let execution = WorkflowExecution { workflow_id: request.workflow_id.clone(), run_id: String::new() };
        let info = self.schedule.info_mut();
        info.action_count += 1;
        info.recent_actions.push(ScheduleActionResult {
            schedule_time: start.actual_time,
            actual_time: Some(self.now.into()),
            start_workflow_result: Some(execution.clone()),
            start_workflow_status: Status::Running.into(),
        });
        let old = info.recent_actions.len().saturating_sub(limits::SCHEDULE_RECENT_ACTIONS);
        info.recent_actions.drain(..old);
        if is_alone {
            info.running_workflows.push(execution);
        }
        self.actions.push(Action::Start { request: Box::new(request), existing });
        Ok(true)
    }

    fn existing(&self, request: &StartWorkflowExecutionRequest) -> Result<Existing, NotReady> {
        if self.started.contains(&request.workflow_id) {
            let message =
                format!("Workflow execution is already running. WorkflowId: {}", request.workflow_id);
            return Err(Error::FailedPrecondition(message).into());
        }
        start::prepare(self.executions, request)
    }

    /// Ends the workflows that run, and were not started by this very step. The next action waits until they closed.
    fn end_running(&mut self, terminates: bool) -> Result<(), NotReady> {
        let namespace = self.schedule.identity.namespace.clone();
        for it in self.schedule.info().running_workflows.clone() {
            let execution = WorkflowExecution { run_id: String::new(), ..it.clone() };
            match self.executions.find_open(&namespace, Some(&execution), &it.run_id) {
                Ok(number) if terminates => {
                    if let Some(run) = self.executions.get(number) {
                        close::look_up(self.executions, run, true)?;
                    }
                    self.actions.push(Action::Terminate(number));
                }
                Ok(number) => self.actions.push(Action::Cancel(number)),
                Err(NotReady::Refused(_)) => {
                    self.schedule.forget_running(&it.workflow_id, Status::Unspecified)
                }
                Err(needs) => return Err(needs),
            }
        }
        Ok(())
    }
}

/// Whether a workflow that a schedule started, or what continues it, is open.
///
/// # Errors
///
/// When its run must be loaded first.
pub(crate) fn is_running(
    executions: &Executions,
    namespace: &str,
    started: &WorkflowExecution,
) -> Result<bool, NotReady> {
    let execution = WorkflowExecution { workflow_id: started.workflow_id.clone(), run_id: String::new() };
    match executions.find_open(namespace, Some(&execution), &started.run_id) {
        Ok(_) => Ok(true),
        Err(NotReady::Refused(Error::Damaged(damage))) => Ok(damage.is_open()),
        Err(NotReady::Refused(_)) => Ok(false),
        Err(needs) => Err(needs),
    }
}
