//! The way from the live path to a shadow.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use host_wire::temporal::api::common::v1::WorkflowExecution;
use tokio::sync::mpsc;

/// Workflow tasks that wait for a shadow. With [`MAX_EVENT_BYTES`] they take 16 MiB at most.
const QUEUED_TASKS: usize = 256;

/// Bytes of events that wait with a task. One that brought more waits without: its run is fetched.
const MAX_EVENT_BYTES: usize = 64 * 1024;

/// What came with a workflow task of a live run that was completed.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) execution: WorkflowExecution,
    pub(crate) workflow_type: String,
    /// Encoded, each with its id, in order.
    pub(crate) events: Vec<(i64, Bytes)>,
    /// Whether more followed on pages that are not here.
    pub(crate) has_more: bool,
    /// The `WorkflowTaskStarted` event of the task, which is the last that it brought.
    pub(crate) started_event_id: i64,
    pub(crate) end: SeenEnd,
}

impl Seen {
    fn bounded(mut self) -> Self {
        let bytes: usize = self.events.iter().map(|(_, event)| event.len()).sum();
        if bytes > MAX_EVENT_BYTES {
            self.events = Vec::new();
            self.has_more = true;
        }
        self
    }
}

/// What became of the run with the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeenEnd {
    /// It goes on.
    GoesOn,
    /// It goes on, and its history may have lost events that came with the task.
    Rewound,
    /// It has closed.
    Closed,
}

/// Shows the tasks of the workers of a host to a shadow, while there is one.
#[derive(Debug, Default)]
pub struct ShadowFeed {
    current: RwLock<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    tasks: mpsc::Sender<Seen>,
    dropped: Arc<AtomicU64>,
    /// Workflow types that the candidate runs.
    types: BTreeSet<String>,
    /// Types that other modules define: its dynamic workflow does not run them.
    others: BTreeSet<String>,
}

impl Current {
    fn runs(&self, workflow_type: &str) -> bool {
        self.types.contains(workflow_type) || self.types.contains("") && !self.others.contains(workflow_type)
    }
}

impl ShadowFeed {
    /// Shows a task, if there is a shadow that runs its type and has room. Never waits.
    pub(crate) fn show(&self, workflow_type: &str, task: impl FnOnce() -> Option<Seen>) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let Some(current) = current.as_ref().filter(|current| current.runs(workflow_type)) else { return };
        // Room first: what is dropped costs nothing.
        match current.tasks.try_reserve() {
            Ok(place) => {
                if let Some(task) = task() {
                    place.send(task.bounded());
                }
            }
            Err(_) => {
                current.dropped.fetch_add(1, Ordering::Relaxed);
                host_telemetry::SHADOW_TASKS.count(["dropped"]);
            }
        }
    }

    /// Shows tasks of these types from now on. Gives the tasks, and how many found no room.
    pub(crate) fn open(
        &self,
        types: BTreeSet<String>,
        others: BTreeSet<String>,
    ) -> (mpsc::Receiver<Seen>, Arc<AtomicU64>) {
        let (tasks, shown) = mpsc::channel(QUEUED_TASKS);
        let dropped = Arc::default();
        let current = Current { tasks, dropped: Arc::clone(&dropped), types, others };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(current);
        (shown, dropped)
    }

    /// Shows no tasks any more.
    pub(crate) fn close(&self) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Option<Seen> {
        let (execution, workflow_type) = (WorkflowExecution::default(), "A".to_owned());
        let (events, end) = (Vec::new(), SeenEnd::GoesOn);
        Some(Seen { execution, workflow_type, events, has_more: false, started_event_id: 3, end })
    }

    #[test]
    fn what_finds_no_room_is_counted_and_not_made() {
        let feed = ShadowFeed::default();
        feed.show("A", || panic!("there is no shadow"));
        let (mut shown, dropped) = feed.open(["A".to_owned()].into(), BTreeSet::new());
        feed.show("B", || panic!("it does not run this type"));
        for _ in 0..QUEUED_TASKS {
            feed.show("A", seen);
        }
        feed.show("A", || panic!("there is no room"));
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        assert!(shown.try_recv().is_ok());
        feed.show("A", seen);
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
        feed.close();
        feed.show("A", || panic!("it has ended"));
    }

    #[test]
    fn a_task_that_brought_many_bytes_waits_without_them() {
        let feed = ShadowFeed::default();
        let (mut shown, _) = feed.open(["A".to_owned()].into(), BTreeSet::new());
        for (bytes, waits) in [(MAX_EVENT_BYTES, true), (MAX_EVENT_BYTES + 1, false)] {
            let event = (1, Bytes::from(vec![0; bytes]));
            feed.show("A", || seen().map(|seen| Seen { events: vec![event], ..seen }));
            let seen = shown.try_recv().unwrap();
            assert_eq!((seen.events.len() == 1, seen.has_more), (waits, !waits));
        }
    }

    #[test]
    fn a_dynamic_workflow_runs_the_types_of_no_other_module() {
        let feed = ShadowFeed::default();
        let (mut shown, _) = feed.open([String::new()].into(), ["B".to_owned()].into());
        feed.show("A", seen);
        feed.show("B", || panic!("another module defines it"));
        assert!(shown.try_recv().is_ok());
    }
}
