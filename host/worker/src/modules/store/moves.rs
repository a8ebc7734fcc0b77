//! Runs that were moved to a module by hand.

use std::collections::HashMap;

use host_sandbox::Digest;
use rusqlite::params;

use super::{ModuleStore, StoreError, database};
use crate::modules::{
    audit::{self, AuditEntry},
    build_id,
};

/// Moves that are kept. Beyond, the oldest are forgotten: a run that has not had a task since stays where it is.
const MAX_MOVES: i64 = 100_000;

/// Where a run was moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunMove {
    /// The module that executes it from its next task on.
    pub to: Digest,
    /// Position of the latest admission at that time: a later one may take the run along again.
    pub position: i64,
}

impl ModuleStore {
    /// Moves runs to a module that was admitted. Gives what is kept for each of them.
    ///
    /// # Errors
    ///
    /// When the list cannot be written; then no run is moved.
    pub fn move_runs(
        &mut self,
        run_ids: &[String],
        to: &Digest,
        entry: &AuditEntry,
    ) -> Result<RunMove, StoreError> {
        let position = self.write(|transaction| {
            let position =
                transaction
                    .query_row("SELECT coalesce(max(position), 0) FROM modules", [], |row| row.get(0))?;
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT OR REPLACE INTO moves (run_id, to_digest, position) VALUES (?1, ?2, ?3)",
                )?;
                for run_id in run_ids {
                    insert.execute(params![run_id, to.to_string(), position])?;
                }
            }
            let oldest = "DELETE FROM moves WHERE id <= (SELECT max(id) FROM moves) - ?1";
            transaction.execute(oldest, params![MAX_MOVES])?;
            audit::write(transaction, entry)?;
            Ok(position)
        })?;
        Ok(RunMove { to: *to, position })
    }

    /// The runs that were moved by hand, by run id.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub fn moves(&self) -> Result<HashMap<String, RunMove>, StoreError> {
        let read = || -> rusqlite::Result<HashMap<String, RunMove>> {
            let mut rows = self.database.prepare_cached("SELECT run_id, to_digest, position FROM moves")?;
            let rows = rows.query_map([], |row| {
                let (run_id, to, position): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(build_id::parse_digest(&to).map(|to| (run_id, RunMove { to, position })))
            })?;
            rows.filter_map(Result::transpose).collect()
        };
        read().map_err(database("read", &self.list()))
    }

    /// Forgets a run that has closed.
    ///
    /// # Errors
    ///
    /// When the list cannot be written.
    pub fn forget_move(&mut self, run_id: &str) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM moves WHERE run_id = ?1", [run_id]).map(drop)
        })
    }
}
