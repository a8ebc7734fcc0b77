//! Why storage cannot be used.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::storage::stored_record::RecordError;

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
    /// A file is damaged, missing, or not one of ours.
    #[error(
        "read {}: {what}; restore the folder {} from a backup, or move it away to start with nothing",
        file.display(),
        file.parent().unwrap_or(file).display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A record is damaged, or of a later version.
    #[error(
        "read {}, {record}: {source}; {}",
        file.display(),
        if source.is_of_later_version() { NEWER_CURE } else { DAMAGE_CURE }
    )]
    Record {
        /// The file.
        file: PathBuf,
        /// Which record: of what, and at which position of the log.
        record: String,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A later version of this program wrote the file.
    #[error("read {}: it has format {format}, and this version of the program reads formats up to {known}; {NEWER_CURE}", file.display())]
    NewerFormat {
        /// The file.
        file: PathBuf,
        /// Its format.
        format: i32,
        /// The latest format that this version reads.
        known: i32,
    },
    /// The file is of a format that was never released.
    #[error("read {}: it has format {format}, which is too old to be migrated; open it once with an earlier version of this program", file.display())]
    OlderFormat {
        /// The file.
        file: PathBuf,
        /// Its format.
        format: i32,
    },
    /// What was committed is in a file whose end SQLite would drop.
    #[error(
        "read {}: {what}, and what is behind that was acknowledged; put back {} and its -wal file as they were, or \
         the whole folder from a backup; to go on without what is lost, use host server repair --accept-loss",
        file.display(),
        file.file_stem().unwrap_or_default().display()
    )]
    WalDamaged {
        /// The write-ahead log.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file has an older format, which a start migrates.
    #[error("read {}: it has format {format}, which the next start brings to {known}; check it after that", file.display())]
    NotMigrated {
        /// The file.
        file: PathBuf,
        /// Its format.
        format: i32,
        /// The format of this version.
        known: i32,
    },
    /// The log lost what it had: it is shorter than it was when `runs.sqlite` was last written.
    #[error(
        "read {}: it ends at position {last}, and positions up to {sealed} were acknowledged; put back log.sqlite and log.sqlite-wal as they were, or the whole folder from a backup; to go on without what is lost, use host server repair --accept-loss",
        file.display()
    )]
    LogEndsEarly {
        /// The log.
        file: PathBuf,
        /// Its last position.
        last: u64,
        /// The last position that it is known to have had.
        sealed: u64,
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
    /// A thread could not be started.
    #[error("start a thread of the storage")]
    Thread(#[source] std::io::Error),
}

const NEWER_CURE: &str = "use that version, or a later one";
const DAMAGE_CURE: &str =
    "restore the folder from a backup, or set what is damaged aside with host server repair";

impl StorageError {
    pub(super) fn record(file: &Path, record: impl Into<String>, source: RecordError) -> Self {
        Self::Record { file: file.to_owned(), record: record.into(), source }
    }

    /// What SQLite said about a file, with damage said as damage.
    pub(super) fn sqlite(file: &Path, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::damaged(file, format!("it is damaged ({source})"))
            }
            _ => Self::Sqlite { file: file.to_owned(), source },
        }
    }

    pub(super) fn damaged(file: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), what: what.into() }
    }

    /// Whether there is no room.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Sqlite { source, .. } if source.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }
}

/// Ends the process, because memory and disk do not agree any more: what was acknowledged is on
/// disk, and is there again after a start.
pub(super) fn end_process(error: &StorageError) -> ! {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::error!(%error, cause, "storage failed: the process ends, to be started again");
    std::process::abort()
}
