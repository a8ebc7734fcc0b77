//! The runs that are loaded for one caller.

use crate::{
    execution::{executions::Drops, loading::Needed},
    shard::{Shard, context::ShardContext},
};

/// The runs that were loaded for one caller. They stay in memory until it is done.
pub(super) struct Loads<'a> {
    context: &'a ShardContext,
    needed: Vec<Needed>,
}

impl<'a> Loads<'a> {
    pub(super) fn new(context: &'a ShardContext) -> Self {
        Self { context, needed: Vec::new() }
    }

    /// Notes that a run is needed.
    pub(super) fn pin(&mut self, shard: &mut Shard, needed: Needed) -> (Needed, Drops) {
        let drops = shard.executions.pin(&needed);
        self.needed.push(needed.clone());
        (needed, drops)
    }
}

impl Drop for Loads<'_> {
    fn drop(&mut self) {
        if !self.needed.is_empty() {
            let mut shard = self.context.lock();
            for needed in &self.needed {
                shard.executions.unpin(needed);
            }
        }
    }
}
