//! What is run.

use std::time::Duration;

/// What an activity takes and gives back.
const TEXT_BYTES: usize = 100;

/// Activities of a workflow while things warm up, at most.
const WARM_UP_ACTIVITIES: u32 = 10;

/// Workflows of one type, so many at once.
#[derive(Clone, Debug)]
pub struct Workload {
    pub name: &'static str,
    pub workflow_type: &'static str,
    /// Of each workflow.
    pub activities: u32,
    pub at_once: usize,
}

pub const WORKLOADS: [Workload; 4] = [
    Workload { name: "Hello, 1 at once", workflow_type: "Hello", activities: 1, at_once: 1 },
    Workload { name: "Hello, 50 at once", workflow_type: "Hello", activities: 1, at_once: 50 },
    Workload { name: "Chain(100), 5 at once", workflow_type: "Chain", activities: 100, at_once: 5 },
    Workload { name: "Fan(1000), 1 at once", workflow_type: "Fan", activities: 1_000, at_once: 1 },
];

impl Workload {
    /// The same, short enough to be done a few times by the slowest service.
    pub fn warm_up(&self) -> Self {
        Self { activities: self.activities.min(WARM_UP_ACTIVITIES), ..self.clone() }
    }

    /// The workflow's argument, as JSON.
    pub fn argument(&self) -> String {
        match self.workflow_type {
            "Hello" => format!("\"{}\"", "x".repeat(TEXT_BYTES)),
            _ => self.activities.to_string(),
        }
    }
}

/// What came of a workload.
#[derive(Debug)]
pub struct Outcome {
    /// From the call that starts a workflow to the answer that it is completed; the shortest first.
    pub latencies: Vec<Duration>,
    /// From the first start to the last completion.
    pub elapsed: Duration,
}

impl Outcome {
    pub fn workflows(&self) -> usize {
        self.latencies.len()
    }

    pub fn per_second(&self) -> f64 {
        self.workflows() as f64 / self.elapsed.as_secs_f64()
    }

    /// So many of 100 workflows took no longer.
    pub fn percentile(&self, percent: usize) -> Duration {
        percentile(&self.latencies, percent)
    }
}

/// Of durations in order.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}
