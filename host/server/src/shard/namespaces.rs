//! What is kept of a namespace beside its record: what goes with it, and what its retention says.

use tonic::Status;

use crate::{
    execution::record::RunNumber,
    shard::{Shard, context::ShardContext},
    storage::Mend,
};

/// Runs that leave memory while the lock is held.
const FORGOTTEN_RUNS: usize = 500;

impl Shard {
    /// Forgets runs of a namespace that is being deleted, up to a bound; answers whether there are more. None comes
    /// back: a run of such a namespace is not loaded.
    pub(crate) fn forget_some_runs(&mut self, namespace: &str) -> bool {
        let numbers: Vec<RunNumber> = self.executions.of_namespace(namespace).take(FORGOTTEN_RUNS).collect();
        numbers.iter().for_each(|number| self.forget(*number));
        numbers.len() == FORGOTTEN_RUNS
    }

    /// Forgets everything else of it.
    pub(crate) fn forget_namespace(&mut self, namespace: &str) {
        // A field more has to say what it has of a namespace.
        let Self {
            executions,
            queues,
            workers,
            // Those of runs end with them, or with their callers.
            queries: _,
            updates: _,
            deadlines: _,
            heap: _,
            touched: _,
            watchers: _,
            last: _,
            dropped_at: _,
            now: _,
        } = self;
        executions.forget_namespace(namespace);
        queues.forget_namespace(namespace);
        workers.forget_namespace(namespace);
    }
}

impl ShardContext {
    /// Deletes from disk what is set for a namespace that is being deleted. A call that sets something waits, and then
    /// does not find the namespace.
    ///
    /// # Errors
    ///
    /// When the disk is full, or the service ends.
    pub(crate) async fn delete_settings(&self, namespace: &str) -> Result<(), Status> {
        let _one_at_a_time = self.changing_settings.lock().await;
        self.mend(Mend::DeleteSettings(namespace.to_owned())).await
    }

    /// Gives a namespace that was registered just now the search attributes that all have.
    pub(crate) fn add_search_attributes(&self, shard: &mut Shard, namespace: &str) {
        shard.executions.search_attributes.set_custom(namespace, self.search_attributes.clone());
    }

    /// Deletes runs that closed longer ago than the retention of their namespace.
    pub(crate) fn prune(&self) {
        let now = self.now();
        let expiries = {
            let namespaces = &self.lock().executions.namespaces;
            let names = namespaces.iter().map(|namespace| &namespace.info.name);
            names.map(|name| (name.clone(), namespaces.expiry(name, now))).collect()
        };
        self.storage().prune(expiries);
    }
}
