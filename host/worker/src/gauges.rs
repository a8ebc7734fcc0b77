//! What goes on in a worker now, for metrics.

use host_telemetry::{self as telemetry, CounterSeries, GaugePart, GaugeSeries};

use crate::counters::CacheCounters;

/// The gauges of a worker. Those of the versions of a worker deployment on one task queue add up.
#[derive(Debug)]
pub(crate) struct WorkerGauges {
    pub(crate) workflow_slots: WorkflowSlots,
    pub(crate) activity_slots: ActivitySlots,
    pub(crate) parked_tasks: GaugePart,
    cached_runs: GaugeSeries,
    cached_bytes: GaugeSeries,
    evictions: CounterSeries,
}

/// Workflow tasks that a worker may work on at once.
#[derive(Debug)]
pub(crate) struct WorkflowSlots {
    used: GaugePart,
    available: GaugePart,
}

/// Activities that a worker may work on at once. The workers of a host share what is available.
#[derive(Debug)]
pub(crate) struct ActivitySlots {
    used: GaugePart,
    available: GaugeSeries,
}

impl WorkerGauges {
    pub(crate) fn new(namespace: &str, queue: &str) -> Self {
        let workflows = [namespace, queue, "WorkflowWorker"];
        let activities = [namespace, queue, "ActivityWorker"];
        Self {
            workflow_slots: WorkflowSlots {
                used: telemetry::TASK_SLOTS_USED.part(workflows),
                available: telemetry::TASK_SLOTS_AVAILABLE.part(workflows),
            },
            activity_slots: ActivitySlots {
                used: telemetry::TASK_SLOTS_USED.part(activities),
                available: telemetry::TASK_SLOTS_AVAILABLE.series(activities),
            },
            parked_tasks: telemetry::PARKED_TASKS.part([namespace, queue]),
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

impl WorkflowSlots {
    pub(crate) fn set(&mut self, all: usize, used: usize) {
        self.used.set(used);
        self.available.set(all.saturating_sub(used));
    }
}

impl ActivitySlots {
    pub(crate) fn set(&mut self, all: usize, used: usize) {
        self.used.set(used);
        self.available.set(all.saturating_sub(used));
    }
}
