//! Calls that wait for updates, and the room that updates take until a worker accepts or rejects them. Both live in
//! memory only.

use std::collections::HashMap;

use crate::execution::update::state::{UpdateEnd, UpdateNumber};

/// Updates of all runs that wait for a verdict, at most.
const ALL_UPDATES: usize = 10_000;
/// Bytes of them, at most.
const ALL_UPDATE_BYTES: usize = 256 * 1024 * 1024;

/// Updates that wait for a verdict, and their callers.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    last: UpdateNumber,
    /// Bytes of each update.
    open: HashMap<UpdateNumber, usize>,
    bytes: usize,
    callers: HashMap<UpdateNumber, Callers>,
}

/// The calls that wait for one update.
#[derive(Debug, Default)]
struct Callers {
    count: usize,
    /// Set when the update was rejected or cannot be decided any more.
    end: Option<UpdateEnd>,
}

impl Updates {
    /// Makes room for an update, and gives it its number; nothing when there are too many.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Option<UpdateNumber> {
        if self.open.len() >= ALL_UPDATES || self.bytes + bytes > ALL_UPDATE_BYTES {
            return None;
        }
        self.last += 1;
        self.open.insert(self.last, bytes);
        self.bytes += bytes;
        Some(self.last)
    }

    /// The update was not admitted, or waits no more.
    pub(crate) fn release(&mut self, number: UpdateNumber) {
        self.bytes -= self.open.remove(&number).unwrap_or_default();
    }

    /// A worker decided the update, or none will.
    pub(crate) fn decide(&mut self, number: UpdateNumber, end: Option<&UpdateEnd>) {
        self.release(number);
        if let Some(callers) = self.callers.get_mut(&number) {
            callers.end = end.cloned();
        }
    }

    /// Keeps those of which this is true: the others were lost with their runs.
    pub(crate) fn retain(&mut self, is_there: impl Fn(UpdateNumber) -> bool) {
        let lost: Vec<_> = self.open.keys().copied().filter(|number| !is_there(*number)).collect();
        lost.into_iter().for_each(|number| self.release(number));
    }

    /// How many wait for a verdict.
    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// A call waits for the update.
    pub(crate) fn enter(&mut self, number: UpdateNumber) {
        self.callers.entry(number).or_default().count += 1;
    }

    /// A call does not wait any more.
    pub(crate) fn leave(&mut self, number: UpdateNumber) {
        if let Some(callers) = self.callers.get_mut(&number) {
            callers.count -= 1;
            if callers.count == 0 {
                self.callers.remove(&number);
            }
        }
    }

    /// The end of an update for which a call waits, if it was not accepted.
    pub(crate) fn end(&self, number: UpdateNumber) -> Option<&UpdateEnd> {
        self.callers.get(&number)?.end.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn updates_of_all_runs_are_bounded() {
        let mut updates = Updates::default();
        assert!(updates.reserve(ALL_UPDATE_BYTES + 1).is_none());
        assert_eq!((0..20_000).filter(|_| updates.reserve(1_000).is_some()).count(), ALL_UPDATES);
        updates.decide(1, None);
        assert!(updates.reserve(1_000).is_some());
        updates.retain(|number| number <= 10);
        assert_eq!((updates.open_count(), updates.bytes), (9, 9_000));
    }

    #[test]
    fn every_caller_is_told_of_the_end() {
        let mut updates = Updates::default();
        let number = updates.reserve(1).unwrap();
        updates.enter(number);
        updates.enter(number);
        let end = UpdateEnd::Aborted(Error::closing());
        updates.decide(number, Some(&end));
        updates.leave(number);
        assert_eq!(updates.end(number), Some(&end));
        updates.leave(number);
        assert_eq!(updates.end(number), None);
    }
}
