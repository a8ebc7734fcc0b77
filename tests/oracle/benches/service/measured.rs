//! One workload in one setting.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use oracle::process;
use serde::Serialize;

use crate::{
    client::Client,
    setting::{Running, Setting, Tools},
    sync,
    workload::{Outcome, Workload, percentile},
};

/// How long things warm up.
const WARM_UP: Duration = Duration::from_secs(1);

/// What was measured. Nothing stands for what is not known, or not there.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub workload: &'static str,
    pub setting: &'static str,
    /// How many workflows were measured.
    pub workflows: usize,
    pub workflows_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// CPU per workflow; of service and worker where they are one process.
    pub service_cpu_us: Option<f64>,
    pub worker_cpu_us: Option<f64>,
    pub client_cpu_us: Option<f64>,
    /// The same of the service's process, by its threads' names.
    pub service_threads_cpu_us: BTreeMap<String, f64>,
    /// Processors that others used meanwhile, the kernel's own threads included.
    pub others_cpus: Option<f64>,
    /// Per workflow, once the service is stopped.
    pub disk_bytes: Option<f64>,
    /// A small write and its sync in the same folder, the median of some just before and just after.
    pub sync_ms: Option<f64>,
}

/// Measures for about so long.
pub async fn measure(
    workload: &Workload,
    setting: Setting,
    tools: &Tools,
    empty_bytes: u64,
    duration: Duration,
) -> Result<Measured> {
    let mut syncs = sync::measure(&tools.folder)?;
    let mut running = setting.start(tools)?;
    let client = Client::connect(&running.address).await?;
    running.start_worker()?;
    let warm = client.warm_up(workload, WARM_UP).await?;
    let before = Used::now(&running);
    let outcome = client.run(workload, duration).await?;
    let used = Used::now(&running).since(&before);
    drop(client);

    let bytes = running.stop()?.saturating_sub(empty_bytes) as f64;
    syncs.extend(sync::measure(&tools.folder)?);
    syncs.sort_unstable();
    // Those that warmed up count by their activities.
    let warm = warm.workflows() as f64 * f64::from(workload.warm_up().activities);
    let all = outcome.workflows() as f64 + warm / f64::from(workload.activities);
    Ok(Measured {
        workload: workload.name,
        setting: setting.name(),
        disk_bytes: setting.is_durable().then_some(bytes / all),
        sync_ms: setting.is_durable().then(|| milliseconds(percentile(&syncs, 50))),
        ..used.per_workflow(&outcome)
    })
}

/// Bytes that the service has on disk before anything is run.
pub async fn empty_bytes(setting: Setting, tools: &Tools) -> Result<u64> {
    let running = setting.start(tools)?;
    Client::connect(&running.address).await?;
    running.stop()
}

/// Processor time of everybody who takes part.
struct Used {
    service: Option<Duration>,
    worker: Option<Duration>,
    client: Option<Duration>,
    all: Option<Duration>,
    service_threads: BTreeMap<String, Duration>,
}

impl Used {
    fn now(running: &Running) -> Self {
        Self {
            service: process::cpu_time_of(running.service.id()),
            worker: running.worker.as_ref().and_then(|worker| process::cpu_time_of(worker.id())),
            client: process::cpu_time(),
            all: process::cpu_time_of_all(),
            service_threads: process::cpu_time_of_threads(running.service.id()),
        }
    }

    fn since(mut self, before: &Self) -> Self {
        let difference = |now: Option<Duration>, before: Option<Duration>| {
            now.zip(before).map(|(now, before)| now.saturating_sub(before))
        };
        for (name, used) in &mut self.service_threads {
            *used = used.saturating_sub(before.service_threads.get(name).copied().unwrap_or_default());
        }
        Self {
            service: difference(self.service, before.service),
            worker: difference(self.worker, before.worker),
            client: difference(self.client, before.client),
            all: difference(self.all, before.all),
            service_threads: self.service_threads,
        }
    }

    fn per_workflow(&self, outcome: &Outcome) -> Measured {
        let workflows = outcome.workflows() as f64;
        let each = |used: Duration| used.as_secs_f64() * 1e6 / workflows;
        let ours = [self.service, self.worker, self.client].into_iter().flatten().sum();
        let others = self.all.map(|all| all.saturating_sub(ours));
        Measured {
            workload: "",
            setting: "",
            workflows: outcome.workflows(),
            workflows_per_second: outcome.per_second(),
            p50_ms: milliseconds(outcome.percentile(50)),
            p99_ms: milliseconds(outcome.percentile(99)),
            service_cpu_us: self.service.map(each),
            worker_cpu_us: self.worker.map(each),
            client_cpu_us: self.client.map(each),
            service_threads_cpu_us: self
                .service_threads
                .iter()
                .filter(|(_, used)| !used.is_zero())
                .map(|(name, used)| (name.clone(), each(*used)))
                .collect(),
            others_cpus: others.map(|others| others.as_secs_f64() / outcome.elapsed.as_secs_f64()),
            disk_bytes: None,
            sync_ms: None,
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
