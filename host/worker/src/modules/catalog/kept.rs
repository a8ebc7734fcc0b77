//! What is kept, and its removal.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use host_sandbox::Digest;

use super::{Catalog, CatalogError};
use crate::modules::{LoadedModule, audit::AuditEntry, store::StoreError};

impl Catalog {
    /// Every module that is kept: those that were admitted, the earliest first, then others, such as canaries.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn kept(&self) -> Result<Vec<Digest>, StoreError> {
        let store = self.store();
        let mut stored: Vec<Digest> = store.admitted()?.iter().map(|module| module.digest).collect();
        let others: Vec<Digest> = store.kept()?.into_iter().filter(|kept| !stored.contains(kept)).collect();
        stored.extend(others);
        Ok(stored)
    }

    /// The types of which a module serves new runs.
    pub(crate) fn serves(&self, digest: &Digest) -> Vec<String> {
        let state = self.state();
        let serves =
            |name: &&String| state.defining(name).is_some_and(|served| served.module.digest() == *digest);
        state.types().filter(serves).cloned().collect()
    }

    /// Whether open runs may move to a module by hand.
    pub(crate) fn is_moved_to(&self, digest: &Digest) -> bool {
        let state = self.state();
        state.adoptions.values().any(|to| to == digest)
            || state.moves.values().any(|moved| moved.to == *digest)
    }

    /// The modules of the files, each once: also those whose types newer ones have taken.
    pub(crate) fn of_files(&self) -> BTreeMap<Digest, Arc<LoadedModule>> {
        self.state().of_files()
    }

    /// Takes note of which modules are polled for as versions of a worker deployment.
    pub(crate) fn set_polled(&self, versions: BTreeSet<Digest>) {
        self.state().polled = versions;
    }

    /// Whether a module is polled for as a version of a worker deployment.
    pub(crate) fn is_polled(&self, digest: &Digest) -> bool {
        self.state().polled.contains(digest)
    }

    /// Removes a module that does not serve and to which no runs move.
    ///
    /// # Errors
    ///
    /// When it does by now, or the store cannot be written: then it stays.
    pub(crate) fn remove(&self, digest: &Digest, entry: &AuditEntry) -> Result<(), CatalogError> {
        let mut store = self.store();
        let is_needed = !self.serves(digest).is_empty()
            || self.is_canary(digest)
            || self.is_moved_to(digest)
            || self.is_polled(digest);
        if is_needed {
            return Err(CatalogError::Needed { digest: *digest });
        }
        store.remove(digest, entry)?;
        Ok(())
    }
}
