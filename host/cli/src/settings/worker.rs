//! Limits of a host: concurrency, memory, time.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use host_activities::Options;
use host_sandbox::CompileLimits;
use host_worker::{CacheConfig, Config, gate::Gate, shadow::MAX_FOLLOWED_RUNS};

use super::{duration, size};

/// Limits of workers, sandbox and activities.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
pub(crate) struct WorkerArgs {
    /// Runs kept in memory between their tasks. 0: every task replays its run.
    #[arg(long, value_name = "COUNT", default_value_t = CacheConfig::default().runs)]
    max_cached_runs: usize,
    /// Memory that the runs kept may have grown to.
    #[arg(long, value_name = "BYTES", default_value = "4GiB", value_parser = size::parse)]
    max_cache_bytes: usize,
    /// Workflow tasks at once, on each task queue.
    #[arg(long, value_name = "COUNT", default_value_t = Config::new("", "").workflow_tasks)]
    max_concurrent_workflow_tasks: usize,
    /// Polls for workflow tasks at once, on each task queue.
    #[arg(long, value_name = "COUNT", default_value_t = Config::new("", "").workflow_pollers)]
    max_concurrent_workflow_task_polls: usize,
    /// Activities at once.
    #[arg(long, value_name = "COUNT", default_value_t = Options::default().total)]
    max_concurrent_activities: usize,
    /// Local activities at once; they are not counted among the activities.
    #[arg(long, value_name = "COUNT", default_value_t = Options::default().local)]
    max_concurrent_local_activities: usize,
    /// Activities that begin in a second on each task queue in this host, spaced out; none then starts eagerly [default:
    /// no limit].
    #[arg(long, value_name = "RATE")]
    max_activities_per_second: Option<f64>,
    /// The same for all workers of a task queue together: the service sees to it, and the worker that asked last counts.
    /// 0 pauses the activities of the queue [default: no limit].
    #[arg(long, value_name = "RATE")]
    max_task_queue_activities_per_second: Option<f64>,
    /// Threads for activities that block, and as many for local ones.
    #[arg(long, value_name = "COUNT", default_value_t = Options::default().threads)]
    activity_threads: usize,
    /// Child processes for activities that run in one, and as many for local ones [default: one for each CPU, and at
    /// least one for each task queue].
    #[arg(long, value_name = "COUNT")]
    activity_processes: Option<usize>,
    /// Time for what runs to finish once the host is told to stop.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    pub(crate) grace_period: Duration,
    /// Longest time of one call into a workflow; longer means that it does not return.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration::parse)]
    activation_timeout: Duration,
    /// Longest time of compiling one module; longer refuses it.
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = duration::parse)]
    compile_timeout: Duration,
    /// Memory that one workflow may have.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = size::parse)]
    memory_limit: usize,
    /// Instructions, roughly, that one call into a workflow may take; the same on every machine
    /// [default: no limit].
    #[arg(long, value_name = "COUNT")]
    fuel: Option<u64>,
}

impl WorkerArgs {
    pub(crate) fn cache(&self) -> CacheConfig {
        CacheConfig { runs: self.max_cached_runs, bytes: self.max_cache_bytes }
    }

    /// Room for the guests that are kept, for two for each task that runs, because a query is answered by a copy, and for
    /// those of a check of open runs and of a shadow.
    pub(crate) fn sandbox(&self, task_queues: usize, cache: PathBuf) -> host_sandbox::Config {
        let tasks = self.max_concurrent_workflow_tasks.saturating_mul(task_queues);
        let others = Gate::guests() + MAX_FOLLOWED_RUNS;
        let guests = tasks.saturating_mul(2).saturating_add(self.max_cached_runs).saturating_add(others);
        host_sandbox::Config {
            memory_bytes: self.memory_limit,
            deadline: self.activation_timeout,
            fuel: self.fuel,
            instances: u32::try_from(guests).unwrap_or(u32::MAX),
            cache: Some(cache),
            compile: CompileLimits { elapsed: self.compile_timeout, ..CompileLimits::default() },
            ..host_sandbox::Config::default()
        }
    }

    /// A poll for activities holds a place on each executor, so each task queue needs one.
    pub(crate) fn activities(&self, task_queues: usize) -> Options {
        let defaults = Options::default();
        Options {
            total: self.max_concurrent_activities,
            asynchronous: self.max_concurrent_activities,
            threads: self.activity_threads,
            processes: self.activity_processes.unwrap_or(defaults.processes.max(task_queues)),
            local: self.max_concurrent_local_activities,
            ..defaults
        }
    }

    /// The worker of one task queue.
    pub(crate) fn config(&self, namespace: &str, identity: &str, task_queue: &str) -> Config {
        Config {
            identity: identity.to_owned(),
            workflow_tasks: self.max_concurrent_workflow_tasks,
            workflow_pollers: self.max_concurrent_workflow_task_polls,
            activities_per_second: self.max_activities_per_second,
            queue_activities_per_second: self.max_task_queue_activities_per_second,
            shutdown_grace: self.grace_period,
            ..Config::new(namespace, task_queue)
        }
    }
}
