//! Runs that were found damaged since the folder was opened. Each is reported once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::execution::record::RunNumber;

/// What is wrong with each damaged run, shared by everything that reads `runs.sqlite`.
#[derive(Clone, Debug, Default)]
pub(super) struct Damages(Arc<Mutex<BTreeMap<RunNumber, String>>>);

impl Damages {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunNumber, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with a run, if that is known.
    pub(super) fn get(&self, run: RunNumber) -> Option<String> {
        self.lock().get(&run).cloned()
    }

    /// Remembers what is wrong with a run; answers whether that is new.
    pub(super) fn insert(&self, run: RunNumber, reason: &str) -> bool {
        let mut all = self.lock();
        let is_new = !all.contains_key(&run);
        all.entry(run).or_insert_with(|| reason.to_owned());
        is_new
    }

    /// The run was deleted.
    pub(super) fn remove(&self, run: RunNumber) {
        self.lock().remove(&run);
    }
}
