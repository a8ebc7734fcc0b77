//! The SQLite file of the log.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use super::entry::{Position, ReadEntry};

/// Says that a file is a log of this service: `HOST` in ASCII.
const APPLICATION_ID: i32 = 0x484f_5354;
/// Format of the file; a file of a later format is refused.
const FORMAT: i32 = 1;
/// Oldest SQLite that is good enough: earlier ones could lose a WAL reset.
const OLDEST_SQLITE: i32 = 3_051_003;
/// Pages after which the WAL is moved into the file.
const CHECKPOINT_PAGES: i32 = 4_000;

/// Why storage cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The folder cannot be made or written.
    #[error("use the data folder {}: choose another with --data-dir, or change its permissions", folder.display())]
    Folder {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process has the folder.
    #[error(
        "use the data folder {}: another process ({holder}) uses it; join that one's service, or choose another folder with --data-dir",
        folder.display()
    )]
    Locked {
        /// The data folder.
        folder: PathBuf,
        /// The process, as it wrote itself into the lock file.
        holder: String,
    },
    /// The file is damaged, or not one of ours.
    #[error(
        "read {}: {what}; restore it from a backup, or move it away to start with nothing",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// SQLite failed.
    #[error("use {}", file.display())]
    Sqlite {
        /// The file.
        file: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The SQLite library is too old.
    #[error("use SQLite {found}: at least 3.51.3 is needed, earlier ones can lose what they wrote")]
    OldSqlite {
        /// Version of the library.
        found: &'static str,
    },
    /// An entry is not what was written.
    #[error(
        "read entry {position} of the log: restore it from a backup, or move it away to start with nothing"
    )]
    Entry {
        /// Place in the log.
        position: u64,
        /// What the decoder said.
        source: prost::DecodeError,
    },
    /// A part of an entry is not what was written.
    #[error(
        "read a fact of entry {position} of the log: {what}; it was written by a later version, or is damaged"
    )]
    Fact {
        /// Place in the log.
        position: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The writer's thread could not be started.
    #[error("start the log's thread")]
    Thread(#[source] std::io::Error),
}

/// The log's file, open.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    connection: Connection,
}

impl File {
    pub(super) fn open(path: &Path) -> Result<Self, StorageError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(StorageError::OldSqlite { found: rusqlite::version() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |source| failure(path, source);
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        let file = Self { path: path.to_owned(), connection };
        file.prepare().map_err(failed)?;
        file.check_format()?;
        Ok(file)
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        let c = &self.connection;
        c.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        c.pragma_update(None, "journal_mode", "WAL")?;
        c.pragma_update(None, "synchronous", "FULL")?;
        c.pragma_update(None, "fullfsync", true)?;
        c.pragma_update(None, "checkpoint_fullfsync", true)?;
        c.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)
    }

    fn check_format(&self) -> Result<(), StorageError> {
        let failed = |source| failure(&self.path, source);
        let c = &self.connection;
        let number = |name| c.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(failed);
        let (application, format) = (number("application_id")?, number("user_version")?);
        let tables: i64 =
            c.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
        if application == 0 && format == 0 && tables == 0 {
            return c
                .execute_batch(&format!(
                    "BEGIN IMMEDIATE;
                     PRAGMA application_id = {APPLICATION_ID};
                     PRAGMA user_version = {FORMAT};
                     CREATE TABLE log (position INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;
                     COMMIT;"
                ))
                .map_err(failed);
        }
        let damaged = |what: &str| StorageError::Damaged { file: self.path.clone(), what: what.to_owned() };
        if application != APPLICATION_ID {
            return Err(damaged("it is a database of another program"));
        }
        if format != FORMAT {
            return Err(damaged("it was written by another version of this program"));
        }
        Ok(())
    }

    /// Reads the log from its beginning; answers the last position.
    pub(super) fn read(
        &mut self,
        mut each: impl FnMut(ReadEntry) -> Result<(), StorageError>,
    ) -> Result<Position, StorageError> {
        let failed = |source| failure(&self.path, source);
        let mut statement =
            self.connection.prepare("SELECT position, entry FROM log ORDER BY position").map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut last = 0;
        while let Some(row) = rows.next().map_err(failed)? {
            let position = row.get::<_, i64>(0).map_err(failed)?.cast_unsigned();
            if position != last + 1 {
                return Err(StorageError::Damaged {
                    file: self.path.clone(),
                    what: format!("entry {} of the log is missing", last + 1),
                });
            }
            last = position;
            each(ReadEntry { position, bytes: row.get::<_, Vec<u8>>(1).map_err(failed)?.into() })?;
        }
        Ok(last)
    }

    /// Writes entries in one transaction, and syncs.
    pub(super) fn write(&mut self, entries: &[(Position, Vec<u8>)]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut statement =
                transaction.prepare_cached("INSERT INTO log (position, entry) VALUES (?1, ?2)")?;
            for (position, entry) in entries {
                statement.execute(params![position.cast_signed(), entry])?;
            }
        }
        transaction.commit()
    }
}

/// Damage said as damage.
fn failure(path: &Path, source: rusqlite::Error) -> StorageError {
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StorageError::Damaged { file: path.to_owned(), what: format!("it is damaged ({source})") }
        }
        _ => StorageError::Sqlite { file: path.to_owned(), source },
    }
}
