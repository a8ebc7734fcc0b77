//! Whether other processes have written to the list since.

use super::{ModuleStore, StoreError, database};

impl ModuleStore {
    /// A number that is another one once another connection, such as another host's, has written to the list. What this one
    /// writes does not change it (SQLite's `data_version`).
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn version(&self) -> Result<i64, StoreError> {
        let version = self.database.pragma_query_value(None, "data_version", |row| row.get(0));
        version.map_err(database("read", &self.list()))
    }
}
