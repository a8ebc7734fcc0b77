//! Runs that are not in memory are read from `runs.sqlite`.

use crate::{
    execution::{
        archive::{Archive, Stored, Unreadable},
        record::RunNumber,
    },
    storage::{error::StorageError, reader::Reader},
};

impl Archive for Reader {
    fn latest(&self, namespace: &str, workflow_id: &str) -> Result<Option<RunNumber>, Unreadable> {
        self.latest(namespace, workflow_id).map_err(|error| unreadable(&error))
    }

    fn with_run_id(&self, run_id: &str) -> Result<Option<RunNumber>, Unreadable> {
        self.with_run_id(run_id).map_err(|error| unreadable(&error))
    }

    fn load(&self, number: RunNumber) -> Result<Stored, Unreadable> {
        self.load(number).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &StorageError) -> Unreadable {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Unreadable(format!("failed to {error}{cause}"))
}
