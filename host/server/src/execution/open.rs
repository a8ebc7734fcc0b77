//! What a run has open, by the id of the event that scheduled it: activities, Nexus operations.

use std::collections::{BTreeMap, BTreeSet};

use crate::{execution::deadline::Deadline, time::Time};

/// Something that is open.
pub(crate) trait Item {
    fn next_deadline(&self) -> Option<(Time, Deadline)>;

    /// Bytes of what is kept of its attempts, such as the last failure.
    fn kept_bytes(&self) -> usize;
}

/// All open items of a kind, with what is known of them together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Open<T> {
    items: BTreeMap<i64, T>,
    kept_bytes: usize,
    /// The next deadline of each, with its scheduled event id.
    deadlines: BTreeSet<(Time, i64)>,
}

impl<T> Default for Open<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), kept_bytes: 0, deadlines: BTreeSet::new() }
    }
}

impl<T> Open<T> {
    pub(crate) fn get(&self, scheduled_event_id: i64) -> Option<&T> {
        self.items.get(&scheduled_event_id)
    }

    /// In the order of their scheduled events.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes of what is kept of their attempts.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }
}

impl<T: Item> Open<T> {
    pub(crate) fn next_deadline(&self) -> Option<(Time, Deadline)> {
        let (_, first) = self.deadlines.first()?;
        self.items.get(first)?.next_deadline()
    }

    /// One is scheduled.
    pub(in crate::execution) fn insert(&mut self, id: i64, item: T) {
        self.closed(id);
        self.enter(id, item);
    }

    pub(in crate::execution) fn closed(&mut self, scheduled_event_id: i64) {
        self.leave(scheduled_event_id);
    }

    /// Changes one that is open.
    pub(in crate::execution) fn change(&mut self, id: i64, change: impl FnOnce(&mut T)) {
        if let Some(mut item) = self.leave(id) {
            change(&mut item);
            self.enter(id, item);
        }
    }

    /// Changes all.
    pub(in crate::execution) fn change_all(&mut self, change: impl Fn(&mut T)) {
        for id in self.items.keys().copied().collect::<Vec<_>>() {
            self.change(id, &change);
        }
    }

    fn leave(&mut self, id: i64) -> Option<T> {
        let item = self.items.remove(&id)?;
        self.kept_bytes -= item.kept_bytes();
        if let Some((time, _)) = item.next_deadline() {
            self.deadlines.remove(&(time, id));
        }
        Some(item)
    }

    fn enter(&mut self, id: i64, item: T) {
        self.kept_bytes += item.kept_bytes();
        self.deadlines.extend(item.next_deadline().map(|(time, _)| (time, id)));
        self.items.insert(id, item);
    }
}
