//! Carries out canaries: begins them, looks at them from time to time, and ends them.

use std::{sync::Arc, time::SystemTime};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    request::{SwapError, SwapOutcome, SwapRequest},
    swapper::{Swapper, blocking},
};
use crate::{
    deadline::at,
    gate::{GateProgress, RunSelection},
    modules::{
        audit::{AuditAction, AuditEntry},
        build_id,
        canary::{CanaryPlan, CanaryState, CanaryTurn, Share, TimedOutRuns},
        catalog::{Candidate, CatalogError},
        policy::SwapPolicy,
    },
};

impl Swapper {
    /// Has a candidate execute a part of the new runs, step by step.
    ///
    /// # Errors
    ///
    /// When there is a canary already, or the candidate cannot be one. Then nothing changed.
    pub async fn start_canary(
        &self,
        candidate: Candidate,
        plan: CanaryPlan,
        who: &str,
    ) -> Result<CanaryState, CatalogError> {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let state = CanaryState {
            digest: candidate.module().digest().to_string(),
            file: candidate.path().display().to_string(),
            who: who.to_owned(),
            plan,
            step: 0,
            elapsed_ms: 0,
            counts: Default::default(),
            timed_out: TimedOutRuns::from_now(u64::try_from(since_1970.as_millis()).unwrap_or_default()),
        };
        let formers = self.catalog().formers(&candidate);
        let from = formers.iter().map(|module| module.digest().to_string()).collect();
        let entry = AuditEntry {
            note: part(state.share()),
            ..AuditEntry::now(who, AuditAction::CanaryStarted, from, state.digest.clone())
        };
        let (catalog, begun) = (Arc::clone(self.catalog()), state.clone());
        blocking(move || catalog.begin_canary(candidate, begun, &entry)).await?;
        tracing::info!(digest = state.digest, share = %state.share(), who, "a canary begins");
        Ok(state)
    }

    /// Ends the canary by hand. Gives what it was.
    ///
    /// # Errors
    ///
    /// When there is none, or its end cannot be written.
    pub async fn stop_canary(&self, who: &str) -> Result<CanaryState, CatalogError> {
        let state = self.catalog().canary().ok_or(CatalogError::NoCanary)?;
        self.end_canary(&state, who, "stopped by hand").await?;
        Ok(state)
    }

    /// Has the module of the canary take all new runs of its types, as a swap does.
    ///
    /// # Errors
    ///
    /// When there is no canary, or the swap cannot be carried out: then the canary goes on.
    pub async fn promote(
        &self,
        who: &str,
        policy: Option<SwapPolicy>,
        selection: RunSelection,
        progress: impl FnMut(GateProgress<'_>) + Send,
    ) -> Result<SwapOutcome, SwapError> {
        let state = self.catalog().canary().ok_or(CatalogError::NoCanary)?;
        let catalog = Arc::clone(self.catalog());
        let request = SwapRequest {
            candidate: blocking(move || catalog.canary_candidate()).await?,
            policy: policy.or(state.plan.policy).unwrap_or_else(|| self.policy()),
            selection,
            who: who.to_owned(),
            action: AuditAction::Promoted,
            note: counted(&state),
        };
        self.swap(request, progress).await
    }

    /// Goes on with the canary that the last host of the data folder had. One whose module cannot be loaded takes no runs.
    pub async fn resume_canary(&self) {
        let catalog = Arc::clone(self.catalog());
        match blocking(move || catalog.resume_canary()).await {
            Ok(None) => {}
            Ok(Some(state)) => {
                tracing::info!(digest = state.digest, share = %state.share(), "the canary goes on");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the canary does not go on: its module takes no new runs");
            }
        }
    }

    /// Carries out the canary, as one of the hosts on a data folder does, until `end`. Looks at it when something of it fails
    /// or its step is over, and now and then for its counts to be written. Without one it waits until there is one.
    pub async fn watch_canary(self, end: CancellationToken) {
        let mut news = self.catalog().canary_news();
        self.catalog().keep_canary_time();
        loop {
            let look = self.catalog().canary_pause().map(|pause| Instant::now() + pause);
            let is_end = tokio::select! {
                () = end.cancelled() => true,
                // The catalog has the other end.
                _ = news.changed() => false,
                () = at(look) => false,
            };
            let catalog = Arc::clone(self.catalog());
            let looked = blocking(move || catalog.canary_turn(is_end)).await;
            match looked {
                Ok(Some((state, turn))) if !is_end => self.turn_canary(state, turn).await,
                Ok(_) => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the state of the canary cannot be written");
                }
            }
            if is_end {
                return;
            }
        }
    }

    async fn turn_canary(&self, state: CanaryState, turn: CanaryTurn) {
        let done = match turn {
            CanaryTurn::GoOn => Ok(()),
            CanaryTurn::Step => self.step_canary(&state).await,
            CanaryTurn::Promote => self.end_well(&state).await,
            CanaryTurn::GoBack(why) => {
                tracing::warn!(
                    digest = state.digest,
                    why,
                    "a canary goes back: new runs are those of the former module"
                );
                self.end_canary(&state, "the host", &why).await
            }
        };
        if let Err(error) = done {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                digest = state.digest,
                "a canary is not where it should be, and is looked at again"
            );
        }
    }

    async fn step_canary(&self, state: &CanaryState) -> Result<(), CatalogError> {
        let next = CanaryState { step: state.step + 1, ..state.clone() };
        let entry = AuditEntry {
            note: format!("{}; {}", part(next.share()), counted(state)),
            ..AuditEntry::now("the host", AuditAction::CanaryStepped, Vec::new(), state.digest.clone())
        };
        let (catalog, from) = (Arc::clone(self.catalog()), state.clone());
        blocking(move || catalog.step_canary(&from, &entry)).await?;
        tracing::info!(digest = state.digest, share = %next.share(), "a canary takes more of the new runs");
        Ok(())
    }

    /// Promotes a canary that came to its end, or ends it if the policy does not let it be promoted.
    async fn end_well(&self, state: &CanaryState) -> Result<(), CatalogError> {
        let why = match self.promote("the host", None, RunSelection::default(), |_| {}).await {
            Ok(outcome) if outcome.swapped => return Ok(()),
            Ok(outcome) => format!("not promoted: policy {} refused it", outcome.policy),
            Err(error) => {
                let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
                format!("not promoted: {error}{}", source.unwrap_or_default())
            }
        };
        self.end_canary(state, "the host", &why).await
    }

    async fn end_canary(&self, state: &CanaryState, who: &str, why: &str) -> Result<(), CatalogError> {
        let back: Vec<String> = self.formers_of(&state.digest);
        let entry = AuditEntry {
            note: format!("{why}; {}", counted(state)),
            ..AuditEntry::now(who, AuditAction::CanaryStopped, back, state.digest.clone())
        };
        let (catalog, digest) = (Arc::clone(self.catalog()), state.digest.clone());
        let ended = blocking(move || catalog.end_canary(&digest, &entry)).await?;
        if ended {
            tracing::info!(digest = state.digest, who, why, "a canary has ended");
        }
        Ok(())
    }

    /// Digests of the modules that serve now, but for one.
    fn formers_of(&self, digest: &str) -> Vec<String> {
        let own = build_id::parse_digest(digest);
        let serving = self.catalog().serving().into_iter().map(|module| module.digest());
        serving.filter(|digest| Some(*digest) != own).map(|digest| digest.to_string()).collect()
    }
}

fn part(share: Share) -> String {
    format!("{share} of new runs")
}

fn counted(state: &CanaryState) -> String {
    let counts = state.counts;
    format!(
        "{} of {} workflow tasks and {} of {} runs failed",
        counts.failed_tasks, counts.tasks, counts.failed_runs, counts.runs
    )
}
