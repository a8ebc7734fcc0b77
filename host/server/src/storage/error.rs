//! Why storage cannot be used.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

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

impl StorageError {
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
