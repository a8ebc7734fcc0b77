//! Modules on disk: their bytes by digest, and the order in which they were admitted.
//!
//! ```text
//! <data folder>/modules/<digest>.wasm     the bytes
//! <data folder>/modules/admitted.sqlite   order, origin and types
//! ```
//!
//! Any number of processes may use one store at a time, and none holds a lock for longer than a
//! statement: files are written beside and renamed, their names say what is in them, and SQLite orders
//! the admissions. So a host can execute a run with a module that another host admitted.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use host_sandbox::Digest;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::{
    build_id,
    files::{self, FileError},
};

/// How long a process waits for another one to finish its statement.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The first SQLite without the race that can damage a write-ahead log that several processes use
/// (<https://sqlite.org/wal.html#walresetbug>).
const MIN_SQLITE_VERSION_NUMBER: i32 = 3_051_003;

/// Version of the tables, kept in SQLite's `user_version`.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS modules (
        digest TEXT PRIMARY KEY,
        position INTEGER NOT NULL UNIQUE,
        source TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        admitted_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS workflow_types (
        digest TEXT NOT NULL REFERENCES modules (digest),
        name TEXT NOT NULL,
        PRIMARY KEY (digest, name)
    ) STRICT, WITHOUT ROWID;
";

/// Who may use the folder of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreAccess {
    /// The user of this process only: the folder has mode 0700.
    #[default]
    Owner,
    /// Who the folder's permissions let in; a new one has those of the umask. Who may write to it runs workflows.
    AsItIs,
}

/// The modules that were ever admitted, on disk.
#[derive(Debug)]
pub struct ModuleStore {
    folder: PathBuf,
    database: Connection,
}

/// A module that was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Grows with every admission; the highest one of a type serves its new runs.
    pub position: i64,
    /// The file that it was admitted from.
    pub source: PathBuf,
    /// Size of the module in bytes.
    pub size_bytes: u64,
    /// When it was admitted.
    pub time: SystemTime,
    /// Its workflow types, sorted; an empty name is the dynamic workflow.
    pub types: Vec<String>,
}

/// Why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder cannot be used.
    #[error("{action} {}", path.display())]
    File {
        /// The operation, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The list of admitted modules cannot be used.
    #[error("{action} {}", path.display())]
    Database {
        /// The operation, as a verb.
        action: &'static str,
        /// The database.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// Another process holds the lock on the list of admitted modules.
    #[error(
        "{} is locked by another process for more than {} s: which one has it open?",
        path.display(),
        BUSY_TIMEOUT.as_secs()
    )]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// The list was written by a newer host.
    #[error("{} has version {found}, and this host knows {SCHEMA_VERSION}: use a newer host", path.display())]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema version (SQLite's `user_version`).
        found: i64,
    },
    /// The linked SQLite has a bug that can damage databases with a write-ahead log.
    #[error("SQLite {} is too old: {MIN_SQLITE_VERSION_NUMBER} is needed", rusqlite::version())]
    OldSqlite,
    /// The content of a stored module does not have the digest in its name.
    #[error("{} is damaged: its content has digest {found}; remove it, and admit the module again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The digest of what is in it.
        found: Digest,
    },
}

impl ModuleStore {
    /// Opens the store of a data folder, or makes it.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written, or the list in it cannot be used.
    pub fn open(data_folder: &Path, access: StoreAccess) -> Result<Self, StoreError> {
        if rusqlite::version_number() < MIN_SQLITE_VERSION_NUMBER {
            return Err(StoreError::OldSqlite);
        }
        let folder = data_folder.join("modules");
        match access {
            StoreAccess::Owner => {
                let create = || {
                    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
                    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
                };
                create().map_err(file("create folder", &folder))?;
            }
            StoreAccess::AsItIs => fs::create_dir_all(&folder).map_err(file("create folder", &folder))?,
        }
        let path = folder.join("admitted.sqlite");
        let database = open_database(&path)?;
        Ok(Self { folder, database })
    }

    /// All modules that were ever admitted, the earliest admission first.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn admitted(&self) -> Result<Vec<Admitted>, StoreError> {
        self.select("ORDER BY position", &[])
    }

    /// One module, if it was ever admitted.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn find(&self, digest: &Digest) -> Result<Option<Admitted>, StoreError> {
        Ok(self.select("WHERE digest = ?1", &[&digest.to_string()])?.pop())
    }

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

    /// Admits a module: keeps its bytes, and makes it the latest of its types. One that was admitted
    /// before becomes the latest again. What is on disk when this returns stays there. Gives the
    /// position of the admission.
    ///
    /// # Errors
    ///
    /// When the bytes or the list cannot be written; then nothing is admitted.
    pub fn admit(
        &mut self,
        digest: &Digest,
        bytes: &[u8],
        source: &Path,
        types: &[&str],
        now: SystemTime,
    ) -> Result<i64, StoreError> {
        self.keep(digest, bytes)?;
        let failed = database("write to", &self.folder.join("admitted.sqlite"));
        self.insert(digest, bytes.len(), source, types, now).map_err(failed)
    }

    fn insert(
        &mut self,
        digest: &Digest,
        size_bytes: usize,
        source: &Path,
        types: &[&str],
        now: SystemTime,
    ) -> rusqlite::Result<i64> {
        let digest = digest.to_string();
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let transaction = self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let position: i64 = transaction.query_row(
            "INSERT INTO modules (digest, position, source, size_bytes, admitted_ms)
             VALUES (?1, (SELECT coalesce(max(position), 0) + 1 FROM modules), ?2, ?3, ?4)
             ON CONFLICT (digest) DO UPDATE SET
                position = excluded.position, source = excluded.source, admitted_ms = excluded.admitted_ms
             RETURNING position",
            params![
                digest,
                source.to_string_lossy(),
                i64::try_from(size_bytes).unwrap_or(i64::MAX),
                i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX),
            ],
            |row| row.get(0),
        )?;
        for name in types {
            transaction.execute(
                "INSERT OR IGNORE INTO workflow_types (digest, name) VALUES (?1, ?2)",
                params![digest, name],
            )?;
        }
        transaction.commit()?;
        Ok(position)
    }

    /// Keeps the bytes of a module, without admitting it. They are written to a temporary file and
    /// renamed, so a reader never sees a part of them.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn keep(&self, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(digest);
        if matches!(self.bytes(digest), Ok(Some(_))) {
            return Ok(());
        }
        let write = || -> io::Result<()> {
            let mut beside = tempfile::NamedTempFile::new_in(&self.folder)?;
            beside.write_all(bytes)?;
            beside.as_file().sync_all()?;
            beside.persist(&path).map_err(|error| error.error)?;
            fs::File::open(&self.folder)?.sync_all()
        };
        write().map_err(file("write", &path))
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }

    fn select(&self, clause: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Admitted>, StoreError> {
        let read = || -> rusqlite::Result<Vec<Admitted>> {
            let mut modules = self.database.prepare_cached(&format!(
                "SELECT digest, position, source, size_bytes, admitted_ms FROM modules {clause}"
            ))?;
            let mut types = self
                .database
                .prepare_cached("SELECT name FROM workflow_types WHERE digest = ?1 ORDER BY name")?;
            let rows = modules.query_map(values, |row| {
                let digest: String = row.get(0)?;
                let types = types.query_map([&digest], |row| row.get(0))?.collect::<Result<_, _>>()?;
                let position = row.get(1)?;
                let source: String = row.get(2)?;
                let size: i64 = row.get(3)?;
                let admitted_ms: i64 = row.get(4)?;
                let since_1970 = Duration::from_millis(u64::try_from(admitted_ms).unwrap_or(0));
                Ok(build_id::parse_digest(&digest).map(|digest| Admitted {
                    digest,
                    position,
                    source: source.into(),
                    size_bytes: u64::try_from(size).unwrap_or(0),
                    time: SystemTime::UNIX_EPOCH + since_1970,
                    types,
                }))
            })?;
            // A row that is not ours to read is one that no history can name.
            rows.filter_map(Result::transpose).collect()
        };
        read().map_err(database("read", &self.folder.join("admitted.sqlite")))
    }
}

fn open_database(path: &Path) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<(Connection, i64)> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).optional()?;
        let version = version.unwrap_or(0);
        if version < SCHEMA_VERSION {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()?;
        }
        Ok((connection, version))
    };
    let (connection, version) = open().map_err(database("open", path))?;
    if version > SCHEMA_VERSION {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found: version });
    }
    Ok(connection)
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::File { action, path, source }
}

fn database(action: &'static str, path: &Path) -> impl FnOnce(rusqlite::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            StoreError::Locked { path }
        }
        _ => StoreError::Database { action, path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    fn admit(store: &mut ModuleStore, bytes: &[u8], types: &[&str]) {
        let source = Path::new("some.wasm");
        store.admit(&digest(bytes), bytes, source, types, SystemTime::UNIX_EPOCH).unwrap();
    }

    /// The store as text: one module a line, in order.
    fn check(store: &ModuleStore, expected: &[(&[u8], &[&str])]) {
        let admitted: Vec<_> = store.admitted().unwrap();
        let found: Vec<_> = admitted.iter().map(|module| (module.digest, module.types.clone())).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(bytes, types)| (digest(bytes), types.iter().map(ToString::to_string).collect()))
            .collect();
        assert_eq!(found, expected);
        assert!(admitted.is_sorted_by(|one, other| one.position < other.position));
    }

    #[test]
    fn admissions_are_kept_in_order_across_restarts_and_between_processes() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
        check(&store, &[]);
        admit(&mut store, b"one", &["A", "B"]);
        let mut other = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
        admit(&mut other, b"two", &["A"]);
        check(&store, &[(b"one", &["A", "B"]), (b"two", &["A"])]);
        drop(store);
        let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
        admit(&mut store, b"one", &["A", "B"]);
        check(&other, &[(b"two", &["A"]), (b"one", &["A", "B"])]);
        assert_eq!(other.bytes(&digest(b"one")).unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(other.bytes(&digest(b"three")).unwrap(), None);
        assert_eq!(other.find(&digest(b"one")).unwrap().unwrap().size_bytes, 3);
        assert_eq!(other.find(&digest(b"three")).unwrap(), None);
    }

    #[test]
    fn many_hosts_open_a_new_store_at_once() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for host in 0..8_u8 {
                let folder = folder.path();
                scope.spawn(move || {
                    let mut store = ModuleStore::open(folder, StoreAccess::Owner).unwrap();
                    admit(&mut store, &[host], &["A"]);
                });
            }
        });
        assert_eq!(
            ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap().admitted().unwrap().len(),
            8
        );
    }

    #[test]
    fn a_damaged_module_is_not_given_out_and_admitting_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
        admit(&mut store, b"one", &["A"]);
        fs::write(store.path(&digest(b"one")), b"on").unwrap();
        assert!(matches!(store.bytes(&digest(b"one")), Err(StoreError::Damaged { .. })));
        admit(&mut store, b"one", &["A"]);
        assert_eq!(store.bytes(&digest(b"one")).unwrap().as_deref(), Some(&b"one"[..]));
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::write(&taken, b"a file").unwrap();
        let error = ModuleStore::open(&taken, StoreAccess::Owner).unwrap_err().to_string();
        assert_eq!(error, format!("create folder {}", taken.join("modules").display()));
    }

    #[test]
    fn a_list_of_a_newer_host_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap();
        store.database.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        drop(store);
        let error = ModuleStore::open(folder.path(), StoreAccess::Owner).unwrap_err();
        assert!(matches!(error, StoreError::NewerSchema { found, .. } if found == SCHEMA_VERSION + 1));
    }
}
