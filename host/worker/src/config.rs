//! The configuration of a worker and of the run cache.

use std::{num::NonZeroUsize, time::Duration};

use crate::deployment::version::WorkerVersion;

/// Default of [`Config::workflow_tasks`].
const DEFAULT_WORKFLOW_TASKS: usize = 200;
/// Default of [`Config::workflow_pollers`].
const DEFAULT_WORKFLOW_POLLERS: usize = 5;
/// Default of [`Config::activity_pollers`].
const DEFAULT_ACTIVITY_POLLERS: usize = 5;
/// Default of [`Config::shutdown_grace`].
const DEFAULT_SHUTDOWN_GRACE: Duration = Duration::from_secs(10);
/// Default of [`CacheConfig::runs`].
const DEFAULT_CACHED_RUNS: usize = 3_000;
/// Default of [`CacheConfig::bytes`]: 4 GiB.
const DEFAULT_CACHED_BYTES: usize = 4 * 1024 * 1024 * 1024;
/// With a cache, one slot waits on the sticky queue and one on the normal one.
const LEAST_WORKFLOW_TASKS: usize = 2;
/// The timeout of workflow tasks that the service sets where a start asks for none (`history.defaultWorkflowTaskTimeout`).
pub(crate) const DEFAULT_WORKFLOW_TASK_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait of a task on the sticky queue, before the service gives it to any worker.
pub(crate) const STICKY_SCHEDULE_TO_START_TIMEOUT: Duration = Duration::from_secs(10);

/// One worker: one task queue.
#[derive(Clone, Debug)]
pub struct Config {
    /// The namespace of the task queue.
    pub namespace: String,
    /// The task queue that is polled.
    pub task_queue: String,
    /// The `identity` in all requests: it stands in history as the worker that did the work.
    pub identity: String,
    /// Workflow tasks at once, those included that are being polled for. At least 2.
    pub workflow_tasks: usize,
    /// Polls for workflow tasks at once, on the normal and the sticky queue together. At least 2.
    pub workflow_pollers: usize,
    /// Polls for activity tasks at once. None are made without activities.
    pub activity_pollers: NonZeroUsize,
    /// Activities that the worker begins in a second, at most: above 0. They begin spaced out, and none starts eagerly.
    /// Nothing: no limit.
    pub activities_per_second: Option<f64>,
    /// The same for all workers of the task queue together: the service is asked for it with each poll, and the last one
    /// that asked counts (`TaskQueueMetadata.max_tasks_per_second`). 0 pauses the task queue.
    pub queue_activities_per_second: Option<f64>,
    /// How long tasks may go on once the worker is asked to stop.
    pub shutdown_grace: Duration,
    /// The version of a worker deployment that the worker is: it gets the tasks that the service routes there, and
    /// executes all of them on the version's module. Without one it is no part of a deployment, and each run is executed
    /// by the module that its history names.
    pub version: Option<WorkerVersion>,
}

impl Config {
    /// The defaults for a task queue.
    #[must_use]
    pub fn new(namespace: impl Into<String>, task_queue: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            task_queue: task_queue.into(),
            identity: default_identity(),
            workflow_tasks: DEFAULT_WORKFLOW_TASKS,
            workflow_pollers: DEFAULT_WORKFLOW_POLLERS,
            activity_pollers: NonZeroUsize::new(DEFAULT_ACTIVITY_POLLERS).unwrap_or(NonZeroUsize::MIN),
            activities_per_second: None,
            queue_activities_per_second: None,
            shutdown_grace: DEFAULT_SHUTDOWN_GRACE,
            version: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.task_queue.is_empty() {
            return Err(ConfigError::NoTaskQueue);
        }
        for (what, value) in
            [("workflow tasks", self.workflow_tasks), ("workflow pollers", self.workflow_pollers)]
        {
            if value < LEAST_WORKFLOW_TASKS {
                return Err(ConfigError::TooFew { what, value });
            }
        }
        if self.activities_per_second.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
            return Err(ConfigError::Rate { what: "activities a second", least: "above 0" });
        }
        if self.queue_activities_per_second.is_some_and(|rate| !(rate >= 0.0 && rate.is_finite())) {
            return Err(ConfigError::Rate {
                what: "activities of the task queue a second",
                least: "0 or more",
            });
        }
        Ok(())
    }

    /// Whether activities begin at a limited rate.
    pub(crate) fn limits_activities(&self) -> bool {
        self.activities_per_second.is_some() || self.queue_activities_per_second.is_some()
    }
}

/// The cache that the workers of a host share.
#[derive(Clone, Copy, Debug)]
pub struct CacheConfig {
    /// Runs in memory at most, between their tasks. 0: every task replays its run. The sandbox needs
    /// room for these guests (`host_sandbox::Config::instances`) and for one more per workflow task.
    pub runs: usize,
    /// Bytes that the memories of idle guests have grown to at most. What is resident is a small part
    /// of it, unless guests hold much data.
    pub bytes: usize,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { runs: DEFAULT_CACHED_RUNS, bytes: DEFAULT_CACHED_BYTES }
    }
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The task queue has no name.
    #[error("the task queue has no name")]
    NoTaskQueue,
    /// A rate that is none.
    #[error("the number of {what} must be {least}")]
    Rate {
        /// The setting.
        what: &'static str,
        /// What it must be.
        least: &'static str,
    },
    /// A number is below the least that works: 2.
    #[error(
        "{value} {what} are too few: at least {LEAST_WORKFLOW_TASKS} are needed, one for each of the \
         normal and the sticky queue"
    )]
    TooFew {
        /// The setting.
        what: &'static str,
        /// Its value.
        value: usize,
    },
}

/// `pid@host`, as every SDK names itself.
#[must_use]
pub fn default_identity() -> String {
    let host = gethostname::gethostname();
    format!("{}@{}", std::process::id(), host.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_would_starve_a_queue_are_refused() {
        let check = |change: fn(&mut Config), expected: Result<(), ConfigError>| {
            let mut config = Config::new("default", "q");
            change(&mut config);
            assert_eq!(config.check(), expected);
        };
        check(|_| {}, Ok(()));
        check(|config| config.task_queue.clear(), Err(ConfigError::NoTaskQueue));
        let too_few = |what| Err(ConfigError::TooFew { what, value: 1 });
        check(|config| config.workflow_tasks = 1, too_few("workflow tasks"));
        check(|config| config.workflow_pollers = 1, too_few("workflow pollers"));
        check(|config| config.activities_per_second = Some(0.1), Ok(()));
        check(|config| config.queue_activities_per_second = Some(0.0), Ok(()));
        let rate = |what, least| Err(ConfigError::Rate { what, least });
        let own = || rate("activities a second", "above 0");
        check(|config| config.activities_per_second = Some(0.0), own());
        check(|config| config.activities_per_second = Some(f64::NAN), own());
        check(|config| config.activities_per_second = Some(f64::INFINITY), own());
        let all = rate("activities of the task queue a second", "0 or more");
        check(|config| config.queue_activities_per_second = Some(-1.0), all);
    }
}
