//! Workflow tasks that no module here can execute, kept until one arrives.
//!
//! A parked task holds no slot. Once it times out at the service, the service gives out another attempt,
//! which takes the parked one's place.

use std::{collections::HashMap, time::Duration};

use host_wire::temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse;
use tokio::time::Instant;

/// Tasks that may be parked. One more is left to time out, and parked when it comes back and there is
/// room.
const MAX_PARKED: usize = 1_000;

/// How long a task is parked: the longest start-to-close timeout of workflow tasks that Temporal's server accepts
/// (`limit.maxWorkflowTaskStartToCloseTimeout`). The service has given the task out again by then, perhaps to another
/// host.
const PARKED_FOR: Duration = Duration::from_secs(120);

/// A task that no module here executes.
#[derive(Debug)]
pub(crate) struct ParkedTask {
    pub(crate) task: Box<PollWorkflowTaskQueueResponse>,
    /// The catalog's generation when the module was looked for: one that arrived since may be the task's.
    pub(crate) generation: u64,
}

/// The parked tasks `T` of a worker, by run id.
#[derive(Debug)]
pub(crate) struct Parking<T> {
    tasks: HashMap<String, (T, Instant)>,
}

impl<T> Default for Parking<T> {
    fn default() -> Self {
        Self { tasks: HashMap::new() }
    }
}

impl<T> Parking<T> {
    /// Keeps a task, in the place of an earlier one of its run. Gives it back when there is no room.
    pub(crate) fn park(&mut self, run_id: String, task: T, now: Instant) -> Option<T> {
        if self.tasks.len() >= MAX_PARKED && !self.tasks.contains_key(&run_id) {
            return Some(task);
        }
        self.tasks.insert(run_id, (task, now));
        None
    }

    /// Tasks that are parked now.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Drops the parked task of a run, because a later one is executed.
    pub(crate) fn forget(&mut self, run_id: &str) {
        self.tasks.remove(run_id);
    }

    /// Takes all tasks, in no particular order, to try them again.
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        std::mem::take(&mut self.tasks).into_values().map(|(task, _)| task).collect()
    }

    /// When the next task expires.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.tasks.values().map(|(_, parked)| *parked + PARKED_FOR).min()
    }

    /// Drops the tasks that have expired.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.tasks.retain(|_, (_, parked)| *parked + PARKED_FOR > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_task_of_a_run_is_kept() {
        let mut parking = Parking::default();
        let now = Instant::now();
        assert_eq!(parking.park("a".to_owned(), 1, now), None);
        assert_eq!(parking.park("a".to_owned(), 2, now), None);
        assert_eq!(parking.park("b".to_owned(), 3, now), None);
        parking.forget("b");
        assert_eq!(parking.take_all(), [2]);
        assert!(parking.take_all().is_empty());
    }

    #[test]
    fn parking_is_bounded() {
        let mut parking = Parking::default();
        let now = Instant::now();
        for run in 0..MAX_PARKED {
            assert_eq!(parking.park(run.to_string(), run, now), None);
        }
        assert_eq!(parking.park("one more".to_owned(), 0, now), Some(0));
        assert_eq!(parking.park("7".to_owned(), 0, now), None);
    }

    #[test]
    fn what_the_service_gave_out_again_is_dropped() {
        let mut parking = Parking::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(60);
        parking.park("a".to_owned(), 1, now);
        parking.park("b".to_owned(), 2, later);
        assert_eq!(parking.next_expiry(), Some(now + PARKED_FOR));
        parking.expire(now + PARKED_FOR);
        assert_eq!(parking.next_expiry(), Some(later + PARKED_FOR));
        assert_eq!(parking.take_all(), [2]);
        assert_eq!(parking.next_expiry(), None);
    }
}
