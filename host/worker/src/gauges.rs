//! What goes on in a worker now, for metrics.

use host_telemetry::{self as telemetry, CounterSeries, GaugeSeries};

use crate::counters::CacheCounters;

/// The gauges of a worker.
#[derive(Debug)]
pub(crate) struct WorkerGauges {
    pub(crate) workflow_slots: Slots,
    pub(crate) activity_slots: Slots,
    pub(crate) parked_tasks: GaugeSeries,
    cached_runs: GaugeSeries,
    cached_bytes: GaugeSeries,
    evictions: CounterSeries,
}

/// Tasks of one kind that a worker may work on at once.
#[derive(Debug)]
pub(crate) struct Slots {
    used: GaugeSeries,
    available: GaugeSeries,
}

impl WorkerGauges {
    pub(crate) fn new(namespace: &str, queue: &str) -> Self {
        let slots = |worker_type| Slots {
            used: telemetry::TASK_SLOTS_USED.series([namespace, queue, worker_type]),
            available: telemetry::TASK_SLOTS_AVAILABLE.series([namespace, queue, worker_type]),
        };
        Self {
            workflow_slots: slots("WorkflowWorker"),
            activity_slots: slots("ActivityWorker"),
            parked_tasks: telemetry::PARKED_TASKS.series([namespace, queue]),
            cached_runs: telemetry::STICKY_CACHE_SIZE.series([namespace]),
            cached_bytes: telemetry::CACHE_BYTES.series([namespace]),
            evictions: telemetry::STICKY_CACHE_EVICTION.series([namespace]),
        }
    }

    /// The cache that the workers of a host share.
    pub(crate) fn cache(&self, counters: CacheCounters) {
        let CacheCounters { runs, bytes, evictions } = counters;
        self.cached_runs.set(runs);
        self.cached_bytes.set(bytes);
        self.evictions.raise_to(evictions);
    }
}

impl Slots {
    pub(crate) fn set(&self, all: usize, used: usize) {
        self.used.set(used);
        self.available.set(all.saturating_sub(used));
    }
}
