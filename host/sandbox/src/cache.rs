//! A folder of compiled modules, so that a restart does not compile them again.
//!
//! Loading native code runs whatever the file contains. So an entry is used only if it carries a valid seal:
//! an HMAC with this folder's key, which only the user of the host can read. A module without a valid entry
//! is compiled again; the cache never makes loading fail.

use std::fs::{self, File};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac as _};
use rustix::fs::OFlags;
use rustix::process::geteuid;
use sha2::{Digest as _, Sha256};

use crate::digest::Digest;
use crate::limits::MAX_CODE_BYTES;

/// The version of the layout of entries.
const FORMAT: u32 = 1;
const KEY_FILE: &str = "key";
const KEY_BYTES: usize = 32;
const SEAL_BYTES: usize = 32;

/// A folder of compiled modules, by the digest of what was compiled.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    /// Hash of the wasmtime version and settings that the compiled code depends on.
    engine: [u8; 32],
}

impl Cache {
    /// Opens a folder, with permissions for its user only. Creates it if it does not exist.
    pub(crate) fn open(folder: &Path, engine: &wasmtime::Engine) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        if fs::metadata(folder)?.uid() != geteuid().as_raw() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the folder belongs to another user",
            ));
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        let mut hasher = Bytes(Sha256::new());
        FORMAT.hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { folder: folder.to_owned(), key: key(folder)?, engine: hasher.0.finalize().into() })
    }

    /// The code of a module, if the folder has a valid entry.
    pub(crate) fn get(&self, digest: Digest) -> Option<Vec<u8>> {
        let mut entry = Vec::new();
        // Read before the check, because the file may change between the check and the use.
        let limit = MAX_CODE_BYTES + SEAL_BYTES as u64;
        open(&self.path(digest)).ok()?.take(limit).read_to_end(&mut entry).ok()?;
        let code_bytes = entry.len().checked_sub(SEAL_BYTES)?;
        let seal = entry.split_off(code_bytes);
        self.seal(digest, &entry)?.verify_slice(&seal).ok()?;
        Some(entry)
    }

    /// Stores the code of a module.
    pub(crate) fn put(&self, digest: Digest, code: &[u8]) -> io::Result<()> {
        let seal = self.seal(digest, code).ok_or(io::ErrorKind::InvalidInput)?.finalize().into_bytes();
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(code)?;
        file.write_all(&seal)?;
        file.persist(self.path(digest))?;
        Ok(())
    }

    /// Waits until no other process compiles this module, and keeps the others from it until the lock is dropped.
    /// `None` if the file system has no locks: then two processes may compile the same module.
    pub(crate) fn lock(&self, digest: Digest) -> Option<CompileLock> {
        let path = self.path(digest).with_extension("lock");
        let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path).ok()?;
        file.lock().ok()?;
        Some(CompileLock { path, _file: file })
    }

    fn path(&self, digest: Digest) -> PathBuf {
        // With a part of the engine's hash, hosts of two versions do not overwrite each other's entries.
        self.folder.join(format!("{digest}-{}", hex::encode(&self.engine[..8])))
    }

    fn seal(&self, digest: Digest, code: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::new_from_slice(&self.key).ok()?;
        mac.update(&digest.0);
        mac.update(&self.engine);
        mac.update(code);
        Some(mac)
    }
}

/// The right to compile a module, while other processes wait.
#[derive(Debug)]
pub(crate) struct CompileLock {
    path: PathBuf,
    /// Unlocked when it is closed, also by the end of the process.
    _file: File,
}

impl Drop for CompileLock {
    fn drop(&mut self) {
        // Who waits for the file still gets its turn, and finds the entry.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens a file of the folder without waiting for anything: it is a regular file of this user, not a link.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let flags = i32::try_from(flags.bits()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.uid() == geteuid().as_raw() {
        Ok(file)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// The stored key, unless another user could have read or written it.
fn stored_key(path: &Path) -> Option<[u8; KEY_BYTES]> {
    let file = open(path).ok()?;
    if file.metadata().ok()?.mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others could read the key of compiled modules: it is replaced");
        return None;
    }
    let mut key = Vec::new();
    file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key).ok()?;
    key.try_into().ok()
}

/// The key of a folder. Creates one if the folder has none, or one that is not this user's alone.
fn key(folder: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let path = folder.join(KEY_FILE);
    if let Some(key) = stored_key(&path) {
        return Ok(key);
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let key: [u8; KEY_BYTES] = rand::random();
    let mut file =
        tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(folder)?;
    file.write_all(&key)?;
    // Two processes may create a key at the same time: the one that is stored first is used by both.
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(key),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            stored_key(&path).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
        }
        Err(error) => Err(error.error),
    }
}

/// Passes the bytes that a `Hash` implementation writes to SHA-256.
struct Bytes(Sha256);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        // The digest is taken from the field instead.
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sealed_entries_count() {
        let folder = tempfile::tempdir().unwrap();
        let engine = wasmtime::Engine::default();
        let open = || Cache::open(&folder.path().join("cache"), &engine).unwrap();
        let (cache, digest, code) = (open(), Digest([1; 32]), b"code".to_vec());
        assert_eq!(cache.get(digest), None);
        cache.put(digest, &code).unwrap();
        assert_eq!(open().get(digest), Some(code.clone()));

        let entry = cache.path(digest);
        let sealed = fs::read(&entry).unwrap();
        for spoiled in [&sealed[..sealed.len() - 1], &sealed[1..], &sealed[..3], b""] {
            fs::write(&entry, spoiled).unwrap();
            assert_eq!(cache.get(digest), None);
        }
        for at in [0, sealed.len() - 1] {
            let mut spoiled = sealed.clone();
            spoiled[at] ^= 1;
            fs::write(&entry, spoiled).unwrap();
            assert_eq!(cache.get(digest), None);
        }
        fs::write(&entry, &sealed).unwrap();
        assert_eq!(cache.get(digest), Some(code));

        // A key that others could read seals nothing, nor does one that is no file.
        fs::set_permissions(cache.folder.join(KEY_FILE), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(open().get(digest), None);
        open().put(digest, b"code").unwrap();
        assert_eq!(open().get(digest), Some(b"code".to_vec()));
        fs::remove_file(cache.folder.join(KEY_FILE)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", cache.folder.join(KEY_FILE)).unwrap();
        assert_eq!(open().get(digest), None);
        open().put(digest, b"code").unwrap();
        let cache = open();

        // An entry of another module is not valid, nor one under another key.
        fs::rename(&entry, cache.path(Digest([2; 32]))).unwrap();
        assert_eq!(cache.get(Digest([2; 32])), None);
        cache.put(digest, b"code").unwrap();
        fs::write(cache.folder.join(KEY_FILE), [7; KEY_BYTES]).unwrap();
        assert_eq!(open().get(digest), None);

        // An entry that is a pipe is not waited for.
        fs::remove_file(cache.path(digest)).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, cache.path(digest), rustix::fs::Mode::from_raw_mode(0o600))
            .unwrap();
        assert_eq!(cache.get(digest), None);
    }
}
