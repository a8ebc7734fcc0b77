//! The search attributes of namespaces, in a table of `runs.sqlite`. They change by requests of operators only, each of
//! which waits until the table has it.

use std::collections::BTreeMap;

use host_wire::temporal::api::enums::v1::IndexedValueType as Kind;
use rusqlite::{Connection, params};

use crate::{
    storage::{error::StorageError, sqlite::Database},
    visibility::registry::Custom,
};

/// Made also in files that are there: an earlier version leaves the table as it is. `checksum` is that of the other
/// columns.
pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS search_attribute (
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        kind INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (namespace, name)
    ) STRICT, WITHOUT ROWID;";

/// CRC-32C of both names, each before a zero byte, and the type (4 bytes, little-endian).
fn checksum(namespace: &str, name: &str, kind: i32) -> i64 {
    let bytes = [namespace.as_bytes(), &[0], name.as_bytes(), &[0], &kind.to_le_bytes()].concat();
    i64::from(crc32c::crc32c(&bytes))
}

/// Replaces those of a namespace.
pub(super) fn write(connection: &Connection, namespace: &str, custom: &Custom) -> rusqlite::Result<()> {
    delete(connection, namespace)?;
    let sql = "INSERT INTO search_attribute (namespace, name, kind, checksum) VALUES (?1, ?2, ?3, ?4)";
    for (name, kind) in custom {
        let kind = i32::from(*kind);
        connection.execute(sql, params![namespace, name, kind, checksum(namespace, name, kind)])?;
    }
    Ok(())
}

/// Deletes those of a namespace.
pub(super) fn delete(connection: &Connection, namespace: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM search_attribute WHERE namespace = ?1", [namespace]).map(drop)
}

/// Those of all namespaces. A damaged one is reported and left out.
///
/// # Errors
///
/// When the file cannot be read.
pub(super) fn read(database: &Database) -> Result<BTreeMap<String, Custom>, StorageError> {
    let rows: Vec<(Vec<u8>, Vec<u8>, i64, i64)> = database.checked(|c| {
        let sql = "SELECT CAST(namespace AS BLOB), CAST(name AS BLOB), kind, checksum FROM search_attribute";
        let mut statement = c.prepare(sql)?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?.collect()
    })?;
    let mut all: BTreeMap<String, Custom> = BTreeMap::new();
    for (namespace, name, kind, stored) in rows {
        let namespace = String::from_utf8_lossy(&namespace).into_owned();
        let name = String::from_utf8_lossy(&name).into_owned();
        let known = i32::try_from(kind).ok().filter(|kind| checksum(&namespace, &name, *kind) == stored);
        match known.and_then(|kind| Kind::try_from(kind).ok()) {
            Some(kind) => drop(all.entry(namespace).or_default().insert(name, kind)),
            None => tracing::error!(
                namespace,
                name,
                file = %database.path.display(),
                "a search attribute is damaged: register it again"
            ),
        }
    }
    Ok(all)
}
