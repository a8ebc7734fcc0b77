//! The state of the canary, so that it goes on after a restart.

use rusqlite::{OptionalExtension as _, params};

use super::{ModuleStore, StoreError, database};
use crate::modules::{
    audit::{self, AuditEntry},
    canary::CanaryState,
};

impl ModuleStore {
    /// The canary that was under way. One that a later version wrote and this one does not understand is none.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn canary(&self) -> Result<Option<CanaryState>, StoreError> {
        let read = "SELECT state FROM canary WHERE id = 1";
        let text = self.database.query_row(read, [], |row| row.get::<_, String>(0)).optional();
        let text = text.map_err(database("read", &self.list()))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Writes how far the canary is, and what the audit says of it.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn write_canary(
        &mut self,
        state: &CanaryState,
        entry: Option<&AuditEntry>,
    ) -> Result<(), StoreError> {
        // It consists of texts and numbers, which have a JSON form.
        let text = serde_json::to_string(state).unwrap_or_default();
        self.write(|transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO canary (id, digest, state) VALUES (1, ?1, ?2)",
                params![state.digest, text],
            )?;
            entry.map_or(Ok(()), |entry| audit::write(transaction, entry))
        })
    }

    /// Forgets the canary.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn end_canary(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM canary", [])?;
            audit::write(transaction, entry)
        })
    }
}
