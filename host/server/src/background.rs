//! What the service does by itself, each in a task: deadlines, batch operations, the drainage of versions, the deletion of
//! namespaces.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::{
    batch::run::run_batches,
    deployment::drainage::run_drainage,
    namespace::reclaim::reclaim_namespaces,
    shard::{context::ShardContext, deadlines::run_deadlines},
};

/// The tasks of a service, which hold it weakly.
#[derive(Debug)]
pub(crate) struct Background([(&'static str, JoinHandle<()>); 4]);

impl Background {
    pub(crate) fn start(shard: &Arc<ShardContext>) -> Self {
        let weak = || Arc::downgrade(shard);
        Self([
            ("deadlines", tokio::spawn(run_deadlines(weak()))),
            ("batch operations", tokio::spawn(run_batches(weak()))),
            ("drainage", tokio::spawn(run_drainage(weak()))),
            ("namespaces", tokio::spawn(reclaim_namespaces(weak()))),
        ])
    }

    pub(crate) fn abort(&self) {
        self.0.iter().for_each(|(_, task)| task.abort());
    }

    /// A task that ended, which none does while the service is open.
    #[cfg(test)]
    pub(crate) fn ended(&self) -> Option<&'static str> {
        self.0.iter().find_map(|(name, task)| task.is_finished().then_some(*name))
    }
}
