//! What an RPC works with.

use std::{ops::Deref, sync::Arc};

use crate::{execution::worker::Worker, shard::context::ShardContext};

/// The shard, and what is known of the caller.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) shard: Arc<ShardContext>,
    /// Whether the caller is part of the process. Workflow tasks of such workers need not wait for the disk:
    /// workflows have no effects of their own, and a crash takes both.
    pub(crate) in_process: bool,
}

impl Deref for Context {
    type Target = ShardContext;

    fn deref(&self) -> &ShardContext {
        &self.shard
    }
}

impl Context {
    /// A worker that is the caller.
    pub(crate) fn worker(&self, identity: &str) -> Worker {
        Worker { identity: identity.to_owned(), in_process: self.in_process, ..Worker::default() }
    }
}
