//! History to jobs: applies one logical workflow task.
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
    sdk::v1::WorkflowTaskCompletedMetadata,
};
use prost_types::Timestamp;

use crate::{
    error::Error,
    event::{Event, tag},
    flags::Flag,
    job::{Job, Start},
    markers::Marker,
    operations::{Context, OperationId},
    patches::{self, Handling},
    random::random_seed,
    run::{Run, Started},
    tasks::Taken,
    updates::UpdateRequest,
    workflow_tasks::{self, CompletedBy, Effect, WorkflowTasks},
};

/// What came of applying the next logical task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    Task,
    NeedEvents,
    /// History is at its end.
    Nothing,
}

/// The task that is applied.
#[derive(Clone, Copy, Debug)]
struct Here {
    /// History ends with it.
    is_last: bool,
    /// Event ids after this one are new when it does.
    previous_started_event_id: i64,
}

impl Run {
    pub(crate) fn apply_next_task(&mut self) -> Result<Applied, Error> {
        if self.is_closed {
            self.is_replaying = false;
            return Ok(Applied::Nothing);
        }
        let mut events = std::mem::take(&mut self.taken);
        let taken = self.tasks.take(&mut events)?;
        let applied = self.apply_taken(taken, &events);
        self.taken = events;
        applied
    }

    fn apply_taken(&mut self, taken: Taken, events: &[Event]) -> Result<Applied, Error> {
        match taken {
            Taken::NeedEvents => Ok(Applied::NeedEvents),
            Taken::Over => {
                self.is_replaying = false;
                self.release_found_if_idle()?;
                Ok(Applied::Nothing)
            }
            Taken::Task { is_last } => {
                self.apply_task(events, is_last)?;
                Ok(Applied::Task)
            }
        }
    }

    fn apply_task(&mut self, events: &[Event], is_last: bool) -> Result<(), Error> {
        let here = Here {
            is_last,
            previous_started_event_id: self
                .previous_started_event_id
                .unwrap_or_else(|| self.tasks.completed_started_event_id()),
        };
        if is_last && here.previous_started_event_id == 0 {
            self.is_replaying = false;
        }
        self.read_completed_by(events)?;
        if let Some(last) = events.last() {
            self.local_activities.activation_index = 0;
            if last.kind() == EventType::WorkflowTaskStarted {
                self.workflow_tasks.last_started_event_id = last.id();
            }
        }
        let admitted = self.apply_events(events, here)?;
        self.look_ahead(admitted)?;
        self.release_found_if_idle()
    }

    /// Flags and version of the tasks that complete in these events, and of the one that this task
    /// becomes.
    fn read_completed_by(&mut self, events: &[Event]) -> Result<(), Error> {
        for event in events {
            if let Some(by) = CompletedBy::of(event)? {
                // Unless it was seen as the completion that the task before became.
                if event.id() != self.completed_event_id {
                    self.version = by.version(self.version.as_ref()).or(self.version.take());
                    self.record_flags(event.id(), by.sdk_metadata(event)?)?;
                }
                self.was_reset = false;
            } else if workflow_tasks::reset_run_id(event)?.is_some() {
                self.was_reset = true;
            }
        }
        let mut completion = None;
        for event in self.tasks.peek() {
            if let Some(by) = CompletedBy::of(event)? {
                self.completed_event_id = event.id();
                self.version = by.version(self.version.as_ref()).or(self.version.take());
                completion = by.sdk_metadata(event)?;
                break;
            }
        }
        self.record_flags(self.completed_event_id, completion)
    }

    fn record_flags(
        &mut self,
        event_id: i64,
        metadata: Option<WorkflowTaskCompletedMetadata>,
    ) -> Result<(), Error> {
        match metadata {
            Some(metadata) => self.flags.record(event_id, metadata),
            None => Ok(()),
        }
    }

    /// Gives back the updates that were admitted and not taken up.
    fn apply_events(
        &mut self,
        events: &[Event],
        here: Here,
    ) -> Result<BTreeMap<String, UpdateRequest>, Error> {
        let mut admitted = BTreeMap::new();
        let mut skip = false;
        // What was applied already, the service repeats after some completions.
        let known = self.last_event_id;
        let mut events = events.iter().filter(|event| event.id() > known).peekable();
        while let Some(event) = events.next() {
            let next = events.peek().copied();
            if event.id() != self.last_event_id + 1 {
                return Err(event.broken(format_args!("the event before it has id {}", self.last_event_id)));
            }
            // Replay ends with the first event that is neither known nor made of a command.
            if self.is_replaying
                && here.is_last
                && event.id() > here.previous_started_event_id
                && event.kind() != EventType::WorkflowTaskCompleted
                && !event.is_command()
            {
                self.is_replaying = false;
            }
            let mut skip_this = std::mem::take(&mut skip);
            if event.has(tag::UPDATE_ADMITTED) {
                let request = UpdateRequest::from_admitted(event)?;
                if self.is_replaying {
                    admitted.insert(request.protocol_instance_id().to_owned(), request);
                } else {
                    self.updates.requested.push(request);
                }
                skip_this = true;
            }
            for request in self.updates.take_due(event.id() - 1) {
                self.begin_update(request);
            }
            if !skip_this {
                skip = self.apply_event(event, next, here)?;
            }
            self.last_event_id = event.id();
        }
        if here.is_last && !self.is_replaying {
            for request in self.updates.take_due(i64::MAX) {
                self.begin_update(request);
            }
        }
        Ok(admitted)
    }

    /// Whether the next event is to be skipped.
    fn apply_event(&mut self, event: &Event, next: Option<&Event>, here: Here) -> Result<bool, Error> {
        if event.id() == 1 && event.kind() != EventType::WorkflowExecutionStarted {
            return Err(event.broken("a history begins with the start of its run"));
        }
        if event.is_final() {
            self.is_closed = true;
        }
        if event.is_ignorable() {
            return Ok(false);
        }
        if matches!(
            event.kind(),
            EventType::WorkflowExecutionTerminated | EventType::WorkflowExecutionTimedOut
        ) {
            return if next.is_some() || !here.is_last {
                Err(event.broken("history goes on after it"))
            } else {
                Ok(false)
            };
        }
        if !event.is_known() {
            return if event.worker_may_ignore() {
                Ok(false)
            } else {
                Err(Error::UnknownEventType { event_id: event.id(), event_type: event.type_number() })
            };
        }
        if event.is_command() {
            return self.apply_command_event(event, next, here);
        }
        if WorkflowTasks::is_event_of_task(event) {
            self.apply_workflow_task_event(event)?;
        } else if let Some(initiating) = event.initiating_event_id()? {
            let Some(operation) = self.operations.begun_by(initiating) else {
                return Err(
                    event.broken(format_args!("nothing that is open was begun by event {initiating}"))
                );
            };
            self.apply_to(operation, event, here)?;
        } else {
            self.apply_to_run(event)?;
        }
        Ok(false)
    }

    /// An event that the service made of a command: the next command must be that one.
    fn apply_command_event(
        &mut self,
        event: &Event,
        next: Option<&Event>,
        here: Here,
    ) -> Result<bool, Error> {
        if let Some(Marker::LocalActivity(marker)) = Marker::of(event)? {
            let seq = marker.data.seq;
            let Some(machine) = self.operations.local_activities.get(&seq) else {
                return Err(Error::nondeterminism(
                    event.id(),
                    format!(
                        "a marker of local activity {} of type {}",
                        marker.data.activity_id, marker.data.activity_type
                    ),
                    "no local activity for it",
                ));
            };
            if !machine.has_command() {
                self.apply_to(OperationId::LocalActivity(seq), event, here)?;
                return Ok(false);
            }
        }
        loop {
            let pending = self.operations.first_command();
            let marker = match pending.map(|pending| pending.operation) {
                Some(OperationId::Patch(number)) => self.operations.patches.get(&number),
                _ => None,
            };
            match patches::handling(event, next, marker)? {
                Handling::Match => {}
                Handling::SkipEvent { and_next } => return Ok(and_next),
                Handling::SkipCommand => {
                    self.operations.drop_first_command();
                    continue;
                }
            }
            let Some(pending) = pending else {
                return Err(Error::nondeterminism(event.id(), event.to_string(), "no command for it"));
            };
            self.operations.pop_command();
            return match self.apply_to(pending.operation, event, here) {
                Ok(()) => Ok(false),
                // It is about the command, of which the operation sees only its own state.
                Err(Error::Nondeterminism(mut difference)) => {
                    difference.actual = self.operations.describe(pending);
                    Err(Error::Nondeterminism(difference))
                }
                Err(error) => Err(error),
            };
        }
    }

    fn apply_to(&mut self, operation: OperationId, event: &Event, here: Here) -> Result<(), Error> {
        let is_new = match operation {
            OperationId::LocalActivity(seq) => {
                self.operations.local_activities.get(&seq).is_some_and(|activity| !activity.is_replayed())
            }
            _ => here.is_last,
        };
        let mut context = Context {
            jobs: &mut self.jobs,
            checks_id_and_type: self.flags.holds(Flag::ChecksIdAndType, is_new, &self.config),
        };
        self.operations.on_event(operation, event, &mut context)
    }

    fn apply_workflow_task_event(&mut self, event: &Event) -> Result<(), Error> {
        match self.workflow_tasks.on_event(event)? {
            Effect::Nothing => {}
            Effect::Started(time) => {
                self.advance_time(time);
                if !self.is_replaying {
                    self.request_local_activities();
                }
            }
            Effect::Reset(run_id) => {
                self.jobs.push(Job::UpdateRandomSeed { seed: random_seed(&run_id), run_id })
            }
        }
        Ok(())
    }

    /// An event that is about the run as a whole.
    fn apply_to_run(&mut self, event: &Event) -> Result<(), Error> {
        match event.kind() {
            EventType::WorkflowExecutionStarted => self.start(event),
            EventType::WorkflowExecutionSignaled => {
                let attributes: WorkflowExecutionSignaledEventAttributes =
                    event.attributes(tag::WORKFLOW_EXECUTION_SIGNALED)?;
                self.jobs.push(Job::Signal { event_id: event.id(), attributes: Box::new(attributes) });
                Ok(())
            }
            EventType::WorkflowExecutionCancelRequested => {
                let attributes: WorkflowExecutionCancelRequestedEventAttributes =
                    event.attributes(tag::WORKFLOW_EXECUTION_CANCEL_REQUESTED)?;
                self.jobs.push(Job::Cancel(Box::new(attributes)));
                Ok(())
            }
            _ => Err(event.broken("it is nothing that a workflow can be told")),
        }
    }

    fn start(&mut self, event: &Event) -> Result<(), Error> {
        if self.started.is_some() || event.id() != 1 {
            return Err(event.broken("the run has started before"));
        }
        let attributes: WorkflowExecutionStartedEventAttributes =
            event.attributes(tag::WORKFLOW_EXECUTION_STARTED)?;
        let time = event.time().unwrap_or_default();
        self.advance_time(time);
        self.started = Some(Started {
            memo: attributes.memo.clone(),
            retry_policy: attributes.retry_policy.clone(),
            search_attributes: attributes.search_attributes.clone(),
        });
        self.jobs.push(Job::Start(Box::new(Start {
            time,
            seed: random_seed(&attributes.original_execution_run_id),
            attributes,
        })));
        Ok(())
    }

    /// What the events of the coming task say was known in this one.
    fn look_ahead(&mut self, mut admitted: BTreeMap<String, UpdateRequest>) -> Result<(), Error> {
        let (mut markers, mut updates) = (Vec::new(), Vec::new());
        for event in self.tasks.peek() {
            match Marker::of(event)? {
                Some(Marker::Patch(patch)) => {
                    self.patches.found(&patch.id);
                    self.found_patches.push(patch.id);
                    continue;
                }
                Some(Marker::LocalActivity(marker)) => {
                    markers.push((event.id(), marker));
                    continue;
                }
                None => {}
            }
            if event.has(tag::UPDATE_ACCEPTED) {
                let accepted = UpdateRequest::from_accepted(event)?;
                let request = admitted.remove(accepted.protocol_instance_id());
                updates.push(request.unwrap_or(accepted));
            }
        }
        for (event_id, marker) in markers {
            let wants_it = (self.operations.local_activities.get(&marker.data.seq))
                .is_none_or(crate::local_activity::LocalActivityMachine::awaits_marker);
            if wants_it {
                self.local_activities.found(event_id, *marker);
                self.apply_found_local_activities(false)?;
            }
        }
        for request in updates {
            self.begin_update(request);
        }
        Ok(())
    }

    pub(crate) fn advance_time(&mut self, time: Timestamp) {
        let is_later = self.time.is_none_or(|now| (now.seconds, now.nanos) < (time.seconds, time.nanos));
        if is_later {
            self.time = Some(time);
        }
    }
}
