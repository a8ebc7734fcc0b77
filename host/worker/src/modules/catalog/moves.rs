//! Runs that are moved to a module by hand.

use host_sandbox::Digest;

use super::{Catalog, CatalogError};
use crate::modules::{audit::AuditEntry, store::RunMove};

impl Catalog {
    /// Moves open runs to a module at their next task, where it replays them.
    ///
    /// # Errors
    ///
    /// When the module was never admitted, or the store cannot be written: then no run is moved.
    pub fn move_runs(&self, run_ids: &[String], to: &Digest, entry: &AuditEntry) -> Result<(), CatalogError> {
        let mut store = self.store();
        if store.find(to)?.is_none() {
            return Err(CatalogError::NotAdmitted { digest: *to });
        }
        let moved = store.move_runs(run_ids, to, entry)?;
        drop(store);
        self.state().moves.extend(run_ids.iter().map(|run_id| (run_id.clone(), moved)));
        self.changed();
        Ok(())
    }

    /// Where a run was moved to by hand.
    #[must_use]
    pub fn moved(&self, run_id: &str) -> Option<RunMove> {
        self.state().moves.get(run_id).copied()
    }

    /// A run has closed: forgets where it was moved to. Writes to disk if it was.
    pub(crate) fn run_closed(&self, run_id: &str) {
        if self.state().moves.remove(run_id).is_none() {
            return;
        }
        if let Err(error) = self.store().forget_move(run_id) {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, run_id, "a move by hand is not forgotten yet");
        }
    }
}
