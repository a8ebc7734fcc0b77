//! Carries out swaps, one at a time.

use std::{
    path::Path,
    sync::{Arc, MutexGuard, PoisonError},
};

use host_service::WorkflowService;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{
    request::{SwapError, SwapOutcome, SwapRequest},
    shadow::Shadow,
};
use crate::{
    gate::{Gate, GateError, GateProgress, GateReport, RunSelection, changes},
    modules::{
        LoadedModule,
        audit::{AuditAction, AuditEntry},
        catalog::{Admission, Candidate, Catalog, CatalogError, Terms},
        policy::SwapPolicy,
    },
    shadow::ShadowFeed,
    workflow::{Lane, SandboxThreads},
};

/// Runs that an entry of the audit names, of those that a check found not to agree.
const MAX_AUDITED_RUNS: usize = 100;
/// Runs that the log names.
const MAX_LOGGED_RUNS: usize = 10;

/// Swaps the modules of one host.
#[derive(Clone)]
pub struct Swapper {
    shared: Arc<Shared>,
    /// The worker deployment that the host is, if it is one.
    deployment: Option<Arc<str>>,
}

struct Shared {
    catalog: Arc<Catalog>,
    service: Arc<dyn WorkflowService>,
    namespace: String,
    /// The task queues of the host: it executes runs of no others.
    task_queues: Vec<String>,
    threads: Arc<SandboxThreads>,
    policy: SwapPolicy,
    /// Held by the swap that goes on.
    turn: Mutex<()>,
    /// What shows live runs to a shadow.
    feed: Arc<ShadowFeed>,
    shadow: std::sync::Mutex<Option<Shadow>>,
}

impl Swapper {
    /// Swaps for a host with these task queues. `policy` is that of files that change, `feed` that of the host's workers.
    #[must_use]
    pub fn new(
        catalog: Arc<Catalog>,
        service: Arc<dyn WorkflowService>,
        namespace: impl Into<String>,
        task_queues: Vec<String>,
        threads: Arc<SandboxThreads>,
        policy: SwapPolicy,
        feed: Arc<ShadowFeed>,
    ) -> Self {
        let (namespace, turn, shadow) = (namespace.into(), Mutex::default(), std::sync::Mutex::default());
        let shared = Shared { catalog, service, namespace, task_queues, threads, policy, turn, feed, shadow };
        Self { shared: Arc::new(shared), deployment: None }
    }

    /// Swaps for a host that is a worker deployment: a module that is taken becomes a version that is polled for, and the
    /// service says which runs it gets.
    #[must_use]
    pub fn of_deployment(self, name: &str) -> Self {
        Self { deployment: Some(name.into()), ..self }
    }

    /// The worker deployment that the host is.
    #[must_use]
    pub fn deployment(&self) -> Option<&str> {
        self.deployment.as_deref()
    }

    /// The modules that are swapped.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.shared.catalog
    }

    pub(super) fn service(&self) -> &Arc<dyn WorkflowService> {
        &self.shared.service
    }

    pub(super) fn namespace(&self) -> &str {
        &self.shared.namespace
    }

    /// The task queues of the host.
    pub(super) fn task_queues(&self) -> &[String] {
        &self.shared.task_queues
    }

    pub(super) fn threads(&self) -> &Arc<SandboxThreads> {
        &self.shared.threads
    }

    pub(super) fn feed(&self) -> &ShadowFeed {
        &self.shared.feed
    }

    pub(super) fn current_shadow(&self) -> MutexGuard<'_, Option<Shadow>> {
        // Nothing is left half done where this is locked.
        self.shared.shadow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy of files that change.
    #[must_use]
    pub fn policy(&self) -> SwapPolicy {
        self.shared.policy
    }

    /// Has the module of a new or changed file take new runs by the host's policy. Reports on the log.
    pub async fn file_changed(&self, path: &Path) {
        let (catalog, file) = (Arc::clone(self.catalog()), path.to_owned());
        let candidate = tokio::task::spawn_blocking(move || catalog.changed_file(&file)).await;
        let swapped = match candidate {
            Ok(Ok(None)) => return,
            Ok(Ok(Some(candidate))) => {
                let request = SwapRequest {
                    candidate,
                    policy: self.policy(),
                    selection: RunSelection::default(),
                    who: "the watched file changed".to_owned(),
                    action: AuditAction::Swapped,
                    note: String::new(),
                };
                self.swap(request, |_| {}).await.map(drop)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(panicked) => {
                return tracing::error!(path = %path.display(), %panicked, "a changed module was not admitted");
            }
        };
        if let Err(error) = swapped {
            let error = &error as &dyn std::error::Error;
            tracing::error!(path = %path.display(), error, "a changed module was not admitted, nothing changes");
        }
    }

    /// Checks a candidate, and has it take new runs if the policy allows it. Under [`SwapPolicy::Pin`] it takes them at
    /// once, and the verdicts are logged and audited when they are there.
    ///
    /// # Errors
    ///
    /// When the candidate cannot be taken, or the policy waits for verdicts that do not come. Then nothing changed.
    pub async fn swap(
        &self,
        request: SwapRequest,
        progress: impl FnMut(GateProgress<'_>) + Send,
    ) -> Result<SwapOutcome, SwapError> {
        let _turn = self.shared.turn.lock().await;
        let SwapRequest { candidate, policy, selection, who, action, note } = request;
        let module = Arc::clone(candidate.module());
        let formers = self.catalog().formers(&candidate);
        let from: Vec<String> = formers.iter().map(|module| module.digest().to_string()).collect();
        let mut report = GateReport::new(self.changes(&formers, &module));
        let entry = |action, report: Option<&GateReport>| AuditEntry {
            policy: policy.name().to_owned(),
            note: note.clone(),
            report: report.and_then(audited),
            ..AuditEntry::now(&who, action, from.clone(), module.digest().to_string())
        };
        let selection = self.narrowed(selection, &module);
        if policy == SwapPolicy::Pin {
            let admission = self.admit(candidate, policy, entry(action, None)).await?;
            self.check_behind(
                Arc::clone(&module),
                selection,
                report.clone(),
                entry(AuditAction::Checked, None),
            );
            return Ok(outcome(&module, policy, Some(admission), report));
        }
        let checked = self.check(&module, &selection, &mut report, progress).await;
        checked.map_err(|source| SwapError::Gate { policy, source })?;
        log_verdicts(&module, &report);
        if policy == SwapPolicy::Require && !report.runs.all_agree() {
            let entry = entry(AuditAction::Refused, Some(&report));
            let catalog = Arc::clone(self.catalog());
            blocking(move || catalog.refuse(&candidate, &entry)).await?;
            tracing::warn!(
                digest = %module.digest(),
                "a module was refused: policy `require` wants every open run to agree with it"
            );
            return Ok(outcome(&module, policy, None, report));
        }
        let admission = self.admit(candidate, policy, entry(action, Some(&report))).await?;
        Ok(outcome(&module, policy, Some(admission), report))
    }

    /// Checks the open runs of a module's types.
    ///
    /// # Errors
    ///
    /// When the service does not list them.
    pub async fn check(
        &self,
        module: &Arc<LoadedModule>,
        selection: &RunSelection,
        report: &mut GateReport,
        mut progress: impl FnMut(GateProgress<'_>) + Send,
    ) -> Result<(), GateError> {
        let Shared { service, namespace, threads, .. } = &*self.shared;
        let gate = Gate::new(
            Arc::clone(service),
            namespace.clone(),
            Arc::clone(module),
            Arc::clone(threads),
            // Workflow tasks go first.
            Lane::Slow,
        );
        let checked = gate.check(selection, |step| {
            if let GateProgress::Checked(run) = &step {
                report.add(run);
            }
            progress(step);
        });
        checked.await.map(drop)
    }

    /// The runs that the host executes.
    #[must_use]
    pub fn narrowed(&self, selection: RunSelection, module: &LoadedModule) -> RunSelection {
        let own: Vec<&str> = module.types().collect();
        let others = self.catalog().known_types().into_iter();
        RunSelection {
            task_queues: self.shared.task_queues.clone(),
            other_types: others.filter(|name| !name.is_empty() && !own.contains(&name.as_str())).collect(),
            ..selection
        }
    }

    /// How a candidate differs from the modules that serve its types.
    #[must_use]
    pub fn changes(&self, formers: &[Arc<LoadedModule>], module: &LoadedModule) -> Vec<crate::gate::Change> {
        formers.iter().flat_map(|former| changes(former, module)).collect()
    }

    async fn admit(
        &self,
        candidate: Candidate,
        policy: SwapPolicy,
        entry: AuditEntry,
    ) -> Result<Admission, CatalogError> {
        let path = candidate.path().to_owned();
        let catalog = Arc::clone(self.catalog());
        let moves = policy.moves_open_runs();
        let admission =
            blocking(move || catalog.admit(candidate, Terms { moves, audit: Some(&entry) })).await?;
        let serves = admission.serves.join(", ");
        tracing::info!(path = %path.display(), digest = %admission.digest, serves, %policy, "admitted a module");
        if !admission.no_longer_served.is_empty() {
            let types = admission.no_longer_served.join(", ");
            tracing::warn!(types, "new runs of these types find no module any more; open runs go on");
        }
        Ok(admission)
    }

    /// Checks open runs after a swap that did not wait for them.
    fn check_behind(
        &self,
        module: Arc<LoadedModule>,
        selection: RunSelection,
        mut report: GateReport,
        entry: AuditEntry,
    ) {
        let swapper = self.clone();
        tokio::spawn(async move {
            match swapper.check(&module, &selection, &mut report, |_| {}).await {
                Ok(()) if report.runs.checked() == 0 => {}
                Ok(()) => {
                    log_verdicts(&module, &report);
                    let entry = AuditEntry { report: audited(&report), ..entry };
                    let catalog = Arc::clone(swapper.catalog());
                    let written = blocking(move || Ok(catalog.audit(&entry)?)).await;
                    if let Err(error) = written {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "the audit of modules cannot be written");
                    }
                }
                Err(error) => {
                    let digest = module.digest();
                    tracing::warn!(%digest, %error, "it is not known which open runs agree with the new module");
                }
            }
        });
    }
}

/// Does what waits for a disk or a compiler on a thread for that.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CatalogError> + Send + 'static,
) -> Result<T, CatalogError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it what waits here.
            Err(_) => std::future::pending().await,
        },
    }
}

pub(super) fn audited(report: &GateReport) -> Option<Value> {
    serde_json::to_value(report.shortened(MAX_AUDITED_RUNS)).ok()
}

pub(super) fn log_verdicts(module: &LoadedModule, report: &GateReport) {
    let (digest, runs) = (module.digest(), report.runs);
    tracing::info!(%digest, agree = runs.agree, differ = runs.differ, cannot_tell = runs.cannot_tell, "open runs were checked on a module");
    for run in report.disagree.iter().take(MAX_LOGGED_RUNS) {
        let (workflow_id, run_id) = (&run.workflow_id, &run.run_id);
        tracing::warn!(workflow_id, run_id, %digest, verdict = %run.verdict, "an open run does not agree with a module");
    }
}

fn outcome(
    module: &LoadedModule,
    policy: SwapPolicy,
    admission: Option<Admission>,
    report: GateReport,
) -> SwapOutcome {
    SwapOutcome {
        digest: module.digest().to_string(),
        swapped: admission.is_some(),
        policy,
        workflow_types: module.types().map(str::to_owned).collect(),
        no_longer_served: admission.map(|admission| admission.no_longer_served).unwrap_or_default(),
        report,
    }
}

impl std::fmt::Debug for Swapper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Swapper").field("policy", &self.shared.policy).finish_non_exhaustive()
    }
}
