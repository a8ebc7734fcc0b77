//! The bytes that are kept, and their removal.

use std::{fs, io};

use host_sandbox::Digest;

use super::{ModuleStore, StoreError, file};
use crate::modules::{
    audit::{self, AuditEntry},
    build_id,
};

impl ModuleStore {
    /// The modules whose bytes are here, sorted; also those that were never admitted.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn kept(&self) -> Result<Vec<Digest>, StoreError> {
        let failed = |source| file("read folder", &self.folder)(source);
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let digits = name.to_str().and_then(|name| name.strip_suffix(".wasm"));
            kept.extend(digits.and_then(build_id::parse_digest));
        }
        kept.sort_unstable();
        Ok(kept)
    }

    /// Forgets a module, and removes its bytes. After a kill between both the bytes are those of a module that was never
    /// admitted.
    ///
    /// # Errors
    ///
    /// When another module's row names it, or the list or the folder cannot be written.
    pub fn remove(&mut self, digest: &Digest, entry: &AuditEntry) -> Result<(), StoreError> {
        let name = digest.to_string();
        self.write(|transaction| {
            for forget in [
                "DELETE FROM instead WHERE digest = ?1",
                "DELETE FROM workflow_types WHERE digest = ?1",
                "DELETE FROM modules WHERE digest = ?1",
            ] {
                transaction.execute(forget, [&name])?;
            }
            audit::write(transaction, entry)
        })?;
        let path = self.path(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file("remove", &path)(error)),
            _ => Ok(()),
        }
    }
}
