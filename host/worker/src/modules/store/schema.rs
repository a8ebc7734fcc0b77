//! The tables of the list of admitted modules, and how those of earlier versions become them.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

/// Version of the tables, kept in SQLite's `user_version`.
pub(super) const SCHEMA_VERSION: i64 = 3;

/// What each version adds to the one before, from 1 on.
const STEPS: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS modules (
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
    ) STRICT, WITHOUT ROWID;",
    // `moves`: whether open runs of its types move to the module. `instead`: while a file has this content, another module
    // serves in its place. `adoptions`: open runs of one module may move to another. `audit`: JSON, one entry a row.
    "ALTER TABLE modules ADD COLUMN moves INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE instead (
        file TEXT PRIMARY KEY,
        content TEXT NOT NULL,
        digest TEXT NOT NULL REFERENCES modules (digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE adoptions (
        from_digest TEXT PRIMARY KEY,
        to_digest TEXT NOT NULL REFERENCES modules (digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        entry TEXT NOT NULL
    ) STRICT;",
    // `moves`: runs that were moved by hand, and the position of the latest admission then. `canary`: JSON, one at most.
    "CREATE TABLE moves (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL UNIQUE,
        to_digest TEXT NOT NULL REFERENCES modules (digest),
        position INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE canary (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        digest TEXT NOT NULL,
        state TEXT NOT NULL
    ) STRICT;",
];

/// Brings the tables to this version. Gives the version that was found; a later one is left alone.
pub(super) fn migrate(database: &mut Connection) -> rusqlite::Result<i64> {
    if version(database)? >= SCHEMA_VERSION {
        return version(database);
    }
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated meanwhile.
    let found = version(&transaction)?;
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or_default()) {
        transaction.execute_batch(step)?;
    }
    if found < SCHEMA_VERSION {
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()?;
    Ok(found.max(SCHEMA_VERSION))
}

fn version(database: &Connection) -> rusqlite::Result<i64> {
    Ok(database.query_row("PRAGMA user_version", [], |row| row.get(0)).optional()?.unwrap_or(0))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Makes the tables of version 1 as a host of that version did, with one module.
    pub(in crate::modules::store) fn version_1(database: &Connection, digest: &str) {
        database.execute_batch(STEPS[0]).unwrap();
        database.pragma_update(None, "user_version", 1).unwrap();
        let insert = "INSERT INTO modules (digest, position, source, size_bytes, admitted_ms) VALUES (?1, 1, 'a', 3, 0)";
        database.execute(insert, [digest]).unwrap();
        database.execute("INSERT INTO workflow_types (digest, name) VALUES (?1, 'A')", [digest]).unwrap();
    }

    /// The same of version 2, with runs that may leave another module for that one.
    pub(in crate::modules::store) fn version_2(database: &Connection, digest: &str, left: &str) {
        version_1(database, digest);
        database.execute_batch(STEPS[1]).unwrap();
        database.pragma_update(None, "user_version", 2).unwrap();
        let adopt = "INSERT INTO adoptions (from_digest, to_digest) VALUES (?1, ?2)";
        database.execute(adopt, [left, digest]).unwrap();
    }
}
