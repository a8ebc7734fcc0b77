//! One run: what the service knows about it, and how facts change that.
//!
//! [`Run::apply`] is the only place where a run changes, both when something happens and when the facts are read
//! back after a restart. It decides nothing and only dispatches: each feature keeps and changes its own part.

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::{Callback, WorkflowExecution},
        enums::v1::WorkflowExecutionStatus as Status,
        history::v1::{HistoryEvent, WorkflowExecutionOptionsUpdatedEventAttributes},
    },
};

use crate::{
    execution::{
        activity::state::Activities,
        attributes::state::Attributes,
        buffer::state::Buffer,
        child::state::Children,
        deadline::Deadline,
        external::state::Externals,
        fact::{Fact, Recorded, UnrecordedChange},
        history::History,
        nexus::state::Operations,
        options::state::WorkflowOptions,
        record::{Record, RunIdentity},
        reset::{points::Points, state::Resets},
        signal::state::Signals,
        start::state::Start,
        timer::state::Timers,
        update::state::Updates,
        versioning::state::Versioning,
        workflow_task::state::WorkflowTasks,
    },
    limits,
    time::Time,
};

/// Everything about a run. Changed by [`Run::apply`] only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    identity: RunIdentity,
    start: Start,
    status: Status,
    close_time: Option<Time>,
    history: History,
    buffer: Buffer,
    workflow_tasks: WorkflowTasks,
    activities: Activities,
    timers: Timers,
    children: Children,
    externals: Externals,
    nexus: Operations,
    signals: Signals,
    updates: Updates,
    cancel_requested: bool,
    attributes: Attributes,
    options: WorkflowOptions,
    versioning: Versioning,
    resets: Resets,
    reset_points: Points,
    transitions: i64,
}

impl Run {
    pub(crate) fn new(identity: RunIdentity) -> Self {
        Self {
            identity,
            start: Start::default(),
            status: Status::Running,
            close_time: None,
            history: History::default(),
            buffer: Buffer::default(),
            workflow_tasks: WorkflowTasks::default(),
            activities: Activities::default(),
            timers: Timers::default(),
            children: Children::default(),
            externals: Externals::default(),
            nexus: Operations::default(),
            signals: Signals::default(),
            updates: Updates::default(),
            cancel_requested: false,
            attributes: Attributes::default(),
            options: WorkflowOptions::default(),
            versioning: Versioning::default(),
            resets: Resets::default(),
            reset_points: Points::default(),
            transitions: 0,
        }
    }

    /// Puts a run together from what happened to it; nothing if that is nothing.
    pub(crate) fn from_records(records: impl IntoIterator<Item = Record>) -> Option<Self> {
        let mut records = records.into_iter();
        let first = records.next()?;
        let mut run = Self::new(first.identity?);
        run.apply_record(&first.facts);
        for record in records {
            run.apply_record(&record.facts);
        }
        Some(run)
    }

    fn apply_record(&mut self, facts: &[Fact]) {
        for fact in facts {
            self.apply(fact);
        }
        if !facts.is_empty() {
            self.end_transition();
        }
    }

    pub(crate) fn identity(&self) -> &RunIdentity {
        &self.identity
    }

    pub(crate) fn execution(&self) -> WorkflowExecution {
        WorkflowExecution {
            workflow_id: self.identity.workflow_id.clone(),
            run_id: self.identity.run_id.clone(),
        }
    }

    /// The run at the beginning of the chain of parents.
    pub(crate) fn root(&self) -> WorkflowExecution {
        let start = self.start.attributes();
        start.root_workflow_execution.clone().unwrap_or_else(|| WorkflowExecution {
            workflow_id: self.identity.workflow_id.clone(),
            run_id: start.first_execution_run_id.clone(),
        })
    }

    pub(crate) fn start(&self) -> &Start {
        &self.start
    }

    pub(crate) fn status(&self) -> Status {
        self.status
    }

    pub(crate) fn is_open(&self) -> bool {
        self.close_time.is_none()
    }

    pub(crate) fn close_time(&self) -> Option<Time> {
        self.close_time
    }

    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    pub(crate) fn workflow_tasks(&self) -> &WorkflowTasks {
        &self.workflow_tasks
    }

    pub(crate) fn activities(&self) -> &Activities {
        &self.activities
    }

    pub(crate) fn timers(&self) -> &Timers {
        &self.timers
    }

    pub(crate) fn children(&self) -> &Children {
        &self.children
    }

    pub(crate) fn externals(&self) -> &Externals {
        &self.externals
    }

    /// Its Nexus operations.
    pub(crate) fn nexus(&self) -> &Operations {
        &self.nexus
    }

    /// Whom its end is reported to, other than its parent.
    pub(crate) fn callbacks(&self) -> impl Iterator<Item = &Callback> {
        self.start.attributes().completion_callbacks.iter()
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    pub(crate) fn updates(&self) -> &Updates {
        &self.updates
    }

    /// Whether it has something that no fact keeps: updates that wait for a verdict, and their workflow task.
    pub(crate) fn is_more_than_its_facts(&self) -> bool {
        !self.updates.pending().is_empty() || self.workflow_tasks.speculative().is_some()
    }

    pub(in crate::execution) fn updates_mut(&mut self) -> &mut Updates {
        &mut self.updates
    }

    pub(in crate::execution) fn workflow_tasks_mut(&mut self) -> &mut WorkflowTasks {
        &mut self.workflow_tasks
    }

    /// Whether a client or another run requested cancellation.
    pub(crate) fn cancel_requested(&self) -> bool {
        self.cancel_requested
    }

    pub(crate) fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    pub(crate) fn options(&self) -> &WorkflowOptions {
        &self.options
    }

    /// The version of workers that it is on, without overrides.
    pub(crate) fn versioning(&self) -> &Versioning {
        &self.versioning
    }

    pub(crate) fn resets(&self) -> &Resets {
        &self.resets
    }

    pub(crate) fn reset_points(&self) -> &Points {
        &self.reset_points
    }

    /// How many transitions changed the run, `state_transition_count` of the protocol.
    pub(crate) fn transitions(&self) -> i64 {
        self.transitions
    }

    /// The reason for which the run is terminated when its history exceeds the limits.
    pub(crate) fn too_large(&self) -> Option<&'static str> {
        if self.history.events().len() > limits::HISTORY_EVENTS {
            Some("Workflow history count exceeds limit.")
        } else if self.history.bytes() + self.buffer.bytes() > limits::HISTORY_BYTES {
            Some("Workflow history size exceeds limit.")
        } else if self.kept_bytes() > limits::STATE_BYTES {
            Some("Workflow mutable state size exceeds limit.")
        } else {
            None
        }
    }

    /// Bytes that the run keeps beside its history. What an activity, timer or child was started with is part of the
    /// history.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.buffer.bytes()
            + self.activities.kept_bytes()
            + self.nexus.kept_bytes()
            + self.attributes.bytes()
            + self.signals.request_id_bytes()
            + self.updates.id_bytes()
    }

    /// What is due first, and when. Of what is due at one time, the first in this order.
    pub(crate) fn next_deadline(&self) -> Option<(Time, Deadline)> {
        if !self.is_open() {
            return None;
        }
        let all = [
            self.too_large().map(|_| (Time::default(), Deadline::HistoryTooLarge)),
            self.start.expires().map(|time| (time, Deadline::Run)),
            self.workflow_tasks.next_deadline(),
            self.timers.next_deadline(),
            self.activities.next_deadline(),
            self.nexus.next_deadline(),
        ];
        all.into_iter().flatten().min_by_key(|(time, _)| *time)
    }

    /// Changes the run by a fact.
    pub(crate) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Event(recorded) => {
                self.history.append(recorded);
                self.apply_event(&recorded.event);
            }
            Fact::Buffered(recorded) => {
                self.buffer.push(recorded);
                self.apply_event(&recorded.event);
            }
            Fact::Flushed(recorded) => {
                self.buffer.clear();
                self.history.append(recorded);
                self.apply_id(recorded);
            }
            Fact::Unrecorded(change) => self.apply_unrecorded(change),
        }
    }

    /// Counts the transition whose facts were applied.
    pub(in crate::execution) fn end_transition(&mut self) {
        self.transitions += 1;
    }

    /// What an event that was buffered says only once it has its id.
    fn apply_id(&mut self, recorded: &Recorded) {
        if let Some(EventAttributes::ChildWorkflowExecutionStartedEventAttributes(started)) =
            &recorded.event.attributes
        {
            self.children.start_flushed(recorded.event.event_id, started);
        }
    }

    #[expect(clippy::too_many_lines, reason = "each type of event has its arm")]
    fn apply_event(&mut self, event: &HistoryEvent) {
        use EventAttributes as A;
        let Some(attributes) = &event.attributes else { return };
        let id = event.event_id;
        let time = event.event_time.map(Time::from).unwrap_or_default();
        match attributes {
            A::WorkflowExecutionStartedEventAttributes(a) => {
                self.start.started(time, a, event.user_metadata.clone());
                self.workflow_tasks.run_started(time, a);
                self.attributes.started(a);
                self.reset_points.started(a.prev_auto_reset_points.as_ref());
                self.options.started(a);
                self.versioning.started(a, self.options.versioning_override());
            }
            A::WorkflowExecutionCompletedEventAttributes(_) => self.close(Status::Completed, time),
            A::WorkflowExecutionFailedEventAttributes(_) => self.close(Status::Failed, time),
            A::WorkflowExecutionTimedOutEventAttributes(_) => self.close(Status::TimedOut, time),
            A::WorkflowExecutionCanceledEventAttributes(_) => self.close(Status::Canceled, time),
            A::WorkflowExecutionTerminatedEventAttributes(_) => self.close(Status::Terminated, time),
            A::WorkflowExecutionContinuedAsNewEventAttributes(_) => self.close(Status::ContinuedAsNew, time),
            A::WorkflowTaskScheduledEventAttributes(a) => self.workflow_tasks.scheduled(id, time, a),
            A::WorkflowTaskStartedEventAttributes(a) => self.workflow_tasks.started(id, time, a),
            A::WorkflowTaskCompletedEventAttributes(a) => {
                self.workflow_tasks.completed(a);
                self.versioning.completed(a);
                let run_id = &self.identity.run_id;
                self.reset_points.completed(run_id, id, time, a, self.children.len() == 0);
            }
            A::WorkflowTaskFailedEventAttributes(a) => self.workflow_tasks.failed(a),
            A::WorkflowTaskTimedOutEventAttributes(a) => self.workflow_tasks.timed_out(a.timeout_type()),
            A::ActivityTaskScheduledEventAttributes(a) => self.activities.scheduled(id, time, a),
            A::ActivityTaskCancelRequestedEventAttributes(a) => {
                self.activities.cancel_requested(id, a.scheduled_event_id);
            }
            A::ActivityTaskCompletedEventAttributes(a) => self.activities.closed(a.scheduled_event_id),
            A::ActivityTaskFailedEventAttributes(a) => self.activities.closed(a.scheduled_event_id),
            A::ActivityTaskTimedOutEventAttributes(a) => self.activities.closed(a.scheduled_event_id),
            A::ActivityTaskCanceledEventAttributes(a) => self.activities.closed(a.scheduled_event_id),
            A::TimerStartedEventAttributes(a) => self.timers.started(id, time, a),
            A::TimerFiredEventAttributes(a) => self.timers.closed(&a.timer_id),
            A::TimerCanceledEventAttributes(a) => self.timers.closed(&a.timer_id),
            A::StartChildWorkflowExecutionInitiatedEventAttributes(a) => self.children.initiated(id, a),
            A::ChildWorkflowExecutionStartedEventAttributes(a) => self.children.started(id, a),
            A::StartChildWorkflowExecutionFailedEventAttributes(a) => {
                self.children.closed(a.initiated_event_id);
            }
            A::ChildWorkflowExecutionCompletedEventAttributes(a) => {
                self.children.closed(a.initiated_event_id);
            }
            A::ChildWorkflowExecutionFailedEventAttributes(a) => self.children.closed(a.initiated_event_id),
            A::ChildWorkflowExecutionCanceledEventAttributes(a) => self.children.closed(a.initiated_event_id),
            A::ChildWorkflowExecutionTimedOutEventAttributes(a) => self.children.closed(a.initiated_event_id),
            A::ChildWorkflowExecutionTerminatedEventAttributes(a) => {
                self.children.closed(a.initiated_event_id);
            }
            A::SignalExternalWorkflowExecutionInitiatedEventAttributes(a) => {
                self.externals.signal_initiated(id, a);
            }
            A::SignalExternalWorkflowExecutionFailedEventAttributes(a) => {
                self.externals.signal_closed(a.initiated_event_id);
            }
            A::ExternalWorkflowExecutionSignaledEventAttributes(a) => {
                self.externals.signal_closed(a.initiated_event_id);
            }
            A::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(a) => {
                self.externals.cancel_initiated(id, a);
            }
            A::RequestCancelExternalWorkflowExecutionFailedEventAttributes(a) => {
                self.externals.cancel_closed(a.initiated_event_id);
            }
            A::ExternalWorkflowExecutionCancelRequestedEventAttributes(a) => {
                self.externals.cancel_closed(a.initiated_event_id);
            }
            A::WorkflowExecutionSignaledEventAttributes(a) => self.signals.received(a),
            A::WorkflowExecutionCancelRequestedEventAttributes(_) => self.cancel_requested = true,
            A::WorkflowExecutionUpdateAdmittedEventAttributes(a) => self.updates.admitted(id, a),
            A::WorkflowExecutionUpdateAcceptedEventAttributes(a) => self.updates.accepted(id, a),
            A::WorkflowExecutionUpdateCompletedEventAttributes(a) => self.updates.completed(id, a),
            A::UpsertWorkflowSearchAttributesEventAttributes(a) => {
                self.attributes.search_attributes_upserted(a);
            }
            A::WorkflowPropertiesModifiedEventAttributes(a) => self.attributes.properties_modified(a),
            A::WorkflowExecutionOptionsUpdatedEventAttributes(a) => self.options_updated(a),
            A::NexusOperationScheduledEventAttributes(a) => self.nexus.scheduled(id, time, a),
            A::NexusOperationStartedEventAttributes(a) => self.nexus.started(time, a),
            A::NexusOperationCompletedEventAttributes(a) => self.nexus.closed(a.scheduled_event_id),
            A::NexusOperationFailedEventAttributes(a) => self.nexus.closed(a.scheduled_event_id),
            A::NexusOperationCanceledEventAttributes(a) => self.nexus.closed(a.scheduled_event_id),
            A::NexusOperationTimedOutEventAttributes(a) => self.nexus.closed(a.scheduled_event_id),
            A::NexusOperationCancelRequestedEventAttributes(a) => {
                self.nexus.cancel_requested(id, time, a.scheduled_event_id);
            }
            A::NexusOperationCancelRequestCompletedEventAttributes(a) => {
                self.nexus.cancel_answered(time, a.scheduled_event_id, Ok(()));
            }
            A::NexusOperationCancelRequestFailedEventAttributes(a) => {
                let failure = a.failure.clone().unwrap_or_default();
                self.nexus.cancel_answered(time, a.scheduled_event_id, Err(failure));
            }
            // The state of the attempt was kept before the event was written, or there is none.
            A::ActivityTaskStartedEventAttributes(_) | A::MarkerRecordedEventAttributes(_) => {}
            // The service does not write these.
            A::WorkflowExecutionUpdateRejectedEventAttributes(_)
            | A::WorkflowPropertiesModifiedExternallyEventAttributes(_)
            | A::ActivityPropertiesModifiedExternallyEventAttributes(_)
            | A::WorkflowExecutionPausedEventAttributes(_)
            | A::WorkflowExecutionUnpausedEventAttributes(_)
            | A::WorkflowExecutionTimeSkippingTransitionedEventAttributes(_) => {}
        }
    }

    fn options_updated(&mut self, updated: &WorkflowExecutionOptionsUpdatedEventAttributes) {
        let before = self.options.versioning_override().cloned();
        self.options.updated(updated);
        self.versioning.overridden(before.as_ref(), self.options.versioning_override());
    }

    /// Whatever was open ends with the run.
    fn close(&mut self, status: Status, time: Time) {
        self.status = status;
        self.close_time = Some(time);
        self.workflow_tasks.run_closed();
        self.activities = Activities::default();
        self.timers = Timers::default();
        self.children = Children::default();
        self.externals = Externals::default();
        self.nexus = Operations::default();
        self.buffer = Buffer::default();
    }

    fn apply_unrecorded(&mut self, change: &UnrecordedChange) {
        use UnrecordedChange as C;
        match change {
            C::TransientScheduled(scheduled) => {
                self.workflow_tasks.transient_scheduled(self.history.next_event_id(), scheduled);
            }
            C::TransientStarted(started) => self.workflow_tasks.transient_started(started),
            C::TaskInProcess(event_id) => self.workflow_tasks.started_in_process(*event_id),
            C::TransientFailed(_) => self.workflow_tasks.ended(),
            C::TaskHeartbeat(since) => self.workflow_tasks.heartbeat(Time::from(*since)),
            C::Sticky(sticky) => self.workflow_tasks.set_sticky(sticky),
            C::BufferedTimerRemoved(timer_id) => self.buffer.remove_fired_timer(timer_id),
            C::ActivityStarted(started) => self.activities.attempt_started(started),
            C::ActivityHeartbeat(heartbeat) => self.activities.heartbeat(heartbeat),
            C::ActivityRetry(retry) => self.activities.retry(retry),
            C::ActivityReady(scheduled_event_id) => self.activities.ready(*scheduled_event_id),
            C::ReplacedByReset(run_id) => self.resets.replace(run_id),
            C::MadeByReset(reset) => {
                let time = reset.time.map(Time::from).unwrap_or_default();
                self.start.reset(time);
                self.activities.reset(time);
                self.nexus.reset(time);
            }
            C::UpdateRejected(rejected) => self.updates.rejected(rejected),
            C::ActivityPaused(paused) => self.activities.paused(paused),
            C::ActivityUnpaused(unpaused) => self.activities.unpaused(unpaused),
            C::ActivityReset(reset) => self.activities.reset_attempts(reset),
            C::ActivityOptions(changed) => self.activities.options_changed(changed),
            C::NexusAttemptFailed(failed) => self.nexus.attempt_failed(failed),
            C::NexusReady(scheduled_event_id) => self.nexus.ready(*scheduled_event_id),
            C::VersionTransition(transition) => self.versioning.transition_began(transition),
        }
    }
}
