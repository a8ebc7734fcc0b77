//! Begins and ends shadows.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    request::{SwapError, SwapOutcome, SwapRequest},
    swapper::{Swapper, audited, blocking},
};
use crate::{
    gate::{GateProgress, GateReport, Replays, RunSelection},
    modules::{
        audit::{AuditAction, AuditEntry},
        catalog::{Candidate, CatalogError},
        policy::SwapPolicy,
        signed::SignedModule,
    },
    shadow::{Follower, ShadowReport},
    workflow::Lane,
};

/// A shadow that follows live runs.
#[derive(Debug)]
pub(super) struct Shadow {
    report: Arc<Mutex<ShadowReport>>,
    dropped: Arc<AtomicU64>,
    file: PathBuf,
    signed: SignedModule,
}

impl Shadow {
    fn report(&self) -> ShadowReport {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ShadowReport { dropped: self.dropped.load(Ordering::Relaxed), ..report }
    }
}

impl Swapper {
    /// Has a candidate follow the live runs of its types: those that are open, and new ones.
    ///
    /// # Errors
    ///
    /// When there is a shadow already, or the audit cannot be written. Then nothing changed.
    pub async fn start_shadow(&self, candidate: Candidate, who: &str) -> Result<ShadowReport, CatalogError> {
        let formers = self.catalog().formers(&candidate);
        let from: Vec<String> = formers.iter().map(|module| module.digest().to_string()).collect();
        let (module, file, signed) = candidate.into_parts();
        let digest = module.digest();
        self.catalog().check_news(&module)?;
        let report = ShadowReport {
            digest: digest.to_string(),
            file: file.display().to_string(),
            who: who.to_owned(),
            workflow_types: module.types().map(str::to_owned).collect(),
            report: GateReport::new(self.changes(&formers, &module)),
            ..ShadowReport::default()
        };
        let report = Arc::new(Mutex::new(report));
        let entry = AuditEntry::now(who, AuditAction::ShadowStarted, from, digest.to_string());
        {
            let mut current = self.current_shadow();
            if current.is_some() {
                return Err(CatalogError::ShadowRuns);
            }
            let own: BTreeSet<String> = module.types().map(str::to_owned).collect();
            let others =
                self.catalog().known_types().into_iter().filter(|name| !own.contains(name)).collect();
            let (shown, dropped) = self.feed().open(own, others);
            let replays = Replays {
                service: Arc::clone(self.service()),
                namespace: self.namespace().to_owned(),
                module,
                threads: Arc::clone(self.threads()),
                lane: Lane::Slow,
                explained: Arc::default(),
            };
            tokio::spawn(Follower::new(replays, Arc::clone(&report)).run(shown));
            *current = Some(Shadow { report, dropped, file, signed });
        }
        let catalog = Arc::clone(self.catalog());
        if let Err(error) = blocking(move || Ok(catalog.audit(&entry)?)).await {
            self.drop_shadow();
            return Err(error);
        }
        tracing::info!(%digest, who, "a shadow follows live runs");
        self.shadow().ok_or(CatalogError::NoShadow)
    }

    /// What the shadow has found out so far.
    #[must_use]
    pub fn shadow(&self) -> Option<ShadowReport> {
        self.current_shadow().as_ref().map(Shadow::report)
    }

    /// Ends the shadow. Gives what it has found out.
    ///
    /// # Errors
    ///
    /// When there is none. When the audit cannot be written it has ended all the same.
    pub async fn stop_shadow(&self, who: &str) -> Result<ShadowReport, CatalogError> {
        let report = self.drop_shadow().ok_or(CatalogError::NoShadow)?;
        let entry = AuditEntry {
            note: format!("{} workflow tasks followed, {} dropped", report.tasks, report.dropped),
            report: audited(&report.report),
            ..AuditEntry::now(who, AuditAction::ShadowStopped, Vec::new(), report.digest.clone())
        };
        let catalog = Arc::clone(self.catalog());
        blocking(move || Ok(catalog.audit(&entry)?)).await?;
        tracing::info!(digest = report.digest, who, "a shadow has ended");
        Ok(report)
    }

    /// Has the module of the shadow take all new runs of its types, as a swap does. Then the shadow ends.
    ///
    /// # Errors
    ///
    /// When there is no shadow, or the swap cannot be carried out: then the shadow goes on.
    pub async fn promote_shadow(
        &self,
        who: &str,
        policy: Option<SwapPolicy>,
        selection: RunSelection,
        progress: impl FnMut(GateProgress<'_>) + Send,
    ) -> Result<SwapOutcome, SwapError> {
        let kept = self.current_shadow().as_ref().map(|shadow| (shadow.file.clone(), shadow.signed.clone()));
        let (file, signed) = kept.ok_or(CatalogError::NoShadow)?;
        let catalog = Arc::clone(self.catalog());
        let request = SwapRequest {
            candidate: blocking(move || catalog.candidate_of(file, signed)).await?,
            policy: policy.unwrap_or_else(|| self.policy()),
            selection,
            who: who.to_owned(),
            action: AuditAction::Promoted,
            note: "after it was a shadow".to_owned(),
        };
        let outcome = self.swap(request, progress).await?;
        if outcome.swapped {
            // Another caller may have ended it meanwhile.
            let _ = self.stop_shadow(who).await;
        }
        Ok(outcome)
    }

    fn drop_shadow(&self) -> Option<ShadowReport> {
        let shadow = self.current_shadow().take()?;
        self.feed().close();
        Some(shadow.report())
    }
}
