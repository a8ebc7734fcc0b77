//! An archive in memory.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::execution::{
    archive::{Archive, Stored, Unreadable},
    record::{Record, RunIdentity, RunNumber},
    run::Run,
};

/// Everything that happened, as storage has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<Record>>>);

impl Kept {
    pub(crate) fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap()
    }

    /// The run as it was last.
    pub(crate) fn run(&self, number: RunNumber) -> Option<Run> {
        Run::from_records(self.records().iter().filter(|record| record.run == number).cloned())
    }

    fn last_started(&self, is_it: impl Fn(&RunIdentity) -> bool) -> Option<RunNumber> {
        let records = self.records();
        let started = records.iter().rev().find(|record| record.identity.as_ref().is_some_and(&is_it));
        started.map(|record| record.run)
    }
}

impl Archive for Kept {
    fn latest(&self, namespace: &str, workflow_id: &str) -> Result<Option<RunNumber>, Unreadable> {
        Ok(self
            .last_started(|identity| identity.namespace == namespace && identity.workflow_id == workflow_id))
    }

    fn with_run_id(&self, run_id: &str) -> Result<Option<RunNumber>, Unreadable> {
        Ok(self.last_started(|identity| identity.run_id == run_id))
    }

    fn load(&self, number: RunNumber) -> Result<Stored, Unreadable> {
        Ok(self.run(number).map_or(Stored::Nothing, |run| Stored::Run(Box::new(run))))
    }
}
