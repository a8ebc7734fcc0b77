//! Why an operation of the store failed.

use std::{io, path::PathBuf};

use host_sandbox::Digest;

use super::{BUSY_TIMEOUT, MIN_SQLITE_VERSION_NUMBER, schema::SCHEMA_VERSION};

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
