//! The state of the canary, so that it goes on after a restart.

use rusqlite::{Connection, OptionalExtension as _, params};

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
        read(&self.database).map_err(database("read", &self.list()))
    }

    /// Writes the canary that begins, and what the audit says of it.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn begin_canary(&mut self, state: &CanaryState, entry: &AuditEntry) -> Result<(), StoreError> {
        self.write(|transaction| {
            write(transaction, state)?;
            audit::write(transaction, entry)
        })
    }

    /// Changes the state of a canary, where `change` says that something changed, in one transaction: other hosts count its
    /// tasks too. Gives the state then; nothing when there is no canary of that digest.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn update_canary(
        &mut self,
        digest: &str,
        change: impl FnOnce(&mut CanaryState) -> bool,
        entry: Option<&AuditEntry>,
    ) -> Result<Option<CanaryState>, StoreError> {
        self.write(|transaction| {
            let known = read(transaction)?.filter(|state| state.digest == digest);
            let Some(mut state) = known else { return Ok(None) };
            if change(&mut state) {
                write(transaction, &state)?;
                if let Some(entry) = entry {
                    audit::write(transaction, entry)?;
                }
            }
            Ok(Some(state))
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

fn read(database: &Connection) -> rusqlite::Result<Option<CanaryState>> {
    let read = "SELECT state FROM canary WHERE id = 1";
    let text = database.query_row(read, [], |row| row.get::<_, String>(0)).optional()?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

fn write(database: &Connection, state: &CanaryState) -> rusqlite::Result<()> {
    // It consists of texts and numbers, which have a JSON form.
    let text = serde_json::to_string(state).unwrap_or_default();
    let write = "INSERT OR REPLACE INTO canary (id, digest, state) VALUES (1, ?1, ?2)";
    database.execute(write, params![state.digest, text]).map(drop)
}
