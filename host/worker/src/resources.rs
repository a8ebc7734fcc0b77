//! What the workers of a host share.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use host_activities::Executors;
use tokio::sync::watch;

use crate::{
    config::CacheConfig,
    counters::CacheCounters,
    modules::catalog::Catalog,
    shadow::ShadowFeed,
    workflow::{SandboxThreads, cache::CacheLimits, cached_run::SharedCache, moves::Moves},
};

/// What the workers of a host share.
#[derive(Clone, Debug)]
pub struct Resources {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) threads: Arc<SandboxThreads>,
    pub(crate) executors: Option<Executors>,
    pub(crate) cache: Arc<SharedCache>,
    pub(crate) moves: Arc<Moves>,
    pub(crate) shadow: Arc<ShadowFeed>,
    pub(crate) sticky: bool,
    /// Workers that share them.
    workers: Arc<AtomicUsize>,
}

/// The place of one worker among those that share resources; dropping it gives its share to the others.
#[derive(Debug)]
pub(crate) struct WorkerPlace(Arc<AtomicUsize>);

impl Resources {
    /// Modules, the threads their guests run on, what runs activities, if there are any, and the cache.
    #[must_use]
    pub fn new(
        catalog: Arc<Catalog>,
        threads: Arc<SandboxThreads>,
        executors: Option<Executors>,
        cache: CacheConfig,
    ) -> Self {
        let limits = CacheLimits { runs: cache.runs, bytes: cache.bytes };
        Self {
            catalog,
            threads,
            executors: executors.filter(|executors| !executors.registry().is_empty()),
            cache: Arc::new(SharedCache::new(limits)),
            moves: Arc::new(Moves::new(true)),
            shadow: Arc::default(),
            sticky: cache.runs > 0,
            workers: Arc::default(),
        }
    }

    /// Leaves runs on a module that fails them, until it is put right or they are moved by hand.
    #[must_use]
    pub fn without_healing(self) -> Self {
        Self { moves: Arc::new(Moves::new(false)), ..self }
    }

    /// What shows live runs to a shadow.
    #[must_use]
    pub fn shadow_feed(&self) -> Arc<ShadowFeed> {
        Arc::clone(&self.shadow)
    }

    /// The numbers of the run cache, as they change.
    #[must_use]
    pub fn cache_counters(&self) -> watch::Receiver<CacheCounters> {
        self.cache.counters()
    }

    /// Counts one worker more.
    pub(crate) fn join(&self) -> WorkerPlace {
        self.workers.fetch_add(1, Ordering::Relaxed);
        WorkerPlace(Arc::clone(&self.workers))
    }
}

impl WorkerPlace {
    /// How the number of workers that share the resources is read, as it changes.
    pub(crate) fn count(&self) -> WorkerCount {
        WorkerCount(Arc::clone(&self.0))
    }
}

impl Drop for WorkerPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many workers share resources.
#[derive(Clone, Debug)]
pub(crate) struct WorkerCount(Arc<AtomicUsize>);

impl WorkerCount {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
