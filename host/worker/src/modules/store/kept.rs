//! The bytes and signatures that are kept, and their removal.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use host_sandbox::Digest;
use sha2::{Digest as _, Sha256};

use super::{ModuleStore, StoreError, beside, file};
use crate::modules::{
    audit::{self, AuditEntry},
    build_id,
    files::{self, FileError},
    signed::{self, signature_path},
};

impl ModuleStore {
    /// The bytes of a module, checked against its digest. Nothing when the store does not have it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or holds something else.
    pub fn bytes(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(digest);
        let bytes = match files::read(&path) {
            Ok(bytes) => bytes,
            Err(FileError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(FileError::Unreadable { source, .. }) => return Err(file("read", &path)(source)),
            Err(error) => return Err(file("read", &path)(io::Error::other(error))),
        };
        let found = Digest(Sha256::digest(&bytes).into());
        if found == *digest { Ok(Some(bytes)) } else { Err(StoreError::Damaged { path, found }) }
    }

    /// The signature that came with a module. Nothing when none did.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn signature(&self, digest: &Digest) -> Result<Option<String>, StoreError> {
        let path = signature_path(&self.path(digest));
        signed::read_signature(&path).map_err(|error| file("read", &path)(io::Error::other(error)))
    }

    /// Keeps the bytes of a module, without admitting it, and its signature if it has one. They are written to a temporary
    /// file and renamed, so a reader never sees a part of them.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn keep(&self, digest: &Digest, bytes: &[u8], signature: Option<&str>) -> Result<(), StoreError> {
        // The signature first: bytes without theirs may not be loaded.
        if let Some(signature) = signature
            && self.signature(digest).ok().flatten().as_deref() != Some(signature)
        {
            self.write_file(&signature_path(&self.path(digest)), signature.as_bytes())?;
        }
        if matches!(self.bytes(digest), Ok(Some(_))) {
            return Ok(());
        }
        self.write_file(&self.path(digest), bytes)
    }

    fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let write = || -> io::Result<()> {
            let mut beside = beside(&self.folder)?;
            beside.write_all(bytes)?;
            beside.as_file().sync_all()?;
            beside.persist(path).map_err(|error| error.error)?;
            fs::File::open(&self.folder)?.sync_all()
        };
        write().map_err(file("write", path))
    }

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
        for path in [signature_path(&path), path] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(file("remove", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }
}
