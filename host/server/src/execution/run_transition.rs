//! One change of one run in the making: facts recorded so far, and what they ask of the rest of the
//! service.

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::Link, enums::v1::EventType, history::v1::HistoryEvent, sdk::v1::UserMetadata,
    },
};

use crate::{
    execution::{
        child::Child,
        fact::{Fact, Recorded, UnrecordedChange},
        run::{Run, closing_status},
        successor::NewRun,
    },
    time::Time,
};

/// What a change asks of others, to be done in the same transition.
#[derive(Debug)]
pub(crate) enum Effect {
    /// The run's workflow task wants a worker.
    WorkflowTask,
    /// The current attempt of this activity wants a worker.
    Activity(i64),
    /// The child of this initiated event is to be started.
    StartChild(i64),
    /// The external signal of this initiated event is to be delivered.
    SignalExternal(i64),
    /// The external cancellation of this initiated event is to be delivered.
    CancelExternal(i64),
    /// The next run of the same workflow id starts.
    Continue(Box<NewRun>),
    /// The run is closed: parent and children are to hear of it.
    Closed(Vec<Child>),
}

/// A change of one run.
pub(crate) struct RunTransition<'a> {
    pub(crate) state: &'a mut Run,
    pub(crate) now: Time,
    ids: &'a mut dyn FnMut() -> String,
    pub(crate) facts: Vec<Fact>,
    pub(crate) effects: Vec<Effect>,
    /// While commands are recorded: whether one of them wants a workflow task after them.
    pub(crate) wants_task: Option<bool>,
}

impl<'a> RunTransition<'a> {
    pub(crate) fn new(run: &'a mut Run, now: Time, ids: &'a mut dyn FnMut() -> String) -> Self {
        Self { state: run, now, ids, facts: Vec::new(), effects: Vec::new(), wants_task: None }
    }

    pub(crate) fn new_id(&mut self) -> String {
        (self.ids)()
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn note(&mut self, note: UnrecordedChange) {
        self.push(Fact::Unrecorded(note));
    }

    /// Records an event now; answers its id, 0 while it is buffered.
    pub(crate) fn record(&mut self, attributes: EventAttributes) -> i64 {
        self.record_event(self.now, attributes, None, Vec::new())
    }

    /// Records an event that happened earlier.
    pub(crate) fn record_at(&mut self, time: Time, attributes: EventAttributes) -> i64 {
        self.record_event(time, attributes, None, Vec::new())
    }

    /// Records an event that follows from a command, to be flushed after the events of all commands.
    pub(crate) fn record_after_commands(&mut self, attributes: EventAttributes) {
        let event = self.event(0, self.now, attributes);
        self.push(Fact::Buffered(Recorded::new(event)));
    }

    /// Records an event with what its command says for people.
    pub(crate) fn record_with(
        &mut self,
        attributes: EventAttributes,
        user_metadata: Option<UserMetadata>,
    ) -> i64 {
        self.record_event(self.now, attributes, user_metadata, Vec::new())
    }

    /// Records an event that refers to others.
    pub(crate) fn record_linked(&mut self, attributes: EventAttributes, links: Vec<Link>) -> i64 {
        self.record_event(self.now, attributes, None, links)
    }

    fn record_event(
        &mut self,
        time: Time,
        attributes: EventAttributes,
        user_metadata: Option<UserMetadata>,
        links: Vec<Link>,
    ) -> i64 {
        let event_type = event_type(&attributes);
        let buffered = self.state.started_task().is_some() && waits_for_task(event_type);
        let event_id = if buffered { 0 } else { self.state.next_event_id() };
        let event = self.event(event_id, time, attributes);
        let recorded = Recorded::new(HistoryEvent { user_metadata, links, ..event });
        if closing_status(event_type).is_some() {
            let children = self.state.children.values().cloned().collect();
            self.effect(Effect::Closed(children));
        }
        self.push(if buffered { Fact::Buffered(recorded) } else { Fact::Event(recorded) });
        event_id
    }

    fn event(&self, event_id: i64, time: Time, attributes: EventAttributes) -> HistoryEvent {
        HistoryEvent {
            event_id,
            event_time: Some(time.into()),
            event_type: event_type(&attributes).into(),
            task_id: event_id,
            attributes: Some(attributes),
            ..HistoryEvent::default()
        }
    }

    pub(crate) fn push(&mut self, fact: Fact) {
        self.state.apply(&fact);
        self.facts.push(fact);
    }
}

/// Whether an event of this type is buffered while a workflow task is started: all but the task's
/// own and those that close the run.
fn waits_for_task(event_type: EventType) -> bool {
    closing_status(event_type).is_none()
        && !matches!(
            event_type,
            EventType::WorkflowTaskScheduled
                | EventType::WorkflowTaskStarted
                | EventType::WorkflowTaskCompleted
                | EventType::WorkflowTaskFailed
                | EventType::WorkflowTaskTimedOut
        )
}

/// The type that goes with attributes which this service records.
fn event_type(attributes: &EventAttributes) -> EventType {
    use EventAttributes as A;
    match attributes {
        A::WorkflowExecutionStartedEventAttributes(_) => EventType::WorkflowExecutionStarted,
        A::WorkflowExecutionCompletedEventAttributes(_) => EventType::WorkflowExecutionCompleted,
        A::WorkflowExecutionFailedEventAttributes(_) => EventType::WorkflowExecutionFailed,
        A::WorkflowExecutionTimedOutEventAttributes(_) => EventType::WorkflowExecutionTimedOut,
        A::WorkflowExecutionCanceledEventAttributes(_) => EventType::WorkflowExecutionCanceled,
        A::WorkflowExecutionTerminatedEventAttributes(_) => EventType::WorkflowExecutionTerminated,
        A::WorkflowExecutionContinuedAsNewEventAttributes(_) => EventType::WorkflowExecutionContinuedAsNew,
        A::WorkflowExecutionSignaledEventAttributes(_) => EventType::WorkflowExecutionSignaled,
        A::WorkflowExecutionCancelRequestedEventAttributes(_) => EventType::WorkflowExecutionCancelRequested,
        A::WorkflowTaskScheduledEventAttributes(_) => EventType::WorkflowTaskScheduled,
        A::WorkflowTaskStartedEventAttributes(_) => EventType::WorkflowTaskStarted,
        A::WorkflowTaskCompletedEventAttributes(_) => EventType::WorkflowTaskCompleted,
        A::WorkflowTaskFailedEventAttributes(_) => EventType::WorkflowTaskFailed,
        A::WorkflowTaskTimedOutEventAttributes(_) => EventType::WorkflowTaskTimedOut,
        A::ActivityTaskScheduledEventAttributes(_) => EventType::ActivityTaskScheduled,
        A::ActivityTaskStartedEventAttributes(_) => EventType::ActivityTaskStarted,
        A::ActivityTaskCompletedEventAttributes(_) => EventType::ActivityTaskCompleted,
        A::ActivityTaskFailedEventAttributes(_) => EventType::ActivityTaskFailed,
        A::ActivityTaskTimedOutEventAttributes(_) => EventType::ActivityTaskTimedOut,
        A::ActivityTaskCancelRequestedEventAttributes(_) => EventType::ActivityTaskCancelRequested,
        A::ActivityTaskCanceledEventAttributes(_) => EventType::ActivityTaskCanceled,
        A::TimerStartedEventAttributes(_) => EventType::TimerStarted,
        A::TimerFiredEventAttributes(_) => EventType::TimerFired,
        A::TimerCanceledEventAttributes(_) => EventType::TimerCanceled,
        A::MarkerRecordedEventAttributes(_) => EventType::MarkerRecorded,
        A::StartChildWorkflowExecutionInitiatedEventAttributes(_) => {
            EventType::StartChildWorkflowExecutionInitiated
        }
        A::StartChildWorkflowExecutionFailedEventAttributes(_) => {
            EventType::StartChildWorkflowExecutionFailed
        }
        A::ChildWorkflowExecutionStartedEventAttributes(_) => EventType::ChildWorkflowExecutionStarted,
        A::ChildWorkflowExecutionCompletedEventAttributes(_) => EventType::ChildWorkflowExecutionCompleted,
        A::ChildWorkflowExecutionFailedEventAttributes(_) => EventType::ChildWorkflowExecutionFailed,
        A::ChildWorkflowExecutionCanceledEventAttributes(_) => EventType::ChildWorkflowExecutionCanceled,
        A::ChildWorkflowExecutionTimedOutEventAttributes(_) => EventType::ChildWorkflowExecutionTimedOut,
        A::ChildWorkflowExecutionTerminatedEventAttributes(_) => EventType::ChildWorkflowExecutionTerminated,
        A::SignalExternalWorkflowExecutionInitiatedEventAttributes(_) => {
            EventType::SignalExternalWorkflowExecutionInitiated
        }
        A::SignalExternalWorkflowExecutionFailedEventAttributes(_) => {
            EventType::SignalExternalWorkflowExecutionFailed
        }
        A::ExternalWorkflowExecutionSignaledEventAttributes(_) => {
            EventType::ExternalWorkflowExecutionSignaled
        }
        A::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(_) => {
            EventType::RequestCancelExternalWorkflowExecutionInitiated
        }
        A::RequestCancelExternalWorkflowExecutionFailedEventAttributes(_) => {
            EventType::RequestCancelExternalWorkflowExecutionFailed
        }
        A::ExternalWorkflowExecutionCancelRequestedEventAttributes(_) => {
            EventType::ExternalWorkflowExecutionCancelRequested
        }
        A::UpsertWorkflowSearchAttributesEventAttributes(_) => EventType::UpsertWorkflowSearchAttributes,
        A::WorkflowPropertiesModifiedEventAttributes(_) => EventType::WorkflowPropertiesModified,
        _ => EventType::Unspecified,
    }
}
