//! What is kept, and its removal.

use host_sandbox::Digest;

use super::{Catalog, CatalogError};
use crate::modules::{audit::AuditEntry, store::StoreError};

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

    /// Removes a module that does not serve and to which no runs move.
    ///
    /// # Errors
    ///
    /// When it does by now, or the store cannot be written: then it stays.
    pub(crate) fn remove(&self, digest: &Digest, entry: &AuditEntry) -> Result<(), CatalogError> {
        let mut store = self.store();
        let is_needed = !self.serves(digest).is_empty() || self.is_canary(digest) || self.is_moved_to(digest);
        if is_needed {
            return Err(CatalogError::Needed { digest: *digest });
        }
        store.remove(digest, entry)?;
        Ok(())
    }
}
