//! What a run asked for, when, and what became of it: a fold over its history.

use std::collections::HashMap;

use host_wire::{
    EventAttributes as Attributes, duration_from_proto, temporal::api::history::v1::HistoryEvent,
    timestamp_to_unix_nanos,
};

use crate::shown;

/// What kind of operation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    WorkflowTask,
    Activity,
    Timer,
    ChildWorkflow,
    NexusOperation,
    Signal,
    Update,
}

impl Kind {
    /// Its name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WorkflowTask => "workflow task",
            Self::Activity => "activity",
            Self::Timer => "timer",
            Self::ChildWorkflow => "child workflow",
            Self::NexusOperation => "Nexus operation",
            Self::Signal => "signal",
            Self::Update => "update",
        }
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Completed,
    Failed,
    TimedOut,
    Canceled,
    Terminated,
}

impl Ending {
    /// Its name for people, and its class in the style.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timedout",
            Self::Canceled => "canceled",
            Self::Terminated => "terminated",
        }
    }
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    /// The type of an activity or child, the name of a signal or update, how long a timer takes.
    pub(crate) name: String,
    /// The id that the workflow gave it; may be empty.
    pub(crate) id: String,
    pub(crate) begin: Moment,
    /// When a worker took it up, for those that wait in a queue.
    pub(crate) started: Option<Moment>,
    pub(crate) end: Option<(Moment, Ending)>,
    /// The attempt that ended it; 0 where there is none.
    pub(crate) attempt: i32,
}

/// An event and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) event_id: i64,
    /// Milliseconds since 1970.
    pub(crate) time_ms: i64,
}

/// The time and id of an event.
pub(crate) fn moment(event: &HistoryEvent) -> Moment {
    let time = event.event_time.unwrap_or_default();
    Moment { event_id: event.event_id, time_ms: timestamp_to_unix_nanos(time) / 1_000_000 }
}

/// All operations of a history or of its beginning, in the order in which they began.
pub(crate) fn operations(events: &[HistoryEvent]) -> Vec<Operation> {
    let mut fold = Fold::default();
    for event in events {
        fold.take(event);
    }
    fold.operations
}

/// Those that are open after an event: what the workflow waits for then.
pub(crate) fn open_at(events: &[HistoryEvent], event_id: i64) -> Vec<Operation> {
    let last = events.partition_point(|event| event.event_id <= event_id);
    let mut open = operations(&events[..last]);
    open.retain(|operation| operation.end.is_none() && operation.kind != Kind::WorkflowTask);
    open
}

#[derive(Default)]
struct Fold {
    operations: Vec<Operation>,
    /// The place of each operation, by the id of the event that began it.
    by_event: HashMap<i64, usize>,
}

impl Fold {
    fn begin(&mut self, event: &HistoryEvent, kind: Kind, name: String, id: &str) {
        self.by_event.insert(event.event_id, self.operations.len());
        let (begin, id) = (moment(event), id.to_owned());
        self.operations.push(Operation { kind, name, id, begin, started: None, end: None, attempt: 0 });
    }

    fn start(&mut self, event: &HistoryEvent, begun: i64, attempt: i32) {
        if let Some(operation) = self.find(begun) {
            operation.started = Some(moment(event));
            operation.attempt = attempt;
        }
    }

    fn end(&mut self, event: &HistoryEvent, begun: i64, ending: Ending) {
        if let Some(operation) = self.find(begun) {
            operation.end = Some((moment(event), ending));
        }
    }

    fn find(&mut self, begun: i64) -> Option<&mut Operation> {
        self.operations.get_mut(*self.by_event.get(&begun)?)
    }

    fn take(&mut self, event: &HistoryEvent) {
        let Some(attributes) = &event.attributes else { return };
        if !self.take_task(event, attributes) && !self.take_activity(event, attributes) {
            self.take_other(event, attributes);
        }
    }

    fn take_task(&mut self, event: &HistoryEvent, attributes: &Attributes) -> bool {
        match attributes {
            Attributes::WorkflowTaskScheduledEventAttributes(_) => {
                self.begin(event, Kind::WorkflowTask, String::new(), "");
            }
            Attributes::WorkflowTaskStartedEventAttributes(it) => self.start(event, it.scheduled_event_id, 0),
            Attributes::WorkflowTaskCompletedEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, Ending::Completed);
            }
            Attributes::WorkflowTaskFailedEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, Ending::Failed);
            }
            Attributes::WorkflowTaskTimedOutEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, Ending::TimedOut);
            }
            _ => return false,
        }
        true
    }

    fn take_activity(&mut self, event: &HistoryEvent, attributes: &Attributes) -> bool {
        match attributes {
            Attributes::ActivityTaskScheduledEventAttributes(it) => {
                let name = it.activity_type.clone().unwrap_or_default().name;
                self.begin(event, Kind::Activity, name, &it.activity_id);
            }
            Attributes::ActivityTaskStartedEventAttributes(it) => {
                self.start(event, it.scheduled_event_id, it.attempt);
            }
            Attributes::ActivityTaskCompletedEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, Ending::Completed);
            }
            Attributes::ActivityTaskFailedEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, Ending::Failed);
            }
            Attributes::ActivityTaskTimedOutEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, Ending::TimedOut);
            }
            Attributes::ActivityTaskCanceledEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, Ending::Canceled);
            }
            Attributes::TimerStartedEventAttributes(it) => {
                let name = it.start_to_fire_timeout.map(duration_from_proto).map(shown::duration);
                self.begin(event, Kind::Timer, name.unwrap_or_default(), &it.timer_id);
            }
            Attributes::TimerFiredEventAttributes(it) => {
                self.end(event, it.started_event_id, Ending::Completed);
            }
            Attributes::TimerCanceledEventAttributes(it) => {
                self.end(event, it.started_event_id, Ending::Canceled);
            }
            _ => return false,
        }
        true
    }

    fn take_other(&mut self, event: &HistoryEvent, attributes: &Attributes) {
        use Ending::{Canceled, Completed, Failed, Terminated, TimedOut};
        match attributes {
            Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(it) => {
                let name = it.workflow_type.clone().unwrap_or_default().name;
                self.begin(event, Kind::ChildWorkflow, name, &it.workflow_id);
            }
            Attributes::ChildWorkflowExecutionStartedEventAttributes(it) => {
                self.start(event, it.initiated_event_id, 0);
            }
            Attributes::StartChildWorkflowExecutionFailedEventAttributes(it) => {
                self.end(event, it.initiated_event_id, Failed);
            }
            Attributes::ChildWorkflowExecutionCompletedEventAttributes(it) => {
                self.end(event, it.initiated_event_id, Completed);
            }
            Attributes::ChildWorkflowExecutionFailedEventAttributes(it) => {
                self.end(event, it.initiated_event_id, Failed);
            }
            Attributes::ChildWorkflowExecutionCanceledEventAttributes(it) => {
                self.end(event, it.initiated_event_id, Canceled);
            }
            Attributes::ChildWorkflowExecutionTimedOutEventAttributes(it) => {
                self.end(event, it.initiated_event_id, TimedOut);
            }
            Attributes::ChildWorkflowExecutionTerminatedEventAttributes(it) => {
                self.end(event, it.initiated_event_id, Terminated);
            }
            Attributes::NexusOperationScheduledEventAttributes(it) => {
                let name = format!("{} of {}", it.operation, it.service);
                self.begin(event, Kind::NexusOperation, name, "");
            }
            Attributes::NexusOperationStartedEventAttributes(it) => {
                self.start(event, it.scheduled_event_id, 0)
            }
            Attributes::NexusOperationCompletedEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, Completed);
            }
            Attributes::NexusOperationFailedEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, Failed);
            }
            Attributes::NexusOperationCanceledEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, Canceled);
            }
            Attributes::NexusOperationTimedOutEventAttributes(it) => {
                self.end(event, it.scheduled_event_id, TimedOut);
            }
            Attributes::WorkflowExecutionSignaledEventAttributes(it) => {
                self.begin(event, Kind::Signal, it.signal_name.clone(), "");
                self.end(event, event.event_id, Completed);
            }
            Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(it) => {
                let request = it.accepted_request.clone().unwrap_or_default();
                let id = request.meta.unwrap_or_default().update_id;
                self.begin(event, Kind::Update, request.input.unwrap_or_default().name, &id);
            }
            Attributes::WorkflowExecutionUpdateCompletedEventAttributes(it) => {
                self.end(event, it.accepted_event_id, Completed);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use host_wire::protojson::history_from_json;

    use super::*;

    fn orders() -> Vec<HistoryEvent> {
        let text = include_str!("../../../sample-workflows/orders/histories/completed.json");
        let history = history_from_json(text.as_bytes()).unwrap();
        history.events().map(|event| event.unwrap()).collect()
    }

    fn check(operations: &[Operation], expected: Expect) {
        let line = |operation: &Operation| {
            let Operation { kind, name, id, begin, started, end, .. } = operation;
            let started = started.map_or("-".to_owned(), |moment| moment.event_id.to_string());
            let end = end.map_or("open".to_owned(), |(moment, ending)| {
                format!("{} {}", moment.event_id, ending.name())
            });
            format!("{} {name} {id}: {} {started} {end}\n", kind.name(), begin.event_id)
        };
        expected.assert_eq(&operations.iter().map(line).collect::<String>());
    }

    #[test]
    fn operations_of_an_order() {
        let mut operations = operations(&orders());
        operations.retain(|operation| operation.kind != Kind::WorkflowTask);
        check(
            &operations,
            expect![[r#"
            activity reserve 1: 5 7 8 completed
            activity reserve 2: 6 10 11 completed
            activity charge 3: 14 15 16 completed
            timer 1 s 1: 20 - 21 completed
            activity ship 4: 25 26 27 completed
        "#]],
        );
    }

    #[test]
    fn what_is_open_at_an_event() {
        check(
            &open_at(&orders(), 6),
            expect![[r#"
            activity reserve 1: 5 - open
            activity reserve 2: 6 - open
        "#]],
        );
        check(&open_at(&orders(), 10_000), expect![[""]]);
    }
}
