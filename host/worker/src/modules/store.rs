//! Modules on disk: their bytes by digest, and the order in which they were admitted.
//!
//! ```text
//! <data folder>/modules/<digest>.wasm     the bytes; beside them `<digest>.wasm.minisig`, if they were signed
//! <data folder>/modules/admitted.sqlite   order, origin and types
//! <data folder>/modules/hosts/            what each host has loaded
//! ```
//!
//! Any number of processes may use one store at a time, and none holds a lock for longer than a
//! statement: files are written beside and renamed, their names say what is in them, and SQLite orders
//! the admissions. So a host can execute a run with a module that another host admitted.

mod canary;
mod error;
mod kept;
mod loaded;
mod moves;
mod schema;
mod version;

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

pub use error::StoreError;
use host_sandbox::Digest;
pub(super) use loaded::LoadedHere;
pub use moves::RunMove;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use schema::SCHEMA_VERSION;
use tempfile::NamedTempFile;

use super::{
    audit::{self, AuditEntry},
    build_id,
};

/// How long a process waits for another one to finish its statement.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The first SQLite without the race that can damage a write-ahead log that several processes use
/// (<https://sqlite.org/wal.html#walresetbug>).
const MIN_SQLITE_VERSION_NUMBER: i32 = 3_051_003;

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
    /// Whether open runs of its types move to it where it replays them.
    pub moves: bool,
}

/// A module that is admitted now.
#[derive(Clone, Copy, Debug)]
pub struct NewAdmission<'a> {
    /// The SHA-256 of its bytes.
    pub digest: &'a Digest,
    /// The bytes of the component.
    pub bytes: &'a [u8],
    /// The signature that came with them.
    pub signature: Option<&'a str>,
    /// The file that it comes from.
    pub source: &'a Path,
    /// Its workflow types.
    pub types: &'a [&'a str],
    /// Whether open runs of its types move to it.
    pub moves: bool,
    /// Files with the digests of their content, in whose place it serves until they change.
    pub instead_of: &'a [(PathBuf, Digest)],
    /// What the audit says of it.
    pub audit: Option<&'a AuditEntry>,
    /// The time of the admission.
    pub now: SystemTime,
}

/// While a file has some content, another module serves in its place: after a rollback, a swap by hand, or a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instead {
    /// Digest of the content.
    pub content: Digest,
    /// The module that serves.
    pub digest: Digest,
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

    /// Admits a module: keeps its bytes, and makes it the latest of its types. One that was admitted
    /// before becomes the latest again. What is on disk when this returns stays there: all of it or, after a kill,
    /// nothing. Gives the position of the admission.
    ///
    /// # Errors
    ///
    /// When the bytes or the list cannot be written; then nothing is admitted.
    pub fn admit(&mut self, admission: &NewAdmission<'_>) -> Result<i64, StoreError> {
        self.keep(admission.digest, admission.bytes, admission.signature)?;
        self.write(|transaction| insert(transaction, admission, Place::Latest))
    }

    /// Keeps a module that came from elsewhere because a history names it. Among those that were admitted it is the
    /// earliest, so that no run moves to it by itself.
    ///
    /// # Errors
    ///
    /// When the bytes or the list cannot be written; then nothing is kept.
    pub fn keep_fetched(&mut self, fetched: &NewAdmission<'_>) -> Result<(), StoreError> {
        self.keep(fetched.digest, fetched.bytes, fetched.signature)?;
        self.write(|transaction| insert(transaction, fetched, Place::Earliest)).map(drop)
    }

    /// Has a stored module serve in the place of a file as long as the file has this content.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn serve_instead(
        &mut self,
        file: &Path,
        instead: Instead,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            write_instead(transaction, file, instead)?;
            audit::write(transaction, entry)
        })
    }

    /// Has a file serve itself again.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn serve_itself(&mut self, file: &Path) -> Result<(), StoreError> {
        let file = file.to_string_lossy();
        self.write(|transaction| transaction.execute("DELETE FROM instead WHERE file = ?1", [file]).map(drop))
    }

    /// The files in whose place another module serves.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn instead(&self) -> Result<BTreeMap<PathBuf, Instead>, StoreError> {
        let read = || -> rusqlite::Result<BTreeMap<PathBuf, Instead>> {
            let mut rows = self.database.prepare_cached("SELECT file, content, digest FROM instead")?;
            let rows = rows.query_map([], |row| {
                let (file, content, digest): (String, String, String) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                let digests = build_id::parse_digest(&content).zip(build_id::parse_digest(&digest));
                Ok(digests.map(|(content, digest)| (PathBuf::from(file), Instead { content, digest })))
            })?;
            rows.filter_map(Result::transpose).collect()
        };
        read().map_err(database("read", &self.list()))
    }

    /// Lets open runs of one module move to another, which was admitted.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn adopt(&mut self, from: &Digest, to: &Digest, entry: &AuditEntry) -> Result<(), StoreError> {
        let (from, to) = (from.to_string(), to.to_string());
        self.write(|transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO adoptions (from_digest, to_digest) VALUES (?1, ?2)",
                [&from, &to],
            )?;
            audit::write(transaction, entry)
        })
    }

    /// Which modules open runs may move to, by the module that they are on.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn adoptions(&self) -> Result<BTreeMap<Digest, Digest>, StoreError> {
        let read = || -> rusqlite::Result<BTreeMap<Digest, Digest>> {
            let mut rows = self.database.prepare_cached("SELECT from_digest, to_digest FROM adoptions")?;
            let rows = rows.query_map([], |row| {
                let (from, to): (String, String) = (row.get(0)?, row.get(1)?);
                Ok(build_id::parse_digest(&from).zip(build_id::parse_digest(&to)))
            })?;
            rows.filter_map(Result::transpose).collect()
        };
        read().map_err(database("read", &self.list()))
    }

    /// Writes an entry of the audit.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.write(|transaction| audit::write(transaction, entry))
    }

    /// The latest entries of the audit, the earliest first.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn audit_log(&self, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        audit::read(&self.database, limit).map_err(database("read", &self.list()))
    }

    fn write<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let failed = database("write to", &self.list());
        let write = || -> rusqlite::Result<T> {
            let transaction = self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = change(&transaction)?;
            transaction.commit()?;
            Ok(changed)
        };
        write().map_err(failed)
    }

    fn list(&self) -> PathBuf {
        self.folder.join("admitted.sqlite")
    }

    fn select(&self, clause: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Admitted>, StoreError> {
        let read = || -> rusqlite::Result<Vec<Admitted>> {
            let mut modules = self.database.prepare_cached(&format!(
                "SELECT digest, position, source, size_bytes, admitted_ms, moves FROM modules {clause}"
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
                let moves = row.get(5)?;
                let since_1970 = Duration::from_millis(u64::try_from(admitted_ms).unwrap_or(0));
                Ok(build_id::parse_digest(&digest).map(|digest| Admitted {
                    digest,
                    position,
                    source: source.into(),
                    size_bytes: u64::try_from(size).unwrap_or(0),
                    time: SystemTime::UNIX_EPOCH + since_1970,
                    types,
                    moves,
                }))
            })?;
            // A row that is not ours to read is one that no history can name.
            rows.filter_map(Result::transpose).collect()
        };
        read().map_err(database("read", &self.list()))
    }
}

/// The position that a module gets among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Latest,
    /// One that was admitted before keeps its position.
    Earliest,
}

fn insert(
    transaction: &Transaction<'_>,
    admission: &NewAdmission<'_>,
    place: Place,
) -> rusqlite::Result<i64> {
    let digest = admission.digest.to_string();
    let source = admission.source.to_string_lossy();
    let since_1970 = admission.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let insert = match place {
        Place::Latest => {
            "INSERT INTO modules (digest, position, source, size_bytes, admitted_ms, moves)
             VALUES (?1, (SELECT coalesce(max(position), 0) + 1 FROM modules), ?2, ?3, ?4, ?5)
             ON CONFLICT (digest) DO UPDATE SET
                position = excluded.position, source = excluded.source, admitted_ms = excluded.admitted_ms,
                moves = excluded.moves
             RETURNING position"
        }
        Place::Earliest => {
            "INSERT INTO modules (digest, position, source, size_bytes, admitted_ms, moves)
             VALUES (?1, (SELECT coalesce(min(position), 1) - 1 FROM modules), ?2, ?3, ?4, ?5)
             ON CONFLICT (digest) DO UPDATE SET digest = digest
             RETURNING position"
        }
    };
    let position: i64 = transaction.query_row(
        insert,
        params![
            digest,
            source,
            i64::try_from(admission.bytes.len()).unwrap_or(i64::MAX),
            i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX),
            admission.moves,
        ],
        |row| row.get(0),
    )?;
    for name in admission.types {
        transaction.execute(
            "INSERT OR IGNORE INTO workflow_types (digest, name) VALUES (?1, ?2)",
            params![digest, name],
        )?;
    }
    transaction.execute("DELETE FROM instead WHERE file = ?1", [source])?;
    for (file, content) in admission.instead_of {
        write_instead(transaction, file, Instead { content: *content, digest: *admission.digest })?;
    }
    // A canary ends with its promotion.
    transaction.execute("DELETE FROM canary WHERE digest = ?1", [&digest])?;
    if let Some(entry) = admission.audit {
        audit::write(transaction, entry)?;
    }
    Ok(position)
}

fn write_instead(transaction: &Transaction<'_>, file: &Path, instead: Instead) -> rusqlite::Result<()> {
    let Instead { content, digest } = instead;
    transaction.execute(
        "INSERT OR REPLACE INTO instead (file, content, digest) VALUES (?1, ?2, ?3)",
        params![file.to_string_lossy(), content.to_string(), digest.to_string()],
    )?;
    Ok(())
}

fn open_database(path: &Path) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<(Connection, i64)> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let version = schema::migrate(&mut connection)?;
        Ok((connection, version))
    };
    let (connection, version) = open().map_err(database("open", path))?;
    if version > SCHEMA_VERSION {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found: version });
    }
    Ok(connection)
}

/// A file that is renamed once it is written, for those whom the folder lets in.
fn beside(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)
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
mod tests;
