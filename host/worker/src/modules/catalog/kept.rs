//! What is kept, and its removal.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
};

use host_sandbox::Digest;

use super::{Catalog, CatalogError, stored_module};
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

    /// Who signed each module that is kept, by digest; nothing for those that this host would not take, or where it takes
    /// all. Reads them.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn signed_by(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let mut found = BTreeMap::new();
        let Some(signers) = &self.signers else { return Ok(found) };
        for digest in self.kept()? {
            // One that is damaged is signed by none.
            let Ok(Some(module)) = stored_module(&self.store(), &digest) else { continue };
            found.extend(signers.check(&module).ok().map(|signer| (digest.to_string(), signer.to_owned())));
        }
        Ok(found)
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

    /// Says to other hosts on the store which modules are loaded here, if that has changed since.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn say_loaded(&self) -> Result<(), StoreError> {
        let loaded = self.loads.loaded();
        // Nothing is left half done where this is locked.
        let mut said = self.said_loaded.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *said {
            Some(said) => said.write(loaded),
            none => {
                *none = Some(self.store().say_loaded(loaded)?);
                Ok(())
            }
        }
    }

    /// The processes of other hosts on the store that have loaded a module, by digest.
    ///
    /// # Errors
    ///
    /// When what a host says cannot be read.
    pub(crate) fn loaded_elsewhere(&self) -> Result<BTreeMap<Digest, Vec<u32>>, StoreError> {
        let said = self.said_loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let mut processes: BTreeMap<Digest, Vec<u32>> = BTreeMap::new();
        for host in self.store().loaded_elsewhere(said.as_ref())? {
            for digest in host.modules() {
                processes.entry(digest).or_default().push(host.process);
            }
        }
        Ok(processes)
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
