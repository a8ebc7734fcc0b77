//! Replays history: applies one logical task, which makes jobs.
//!
//! The task's events first, then what the next one says was known when this one ran: patches, markers
//! of local activities, accepted updates. sdk-core: `apply_next_wft_from_history`.

use std::collections::BTreeMap;

use host_wire::temporal::api::{
    enums::v1::EventType,
    history::v1::{
        WorkflowExecutionCancelRequestedEventAttributes, WorkflowExecutionSignaledEventAttributes,
        WorkflowExecutionStartedEventAttributes,
    },
};

use super::Machines;
use crate::{
    error::Error,
    history::{CurrentTask, Event, LogicalTask, Position, Role, TaskEffect, markers::Marker},
    job::{Job, Start},
    operation::{Context, Counter, OperationId},
    operations::{
        continue_as_new::Inheritance,
        patch::{self, Handling},
        update::UpdateRequest,
    },
    random::random_seed,
};

/// Applies a logical task.
///
/// # Errors
///
/// When history and workflow do not agree, or the history is broken or too new.
pub(crate) fn replay(
    task: &LogicalTask<'_>,
    machines: &mut Machines,
    position: &mut Position,
) -> Result<(), Error> {
    let current = position.begin(task)?;
    if !task.events.is_empty() {
        machines.local_activities.begin_task();
    }
    let mut replay = Replay { machines, position, task: current, admitted: BTreeMap::new() };
    replay.apply_events(task.events)?;
    replay.look_ahead(task.ahead.clone())?;
    machines.release_found_if_idle(position)
}

#[derive(Debug)]
struct Replay<'r> {
    machines: &'r mut Machines,
    position: &'r mut Position,
    task: CurrentTask,
    /// The updates that were admitted, and not taken up yet, by `protocol_instance_id`.
    admitted: BTreeMap<String, UpdateRequest>,
}

/// Whether the event after this one is to be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Following {
    Apply,
    Skip,
}

impl Replay<'_> {
    fn apply_events(&mut self, events: &[Event]) -> Result<(), Error> {
        let mut following = Following::Apply;
        // After some completions the service repeats events that were applied.
        let known = self.position.last_event_id();
        let mut events = events.iter().filter(|event| event.id() > known).peekable();
        while let Some(event) = events.next() {
            let next = events.peek().copied();
            self.position.reach(event, self.task)?;
            let mut this = std::mem::replace(&mut following, Following::Apply);
            if event.has(EventType::WorkflowExecutionUpdateAdmitted) {
                self.admit(event)?;
                this = Following::Skip;
            }
            self.begin_updates(event.id() - 1);
            if this == Following::Apply {
                following = self.apply_event(event, next)?;
            }
            self.position.pass(event);
        }
        if self.task.is_last && !self.position.is_replaying() {
            self.begin_updates(i64::MAX);
        }
        Ok(())
    }

    fn admit(&mut self, event: &Event) -> Result<(), Error> {
        let request = UpdateRequest::from_admitted(event)?;
        if self.position.is_replaying() {
            self.admitted.insert(request.protocol_instance_id().to_owned(), request);
        } else {
            self.machines.request_update(request);
        }
        Ok(())
    }

    /// Tells the guest of the updates that come after this event or earlier.
    fn begin_updates(&mut self, event_id: i64) {
        for request in self.machines.updates.take_due(event_id) {
            self.machines.begin_update(request, self.position.is_replaying());
        }
    }

    fn apply_event(&mut self, event: &Event, next: Option<&Event>) -> Result<Following, Error> {
        let role = event.role();
        if event.id() == 1 && role != Role::Start {
            return Err(event.broken("a history begins with the start of its run"));
        }
        if event.is_final() {
            self.position.close();
        }
        if event.is_ignorable() {
            return Ok(Following::Apply);
        }
        if role == Role::ForcedEnd && (next.is_some() || !self.task.is_last) {
            return Err(event.broken("history goes on after it"));
        }
        if role == Role::ForcedEnd {
            return Ok(Following::Apply);
        }
        if !event.is_known() {
            return if event.worker_may_ignore() {
                Ok(Following::Apply)
            } else {
                Err(Error::UnknownEventType { event_id: event.id(), event_type: event.type_number() })
            };
        }
        match role {
            Role::Beginning | Role::Command | Role::CommandedEnd => {
                return self.apply_command_event(event, next);
            }
            Role::WorkflowTask => self.apply_task_event(event)?,
            Role::Start
            | Role::Signal
            | Role::CancelRequest
            | Role::Continuation
            | Role::Admission
            | Role::ForcedEnd
            | Role::Silent => match event.initiating_event_id()? {
                Some(initiating) => self.apply_continuation(event, initiating)?,
                None => self.apply_to_run(event, role)?,
            },
        }
        Ok(Following::Apply)
    }

    /// An event that the service recorded for a command: the next command must be that one.
    fn apply_command_event(&mut self, event: &Event, next: Option<&Event>) -> Result<Following, Error> {
        let before = self.machines.open.last_recorded();
        self.match_command_event(event, next).map_err(|error| match error {
            Error::Nondeterminism(mut difference) => {
                difference.origin_before = before;
                Error::Nondeterminism(difference)
            }
            error => error,
        })
    }

    fn match_command_event(&mut self, event: &Event, next: Option<&Event>) -> Result<Following, Error> {
        if let Some(Marker::LocalActivity(marker)) = Marker::of(event)? {
            let seq = marker.data.seq;
            let Some(activity) = self.machines.open.local_activity(seq) else {
                return Err(Error::nondeterminism(event.id(), event.words(), "no local activity for it"));
            };
            if !activity.has_command() {
                self.apply_to(OperationId { counter: Counter::Activity, number: seq }, event)?;
                return Ok(Following::Apply);
            }
        }
        loop {
            let open = &mut self.machines.open;
            let pending = open.first_command();
            let marker = pending.and_then(|pending| open.patch(pending.operation));
            match patch::handling(event, next, marker)? {
                Handling::Match => {}
                Handling::SkipEvent { and_next } => {
                    return Ok(if and_next { Following::Skip } else { Following::Apply });
                }
                Handling::SkipCommand => {
                    open.drop_first_command();
                    continue;
                }
            }
            let Some(pending) = pending else {
                return Err(Error::nondeterminism(event.id(), event.words(), "no command for it"));
            };
            open.pop_command();
            return match self.apply_to(pending.operation, event) {
                Ok(()) => Ok(Following::Apply),
                // The difference is about this command; the operation knows its own state only.
                Err(Error::Nondeterminism(mut difference)) => {
                    difference.actual = self.machines.open.describe(pending);
                    difference.origin = pending.origin;
                    Err(Error::Nondeterminism(difference))
                }
                Err(error) => Err(error),
            };
        }
    }

    /// An event that goes on with what an earlier one began.
    fn apply_continuation(&mut self, event: &Event, initiating: i64) -> Result<(), Error> {
        let Some(operation) = self.machines.open.begun_by(initiating) else {
            return Err(event.broken(format_args!("nothing that is open was begun by event {initiating}")));
        };
        self.apply_to(operation, event)
    }

    fn apply_to(&mut self, operation: OperationId, event: &Event) -> Result<(), Error> {
        let Machines { open, jobs, .. } = &mut *self.machines;
        let mut context = Context { jobs, position: &*self.position, is_last: self.task.is_last };
        open.on_event(operation, event, &mut context)
    }

    fn apply_task_event(&mut self, event: &Event) -> Result<(), Error> {
        match self.position.on_task_event(event)? {
            TaskEffect::Nothing => {}
            TaskEffect::Started(_) => {
                if !self.position.is_replaying() {
                    self.request_local_activities();
                }
            }
            TaskEffect::Reset(run_id) => {
                let seed = random_seed(&run_id);
                self.machines.jobs.push(Job::UpdateRandomSeed { run_id, seed });
            }
        }
        Ok(())
    }

    /// After replay the worker has to run the local activities that no marker resolved.
    fn request_local_activities(&mut self) {
        let Machines { open, local_activities, .. } = &mut *self.machines;
        for seq in local_activities.take_replayed() {
            if let Some(activity) = open.local_activity(seq).and_then(|activity| activity.request()) {
                local_activities.start(seq, activity);
            }
        }
    }

    /// An event that is about the run as a whole.
    fn apply_to_run(&mut self, event: &Event, role: Role) -> Result<(), Error> {
        match role {
            Role::Start => self.start(event)?,
            Role::Signal => {
                let attributes: WorkflowExecutionSignaledEventAttributes = event.attributes()?;
                let attributes = Box::new(attributes);
                self.machines.jobs.push(Job::Signal { event_id: event.id(), attributes });
            }
            Role::CancelRequest => {
                let attributes: WorkflowExecutionCancelRequestedEventAttributes = event.attributes()?;
                self.machines.jobs.push(Job::Cancel(Box::new(attributes)));
            }
            Role::Beginning
            | Role::Command
            | Role::CommandedEnd
            | Role::ForcedEnd
            | Role::WorkflowTask
            | Role::Continuation
            | Role::Admission
            | Role::Silent => return Err(event.broken("it is nothing that a workflow can be told")),
        }
        Ok(())
    }

    fn start(&mut self, event: &Event) -> Result<(), Error> {
        if self.machines.inheritance.has_started() || event.id() != 1 {
            return Err(event.broken("the run has started before"));
        }
        let attributes: WorkflowExecutionStartedEventAttributes = event.attributes()?;
        let time = event.time().unwrap_or_default();
        self.position.advance_time(time);
        self.machines.inheritance = Inheritance::of(&attributes);
        let seed = random_seed(&attributes.original_execution_run_id);
        self.machines.jobs.push(Job::Start(Box::new(Start { time, seed, attributes })));
        Ok(())
    }

    /// Reads from the events of the coming task what was known in this one.
    fn look_ahead<'e>(&mut self, ahead: impl Iterator<Item = &'e Event>) -> Result<(), Error> {
        let (mut markers, mut updates) = (Vec::new(), Vec::new());
        for event in ahead {
            match Marker::of(event)? {
                Some(Marker::Patch(patch)) => {
                    self.machines.patches.find(patch.id);
                    continue;
                }
                Some(Marker::LocalActivity(marker)) => {
                    markers.push((event.id(), marker));
                    continue;
                }
                None => {}
            }
            if event.has(EventType::WorkflowExecutionUpdateAccepted) {
                let accepted = UpdateRequest::from_accepted(event)?;
                let request = self.admitted.remove(accepted.protocol_instance_id());
                updates.push(request.unwrap_or(accepted));
            }
        }
        for (event_id, marker) in markers {
            let activity = self.machines.open.local_activity(marker.data.seq);
            if activity.is_none_or(|activity| activity.awaits_marker()) {
                self.machines.local_activities.find(event_id, *marker);
                self.machines.apply_found_local_activities(false, self.position)?;
            }
        }
        for request in updates {
            self.machines.begin_update(request, self.position.is_replaying());
        }
        Ok(())
    }
}
