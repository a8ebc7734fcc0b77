//! The configurations of task queues, in a table of `runs.sqlite`. They change by requests of operators only, each of
//! which waits until the table has it.

use host_wire::temporal::api::taskqueue::v1::TaskQueueConfig;
use prost::Message;
use rusqlite::{Connection, params};

use crate::{
    matching::queue_key::QueueKey,
    storage::{error::StorageError, sqlite::Database},
};

/// Made also in files that are there: an earlier version leaves the table as it is. `config` is a message
/// `TaskQueueConfig`, `checksum` that of the other columns.
pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS task_queue (
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        activities INTEGER NOT NULL,
        config BLOB NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (namespace, name, activities)
    ) STRICT, WITHOUT ROWID;";

/// CRC-32C of both names, each before a zero byte, a byte for `activities`, and the configuration.
fn checksum(key: &QueueKey, config: &[u8]) -> i64 {
    let activities = [u8::from(!key.is_of_workflows())];
    let bytes = [key.namespace.as_bytes(), &[0], key.name.as_bytes(), &[0], &activities, config].concat();
    i64::from(crc32c::crc32c(&bytes))
}

/// Replaces that of a queue.
pub(super) fn write(
    connection: &Connection,
    key: &QueueKey,
    config: &TaskQueueConfig,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO task_queue (namespace, name, activities, config, checksum)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let config = config.encode_to_vec();
    let checksum = checksum(key, &config);
    connection.execute(sql, params![key.namespace, key.name, !key.is_of_workflows(), config, checksum])?;
    Ok(())
}

/// Deletes those of a namespace.
pub(super) fn delete(connection: &Connection, namespace: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM task_queue WHERE namespace = ?1", [namespace]).map(drop)
}

/// Namespace, name, whether it is of activities, configuration, checksum.
type Row = (Vec<u8>, Vec<u8>, bool, Vec<u8>, i64);

/// Those of all queues. A damaged one is reported and left out.
///
/// # Errors
///
/// When the file cannot be read.
pub(super) fn read(database: &Database) -> Result<Vec<(QueueKey, TaskQueueConfig)>, StorageError> {
    let rows: Vec<Row> = database.checked(|c| {
        let sql = "SELECT CAST(namespace AS BLOB), CAST(name AS BLOB), activities, config, checksum FROM task_queue";
        let mut statement = c.prepare(sql)?;
        let row = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        };
        statement.query_map([], row)?.collect()
    })?;
    let mut all = Vec::new();
    for (namespace, name, activities, config, stored) in rows {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let key = QueueKey::new(&text(namespace), &text(name), activities);
        let sound = checksum(&key, &config) == stored;
        match sound.then(|| TaskQueueConfig::decode(config.as_slice())) {
            Some(Ok(config)) => all.push((key, config)),
            _ => tracing::error!(
                namespace = key.namespace,
                task_queue = key.name,
                file = %database.path.display(),
                "the configuration of a task queue is damaged: set it again"
            ),
        }
    }
    Ok(all)
}
