//! Moves single runs, or those that a filter finds, to a module by hand.

use std::{num::NonZeroUsize, sync::Arc};

use super::swapper::{Swapper, audited, blocking, log_verdicts};
use crate::{
    gate::{GateError, GateProgress, GateReport, RunSelection, RunVerdict},
    modules::{
        LoadedModule,
        audit::{AuditAction, AuditEntry},
        catalog::CatalogError,
    },
};

/// Runs that are moved at once. Their ids are in memory until all are checked.
const MAX_RUNS: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// Why no run was moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The open runs could not be listed.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The store cannot be written.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The filter finds nothing, or the runs have closed, or are of types that the module does not define.
    #[error(
        "there is no open run of a workflow type of module {digest} on this host's task queues that is selected"
    )]
    NoRuns {
        /// The SHA-256 of the module's bytes.
        digest: String,
    },
}

impl Swapper {
    /// Moves open runs to a module at their next task: those whose history it replays. The others stay, and the report has
    /// them. A module that defines its types as *pinned* keeps no run from being moved by hand.
    ///
    /// # Errors
    ///
    /// When there are no such runs, or they cannot be checked. Then none was moved.
    pub async fn move_runs(
        &self,
        to: &Arc<LoadedModule>,
        selection: RunSelection,
        who: &str,
        mut progress: impl FnMut(GateProgress<'_>) + Send,
    ) -> Result<GateReport, MoveError> {
        let limit = selection.limit.unwrap_or(MAX_RUNS).min(MAX_RUNS);
        let selection = self.narrowed(RunSelection { limit: Some(limit), ..selection }, to);
        let (mut report, mut agree) = (GateReport::default(), Vec::new());
        let checked = self.check(to, &selection, &mut report, |step| {
            if let GateProgress::Checked(run) = &step
                && run.verdict == RunVerdict::Agrees
            {
                agree.push(run.run_id.clone());
            }
            progress(step);
        });
        checked.await?;
        if report.runs.checked() == 0 {
            return Err(MoveError::NoRuns { digest: to.digest().to_string() });
        }
        log_verdicts(to, &report);
        let entry = AuditEntry {
            note: format!("{} runs", agree.len()),
            report: audited(&report),
            ..AuditEntry::now(who, AuditAction::Moved, Vec::new(), to.digest().to_string())
        };
        let (catalog, digest) = (Arc::clone(self.catalog()), to.digest());
        blocking(move || catalog.move_runs(&agree, &digest, &entry)).await?;
        tracing::info!(%digest, who, runs = report.runs.agree, "open runs were moved by hand");
        Ok(report)
    }
}
