//! What `log.sqlite` and `runs.sqlite` have in common: how they are opened and checked, and their format.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row};

use crate::storage::error::StorageError;

/// Says that a file belongs to this service: `HOST` in ASCII.
const APPLICATION_ID: i32 = 0x484f_5354;
/// Format of the files, in their `user_version`. Files of the format before are migrated, others
/// refused.
pub(super) const FORMAT: i32 = 4;
/// The oldest format that is migrated.
pub(super) const OLD_FORMAT: i32 = 2;
/// Oldest SQLite that is good enough: earlier ones could lose a WAL reset.
const OLDEST_SQLITE: i32 = 3_051_003;
/// Largest file that is read through at start in search of damage: some seconds.
const CHECKED_BYTES: u64 = 1 << 30;

/// A connection to one of the files.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
}

impl Database {
    /// Opens a file for writing, and makes it with `schema` if it is not there.
    pub(super) fn open(path: &Path, page_bytes: u32, schema: &str) -> Result<Self, StorageError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(StorageError::OldSqlite { found: rusqlite::version() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Self::connect(path, flags)?;
        database.checked(|c| {
            c.pragma_update(None, "page_size", page_bytes)?;
            c.pragma_update(None, "journal_mode", "WAL")?;
            c.pragma_update(None, "synchronous", "FULL")?;
            c.pragma_update(None, "fullfsync", true)?;
            c.pragma_update(None, "checkpoint_fullfsync", true)
        })?;
        database.check_format(schema)?;
        database.check_pages()?;
        Ok(database)
    }

    /// A further connection to a file that is open.
    pub(super) fn again(path: &Path) -> Result<Self, StorageError> {
        Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self, StorageError> {
        match Connection::open_with_flags(path, flags) {
            Ok(connection) => Ok(Self { path: path.to_owned(), connection }),
            Err(error) => Err(StorageError::sqlite(path, error)),
        }
    }

    /// Works with the connection. The error of a failure names the file.
    pub(super) fn checked<R>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<R>,
    ) -> Result<R, StorageError> {
        work(&self.connection).map_err(|error| StorageError::sqlite(&self.path, error))
    }

    /// The first row of a query, if there is one.
    pub(super) fn row<R>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<R>,
    ) -> Result<Option<R>, StorageError> {
        self.checked(|c| c.prepare_cached(sql)?.query_row(params, read).optional())
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> StorageError {
        StorageError::damaged(&self.path, what)
    }

    fn check_format(&self, schema: &str) -> Result<(), StorageError> {
        let number = |name| self.checked(|c| c.pragma_query_value(None, name, |row| row.get::<_, i32>(0)));
        let (application, format) = (number("application_id")?, number("user_version")?);
        let tables = self.row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        if application == 0 && format == 0 && tables == Some(0) {
            return self.checked(|c| {
                c.execute_batch(&format!(
                    "BEGIN IMMEDIATE;
                     PRAGMA application_id = {APPLICATION_ID};
                     PRAGMA user_version = {FORMAT};
                     {schema}
                     COMMIT;"
                ))
            });
        }
        if application != APPLICATION_ID {
            return Err(self.damaged("it is a database of another program"));
        }
        if format > FORMAT {
            let file = self.path.clone();
            return Err(StorageError::NewerFormat { file, format, known: FORMAT });
        }
        if format < OLD_FORMAT {
            return Err(StorageError::OlderFormat { file: self.path.clone(), format });
        }
        Ok(())
    }

    /// Format of the file.
    pub(super) fn format(&self) -> Result<i32, StorageError> {
        self.checked(|c| c.pragma_query_value(None, "user_version", |row| row.get(0)))
    }

    /// Whether the file is small enough to be read through whenever it is opened.
    pub(super) fn is_small(&self) -> bool {
        let bytes = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        bytes <= CHECKED_BYTES
    }

    /// Reads all pages, unless there are very many: better to refuse now than to fail later. Indexes that say something
    /// else than their table are made anew.
    fn check_pages(&self) -> Result<(), StorageError> {
        if !self.is_small() {
            tracing::info!(file = %self.path.display(), "the file is too large to be checked for damage");
            return Ok(());
        }
        let Some(said) = self.said_of_pages()? else { return Ok(()) };
        tracing::warn!(file = %self.path.display(), said, "making the indexes of a damaged file anew");
        self.checked(|c| c.execute_batch("REINDEX"))?;
        match self.said_of_pages()? {
            Some(said) => Err(self.damaged(format!("it is damaged ({said})"))),
            None => Ok(()),
        }
    }

    /// What SQLite finds wrong with the pages of the file, first.
    pub(super) fn said_of_pages(&self) -> Result<Option<String>, StorageError> {
        let said = self.row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))?;
        Ok(said.filter(|said| said != "ok"))
    }
}
