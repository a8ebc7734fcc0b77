//! Runs that are not in memory are read from `runs.sqlite`. When that fails, or the run is damaged, the process
//! ends, as it does when the file cannot be written: an answer without the run would be wrong.

use crate::{
    execution::{archive::Archive, record::RunNumber, run::Run},
    storage::{
        error::{StorageError, end_process},
        reader::Reader,
    },
};

impl Archive for Reader {
    fn latest(&self, namespace: &str, workflow_id: &str) -> Option<RunNumber> {
        or_end(self.latest(namespace, workflow_id))
    }

    fn with_run_id(&self, run_id: &str) -> Option<RunNumber> {
        or_end(self.with_run_id(run_id))
    }

    fn load(&self, number: RunNumber) -> Option<Run> {
        or_end(self.load(number))
    }
}

fn or_end<T>(read: Result<T, StorageError>) -> T {
    read.unwrap_or_else(|error| end_process(&error))
}
