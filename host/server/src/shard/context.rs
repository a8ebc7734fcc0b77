//! What all callers share: the shard behind its lock, storage, clock. Every transition goes through here.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    environment::Environment,
    execution::transition::Transition,
    shard::Shard,
    storage::{Append, Position, Storage},
    watched::Watched,
};

/// What all callers share.
pub(crate) struct ShardContext {
    pub(crate) shard: Mutex<Shard>,
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) environment: Environment,
    pub(crate) retention: Duration,
    /// Told whenever the first deadline may have changed.
    pub(crate) deadlines: Arc<tokio::sync::Notify>,
    /// Whether open polls should return.
    pub(crate) closing: Arc<Watched<bool>>,
}

impl fmt::Debug for ShardContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardContext").finish_non_exhaustive()
    }
}

impl ShardContext {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shard> {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and hands the facts to the log; answers the position to wait for.
    pub(crate) fn transition<R>(&self, change: impl FnOnce(&mut Transition<'_>) -> R) -> (R, Position) {
        self.transition_with(change, |_, _| {})
    }

    pub(crate) fn transition_with<R>(
        &self,
        change: impl FnOnce(&mut Transition<'_>) -> R,
        after: impl FnOnce(&mut Shard, &R),
    ) -> (R, Position) {
        let mut shard = self.lock();
        let now = self.environment.clock.now();
        let mut ids = || self.environment.ids.next();
        let mut transition = Transition::new(&mut shard.executions, now, &mut ids);
        let result = change(&mut transition);
        let changes = transition.changes;
        after(&mut shard, &result);
        if changes.records.is_empty() {
            return (result, shard.position());
        }
        let noted = shard.note_changes(&changes, now);
        self.storage.append(Append {
            position: noted.position,
            records: changes.records,
            archived: noted.archived,
            awaited: noted.awaited,
            lazy: noted.lazy,
        });
        drop(shard);
        if noted.sooner {
            self.deadlines.notify_one();
        }
        (result, noted.position)
    }

    /// Forgets what is not needed, and some of the runs that nothing happens to; answers whether there
    /// are more.
    pub(crate) fn sweep(&self) -> bool {
        let now = self.environment.clock.now();
        let mut shard = self.lock();
        let mut swept = shard.sweep(self.storage.applied(), now);
        let more = swept.has_more();
        if !swept.archived.is_empty() {
            let archived = std::mem::take(&mut swept.archived);
            let position = swept.position;
            self.storage.append(Append { position, records: Vec::new(), archived, awaited: 0, lazy: true });
        }
        drop(shard);
        drop(swept);
        more
    }

    /// Deletes runs that closed long ago.
    pub(crate) fn prune(&self) {
        self.storage.prune(self.environment.clock.now().before(self.retention));
    }
}
