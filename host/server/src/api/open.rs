//! The service as it is opened, and as each kind of caller has it.

use std::sync::Arc;

use crate::{
    api::{context::Context, operator::Operator},
    environment::Environment,
    options::Options,
    shard::context::ShardContext,
    storage::Opened,
};

/// The service, as one kind of caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(super) context: Context,
}

impl Service {
    /// Opens the service for callers outside the process.
    pub(crate) fn new(opened: Opened, options: Options, environment: Environment) -> Self {
        let shard = Arc::new(ShardContext::open(opened, options, environment));
        Self { context: Context { shard, in_process: false } }
    }

    /// The same service for callers within the process.
    pub(crate) fn in_process(&self) -> Self {
        Self { context: Context { in_process: true, ..self.context.clone() } }
    }

    /// The calls of people who run the service.
    pub(crate) fn operator(&self) -> Operator {
        Operator(self.context.clone())
    }

    pub(crate) fn shard(&self) -> &Arc<ShardContext> {
        &self.context.shard
    }

    /// Makes open polls return.
    pub(crate) fn close(&self) {
        self.context.shard.close();
    }
}
