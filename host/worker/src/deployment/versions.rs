//! Begins and ends the workers of a deployment's versions, as files, the store and the service say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::pending,
    sync::Arc,
    time::Duration,
};

use host_sandbox::Digest;
use host_service::WorkflowService;
use host_wire::temporal::api::{
    enums::v1::WorkerDeploymentVersionStatus as Status, workflowservice::v1::DescribeWorkerDeploymentRequest,
};
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status as RpcStatus};

use super::{
    plan::{plan, routed, unrelated},
    version::{Deployment, WorkerVersion},
};
use crate::{
    config::Config,
    gate::{count_runs, quoted},
    modules::{LoadedModule, build_id, catalog::ResolveError},
    resources::Resources,
    rpc,
    shutdown::ShutdownReport,
    worker::{StartError, Worker},
};

/// How often the service is asked which versions get tasks.
const REFRESH_INTERVAL: Duration = Duration::from_secs(10);

/// The workers of a host that is a worker deployment: for each version that it polls for, one for each task queue.
pub struct VersionedWorkers {
    service: Arc<dyn WorkflowService>,
    resources: Resources,
    deployment: Deployment,
    /// One for each task queue, without a version.
    configs: Vec<Config>,
    /// Tells of modules that were admitted.
    modules: watch::Receiver<u64>,
    polled: BTreeMap<Digest, PolledVersion>,
    /// Workers that are connected and do not poll yet.
    connected: Vec<(Worker, CancellationToken)>,
    workers: JoinSet<ShutdownReport>,
    /// Versions that get tasks, and whose module is not to be had here: said once.
    missing: BTreeSet<Digest>,
}

/// A version that is polled for.
#[derive(Debug)]
struct PolledVersion {
    /// Cancelled when its workers are to take no more tasks.
    retire: CancellationToken,
    status: Status,
}

impl VersionedWorkers {
    /// Connects the workers of the versions that are polled for now, without polling yet. `configs` has one for each task
    /// queue, all of the same namespace; their version is set here.
    ///
    /// # Errors
    ///
    /// When the modules are no versions of one deployment, a configuration has a value that cannot work, or the service
    /// cannot be used.
    pub async fn connect(
        service: Arc<dyn WorkflowService>,
        resources: Resources,
        deployment: Deployment,
        configs: Vec<Config>,
    ) -> Result<Self, StartError> {
        let modules = resources.catalog.subscribe();
        let mut versions = Self {
            service,
            resources,
            deployment,
            configs,
            modules,
            polled: BTreeMap::new(),
            connected: Vec::new(),
            workers: JoinSet::new(),
            missing: BTreeSet::new(),
        };
        versions.check_related()?;
        versions.refresh().await?;
        Ok(versions)
    }

    /// Works until `shutdown` is cancelled and everything under way has ended or its grace period is over. Gives the
    /// report of each worker that was there then.
    pub async fn run(mut self, shutdown: CancellationToken) -> Vec<ShutdownReport> {
        loop {
            self.start(&shutdown);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = self.workers.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a worker ended");
                    }
                    continue;
                }
                () = async { if self.modules.changed().await.is_err() { pending().await } } => {}
                () = sleep(REFRESH_INTERVAL) => {}
            }
            let refreshed = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                refreshed = self.refresh() => refreshed,
            };
            if let Err(error) = refreshed {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a version of the worker deployment is not polled for, trying again");
            }
        }
        self.workers.join_all().await
    }

    fn start(&mut self, shutdown: &CancellationToken) {
        for (worker, retire) in self.connected.drain(..) {
            self.workers.spawn(worker.run_until(retire, shutdown.clone()));
        }
    }

    fn check_related(&self) -> Result<(), StartError> {
        let modules: Vec<Arc<LoadedModule>> = self.resources.catalog.of_files().into_values().collect();
        let types: Vec<BTreeSet<&str>> = modules.iter().map(|module| module.types().collect()).collect();
        match unrelated(&types) {
            None => Ok(()),
            Some((one, other)) => {
                let named = |module: &LoadedModule| match module.source() {
                    Some(path) => path.display().to_string(),
                    None => module.digest().to_string(),
                };
                let (one, other) = (named(&modules[one]), named(&modules[other]));
                Err(StartError::Unrelated { deployment: self.deployment.name().to_owned(), one, other })
            }
        }
    }

    /// Begins and ends what has to. What cannot begin now is tried again the next time.
    async fn refresh(&mut self) -> Result<(), StartError> {
        let files = self.resources.catalog.of_files();
        let digests: BTreeSet<Digest> = files.keys().copied().collect();
        let routed = self.routed(&digests).await;
        let running = self.polled.keys().copied().collect();
        let plan = plan(&digests, routed.as_ref(), &running);
        for digest in plan.end {
            self.end(&digest);
        }
        self.note(routed.as_ref());
        let (own, others): (Vec<Digest>, Vec<Digest>) =
            plan.begin.into_iter().partition(|digest| digests.contains(digest));
        let status = |digest: &Digest| {
            let routed = routed.as_ref().and_then(|routed| routed.get(digest));
            routed.copied().unwrap_or(Status::Unspecified)
        };
        for digest in own {
            self.begin(Arc::clone(&files[&digest]), status(&digest)).await?;
        }
        for digest in others {
            if let Some(module) = self.resolve(&digest).await {
                self.begin(module, status(&digest)).await?;
            }
        }
        self.resources.catalog.set_polled(self.polled.keys().copied().collect());
        Ok(())
    }

    /// The versions that the service knows, with their status; nothing where it does not say.
    async fn routed(&self, files: &BTreeSet<Digest>) -> Option<BTreeMap<Digest, Status>> {
        let message = DescribeWorkerDeploymentRequest {
            namespace: self.namespace().to_owned(),
            deployment_name: self.deployment.name().to_owned(),
        };
        let described =
            rpc::once(rpc::CALL_TIMEOUT, message, |request| self.service.describe_worker_deployment(request));
        let mut versions = match described.await {
            Ok(described) => routed(&described.worker_deployment_info.unwrap_or_default()),
            // Its first poll makes it known.
            Err(status) if status.code() == Code::NotFound => BTreeMap::new(),
            Err(status) => return unknown(&status),
        };
        match self.pinned_by_override(&versions, files).await {
            // The service does not look for such runs.
            Ok(pinned) => versions.extend(pinned.into_iter().map(|digest| (digest, Status::Draining))),
            Err(status) => return unknown(&status),
        }
        Some(versions)
    }

    /// The versions, beside those of files, that never were current and have open runs: an override has pinned these.
    async fn pinned_by_override(
        &self,
        versions: &BTreeMap<Digest, Status>,
        files: &BTreeSet<Digest>,
    ) -> Result<Vec<Digest>, RpcStatus> {
        let is_inactive =
            |(digest, status): &(&Digest, &Status)| **status == Status::Inactive && !files.contains(digest);
        let inactive: Vec<Digest> = versions.iter().filter(is_inactive).map(|(digest, _)| *digest).collect();
        // Most often there are none, so all are asked for at once.
        if inactive.is_empty() || !self.have_pinned_runs(&inactive).await? {
            return Ok(Vec::new());
        }
        let mut pinned = Vec::new();
        for digest in inactive {
            if self.have_pinned_runs(&[digest]).await? {
                pinned.push(digest);
            }
        }
        Ok(pinned)
    }

    async fn have_pinned_runs(&self, versions: &[Digest]) -> Result<bool, RpcStatus> {
        let deployment = self.deployment.name();
        let build = |digest: &Digest| format!("pinned:{deployment}:{}", build_id::of(digest));
        let builds: Vec<String> = versions.iter().map(build).collect();
        let query = format!("ExecutionStatus = \"Running\" AND BuildIds IN ({})", quoted(&builds));
        Ok(count_runs(&*self.service, self.namespace(), query).await? > 0)
    }

    async fn resolve(&mut self, digest: &Digest) -> Option<Arc<LoadedModule>> {
        match self.resources.catalog.resolve(digest).await {
            Ok(module) => {
                self.missing.remove(digest);
                Some(module)
            }
            Err(error) => {
                let build_id = build_id::of(digest);
                let deployment = self.deployment.name();
                // Another host may have it.
                let is_elsewhere = matches!(error, ResolveError::Unknown { .. });
                if self.missing.insert(*digest) {
                    let error = &error as &dyn std::error::Error;
                    if is_elsewhere {
                        tracing::info!(
                            deployment,
                            build_id,
                            error,
                            "a version is not polled for by this host"
                        );
                    } else {
                        tracing::warn!(
                            deployment,
                            build_id,
                            error,
                            "a version is not polled for by this host"
                        );
                    }
                }
                None
            }
        }
    }

    /// Connects the workers of a version.
    async fn begin(&mut self, module: Arc<LoadedModule>, status: Status) -> Result<(), StartError> {
        let retire = CancellationToken::new();
        let mut connected = Vec::new();
        for config in &self.configs {
            let version = Some(WorkerVersion::new(self.deployment.clone(), Arc::clone(&module)));
            let config = Config { version, ..config.clone() };
            let worker = Worker::connect(Arc::clone(&self.service), self.resources.clone(), config);
            connected.push((worker.await?, retire.clone()));
        }
        let (deployment, build_id) = (self.deployment.name(), module.build_id());
        let types = module.types().collect::<Vec<_>>().join(", ");
        tracing::info!(
            deployment,
            build_id,
            status = name(status),
            types,
            "a version begins to be polled for"
        );
        if !matches!(status, Status::Current | Status::Ramping) {
            tracing::info!(
                "this version gets new runs once it is current: host worker deployment set-current-version \
                 --deployment-name {deployment} --build-id {build_id}"
            );
        }
        self.connected.extend(connected);
        self.polled.insert(module.digest(), PolledVersion { retire, status });
        Ok(())
    }

    fn end(&mut self, digest: &Digest) {
        let Some(version) = self.polled.remove(digest) else { return };
        let (deployment, build_id) = (self.deployment.name(), build_id::of(digest));
        tracing::info!(deployment, build_id, "a version gets no more tasks and is not polled for any more");
        version.retire.cancel();
    }

    /// Logs what has changed in the service.
    fn note(&mut self, routed: Option<&BTreeMap<Digest, Status>>) {
        let deployment = self.deployment.name();
        for (digest, status) in routed.into_iter().flatten() {
            let Some(version) = self.polled.get_mut(digest).filter(|version| version.status != *status)
            else {
                continue;
            };
            version.status = *status;
            tracing::info!(
                deployment,
                build_id = build_id::of(digest),
                status = name(*status),
                "a version changes"
            );
        }
    }

    fn namespace(&self) -> &str {
        self.configs.first().map_or("", |config| &config.namespace)
    }
}

impl fmt::Debug for VersionedWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionedWorkers")
            .field("deployment", &self.deployment)
            .field("polled", &self.polled)
            .finish_non_exhaustive()
    }
}

fn unknown<T>(status: &RpcStatus) -> Option<T> {
    tracing::debug!(error = status.message(), "it is not known which versions get tasks");
    None
}

/// A status as the log has it.
fn name(status: Status) -> &'static str {
    match status {
        Status::Unspecified => "new",
        Status::Created => "created",
        Status::Inactive => "inactive",
        Status::Current => "current",
        Status::Ramping => "ramping",
        Status::Draining => "draining",
        Status::Drained => "drained",
    }
}
