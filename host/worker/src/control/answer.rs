//! What a host does for each request.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use host_sandbox::Digest;
use tokio::sync::mpsc;

use super::protocol::{CandidateReport, Reply, Request, ServedModule, Target};
use crate::{
    gate::{GateProgress, GateReport, RunSelection, Tally},
    modules::{
        audit::{AuditAction, AuditEntry},
        build_id,
        canary::{CanaryPlan, CanaryState},
        catalog::{Candidate, Catalog},
        digits,
        policy::SwapPolicy,
    },
    shadow::ShadowReport,
    swap::{Need, NeededModule, SwapRequest, Swapper},
};

/// The time between two replies that say how far a check is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// The fewest digits that may stand for a digest.
const MIN_DIGITS: usize = 6;
/// Entries of the audit that are looked through for the module that served before.
const AUDIT_ENTRIES: usize = 1_000;

type Replies = mpsc::Sender<Reply>;
type Outcome = Result<Reply, Box<dyn std::error::Error + Send + Sync>>;

/// Does what is asked. Gives the last reply; those before go to `replies`.
pub(super) async fn answer(request: Request, who: String, swapper: &Swapper, replies: &Replies) -> Reply {
    if let Some(deployment) = swapper.deployment().filter(|_| moves_runs(&request)) {
        let message = format!(
            "this host is worker deployment `{deployment}`, so the service says which version executes a run: use \
             `host worker deployment set-current-version` or `set-ramping-version`, and for single runs \
             `host workflow update-options`"
        );
        return Reply::Failed { message };
    }
    let outcome = match request {
        Request::List => list(swapper).await,
        Request::Check { path, selection } => check(swapper, path, selection, replies).await,
        Request::Swap { target, policy, selection } => {
            let action = AuditAction::Swapped;
            swap(swapper, target, Terms { policy, selection, who, action }, replies).await
        }
        Request::Rollback { to, policy, selection } => match to.map_or_else(|| before(swapper.catalog()), Ok)
        {
            Ok(to) => {
                let action = AuditAction::RolledBack;
                swap(swapper, Target::Digest(to), Terms { policy, selection, who, action }, replies).await
            }
            Err(error) => Err(error),
        },
        Request::Log { limit } => {
            swapper.catalog().audit_log(limit).map(|entries| Reply::Log { entries }).map_err(Into::into)
        }
        Request::Adopt { from, to } => adopt(swapper.catalog(), &from, &to, &who),
        Request::Move { to, selection } => move_runs(swapper, &to, selection, &who, replies).await,
        Request::StartCanary { target, plan } => start_canary(swapper, target, plan, &who).await,
        Request::Canary => Ok(canary(swapper.catalog().canary())),
        Request::StopCanary => {
            swapper.stop_canary(&who).await.map(|ended| canary(Some(ended))).map_err(Into::into)
        }
        Request::Prune { digests, force } => prune(swapper, digests, force, &who).await,
        Request::StartShadow { target } => start_shadow(swapper, target, &who).await,
        Request::Shadow => Ok(shadow(swapper.shadow())),
        Request::StopShadow => {
            swapper.stop_shadow(&who).await.map(|ended| shadow(Some(ended))).map_err(Into::into)
        }
        Request::Promote { policy, selection } => {
            let progress = progress(replies);
            let promoted = match (swapper.catalog().canary(), swapper.shadow()) {
                (None, Some(_)) => swapper.promote_shadow(&who, policy, selection, progress).await,
                _ => swapper.promote(&who, policy, selection, progress).await,
            };
            promoted.map(Reply::Swapped).map_err(Into::into)
        }
    };
    outcome.unwrap_or_else(|error| {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            message = format!("{message}: {error}");
            source = error.source();
        }
        Reply::Failed { message }
    })
}

/// Whether the host itself would say which module executes a run.
fn moves_runs(request: &Request) -> bool {
    match request {
        Request::Rollback { .. }
        | Request::Adopt { .. }
        | Request::Move { .. }
        | Request::StartCanary { .. } => true,
        // What is swapped or promoted becomes a version, and gets what the service says.
        Request::Swap { .. }
        | Request::Promote { .. }
        | Request::List
        | Request::Check { .. }
        | Request::Log { .. }
        | Request::Canary
        | Request::StopCanary
        | Request::Prune { .. }
        | Request::StartShadow { .. }
        | Request::Shadow
        | Request::StopShadow => false,
    }
}

/// How a module is to take new runs.
struct Terms {
    policy: Option<SwapPolicy>,
    selection: RunSelection,
    who: String,
    action: AuditAction,
}

async fn list(swapper: &Swapper) -> Outcome {
    let catalog = swapper.catalog();
    let moves = |name: &String| catalog.serving_type(name).is_some_and(|served| served.moves);
    let needs = swapper.needs().await?;
    let mut signers = swapper.signers().await?;
    let module = |NeededModule { digest, needs, .. }: NeededModule| {
        let signer = signers.remove(&digest);
        let (mut serves, mut needed) = (Vec::new(), Vec::new());
        for need in needs {
            match need {
                Need::Serves { workflow_types } => serves = workflow_types,
                other => needed.push(other.to_string()),
            }
        }
        let moves = serves.iter().any(moves);
        ServedModule { digest, serves, moves, needed, signer }
    };
    let modules = needs.into_iter().map(module).collect();
    Ok(Reply::Modules { modules })
}

async fn prune(swapper: &Swapper, digests: Vec<String>, force: bool, who: &str) -> Outcome {
    let stored: Vec<String> = swapper.catalog().kept()?.iter().map(ToString::to_string).collect();
    let digests: Vec<String> = digests.iter().map(|digits| digits.to_lowercase()).collect();
    for digits in &digests {
        check_digits(digits)?;
        if !stored.iter().any(|digest| digest.starts_with(digits)) {
            return Err(format!("no module with digest {digits} is kept here").into());
        }
    }
    let chosen = |digest: &str| digests.is_empty() || digests.iter().any(|digits| digest.starts_with(digits));
    let (removed, kept) = swapper.prune(chosen, force, who).await?;
    Ok(Reply::Pruned { removed, kept })
}

async fn check(swapper: &Swapper, path: PathBuf, selection: RunSelection, replies: &Replies) -> Outcome {
    let candidate = load(swapper, Target::File(path)).await?;
    let module = Arc::clone(candidate.module());
    let mut report = GateReport::new(swapper.changes(&swapper.catalog().formers(&candidate), &module));
    let selection = swapper.narrowed(selection, &module);
    swapper.check(&module, &selection, &mut report, progress(replies)).await?;
    let workflow_types = module.types().map(str::to_owned).collect();
    Ok(Reply::Checked(CandidateReport { digest: module.digest().to_string(), workflow_types, report }))
}

async fn swap(swapper: &Swapper, target: Target, terms: Terms, replies: &Replies) -> Outcome {
    let candidate = load(swapper, target).await?;
    swapper.catalog().check_news(candidate.module())?;
    let Terms { policy, selection, who, action } = terms;
    let policy = policy.unwrap_or_else(|| swapper.policy());
    let request = SwapRequest { candidate, policy, selection, who, action, note: String::new() };
    Ok(Reply::Swapped(swapper.swap(request, progress(replies)).await?))
}

async fn load(
    swapper: &Swapper,
    target: Target,
) -> Result<Candidate, Box<dyn std::error::Error + Send + Sync>> {
    let catalog = Arc::clone(swapper.catalog());
    // Compiling takes seconds.
    tokio::task::spawn_blocking(move || match target {
        Target::File(path) => Ok(catalog.candidate(&path)?),
        Target::Digest(digits) => Ok(catalog.stored_candidate(&digest(&catalog, &digits)?)?),
    })
    .await?
}

fn adopt(catalog: &Catalog, from: &str, to: &str, who: &str) -> Outcome {
    let to = digest(catalog, to)?;
    // Runs may be on a module that was never here.
    let from = build_id::parse_digest(from).map_or_else(|| digest(catalog, from), Ok)?;
    let entry = AuditEntry::now(who, AuditAction::Adopted, vec![from.to_string()], to.to_string());
    catalog.adopt(&from, &to, &entry)?;
    tracing::info!(%from, %to, who, "open runs of one module may move to another");
    Ok(Reply::Done)
}

async fn move_runs(
    swapper: &Swapper,
    to: &str,
    selection: RunSelection,
    who: &str,
    replies: &Replies,
) -> Outcome {
    let to = digest(swapper.catalog(), to)?;
    let module = swapper.catalog().resolve(&to).await?;
    let report = swapper.move_runs(&module, selection, who, progress(replies)).await?;
    let workflow_types = module.types().map(str::to_owned).collect();
    Ok(Reply::Checked(CandidateReport { digest: to.to_string(), workflow_types, report }))
}

async fn start_canary(swapper: &Swapper, target: Target, plan: CanaryPlan, who: &str) -> Outcome {
    plan.check()?;
    let candidate = load(swapper, target).await?;
    Ok(canary(Some(swapper.start_canary(candidate, plan, who).await?)))
}

async fn start_shadow(swapper: &Swapper, target: Target, who: &str) -> Outcome {
    let candidate = load(swapper, target).await?;
    Ok(shadow(Some(swapper.start_shadow(candidate, who).await?)))
}

fn shadow(report: Option<ShadowReport>) -> Reply {
    Reply::Shadow { shadow: report.map(Box::new) }
}

fn canary(state: Option<CanaryState>) -> Reply {
    Reply::Canary { canary: state.map(Box::new) }
}

fn check_digits(digits: &str) -> Result<(), String> {
    if digits.len() >= MIN_DIGITS {
        return Ok(());
    }
    Err(format!("`{digits}` is too short for a digest: give at least {MIN_DIGITS} digits"))
}

/// The digest of an admitted module that begins with these digits.
fn digest(catalog: &Catalog, digits: &str) -> Result<Digest, Box<dyn std::error::Error + Send + Sync>> {
    let digits = digits.strip_prefix("wasm-sha256-").unwrap_or(digits);
    check_digits(digits)?;
    Ok(digits::find(&catalog.admitted()?, digits)?.digest)
}

/// The module that served before one that serves now, as the audit has it.
fn before(catalog: &Catalog) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let serving: Vec<String> = catalog.serving().iter().map(|module| module.digest().to_string()).collect();
    let entries = catalog.audit_log(AUDIT_ENTRIES)?;
    let swaps = entries.iter().rev().filter(|entry| match entry.action {
        AuditAction::Swapped | AuditAction::RolledBack | AuditAction::Promoted => serving.contains(&entry.to),
        AuditAction::Refused
        | AuditAction::Checked
        | AuditAction::Healed
        | AuditAction::Adopted
        | AuditAction::Moved
        | AuditAction::CanaryStarted
        | AuditAction::CanaryStepped
        | AuditAction::CanaryStopped
        | AuditAction::Fetched
        | AuditAction::Pruned
        | AuditAction::ShadowStarted
        | AuditAction::ShadowStopped => false,
    });
    let before = swaps.flat_map(|entry| entry.from.iter()).next().cloned();
    before.ok_or_else(|| {
        "no swap is on record: name the digest of the module to go back to, see `host modules list`".into()
    })
}

/// Says how far a check is, now and then. A caller that reads slowly, or has gone, misses some.
fn progress(replies: &Replies) -> impl FnMut(GateProgress<'_>) + Send + use<> {
    let replies = replies.clone();
    let (mut total, mut runs) = (None, Tally::default());
    let mut said = Instant::now();
    move |step| {
        match step {
            GateProgress::Begins { about } => total = about,
            GateProgress::Checked(run) => runs.add(&run.verdict),
        }
        if said.elapsed() >= PROGRESS_INTERVAL {
            said = Instant::now();
            let _ = replies.try_send(Reply::Progress { about: total, runs });
        }
    }
}
