//! The engine: wasmtime with its linker, deadline ticker and cache, which all modules share.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::Cache;
use crate::config::{Config, Features};
use crate::limits::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES};
use crate::resident::Resident;
use crate::settings::{CompilerSettings, wasmtime_config};
use crate::store_data::StoreData;
use crate::ticker::Ticker;
use crate::{contract, wasi};

/// Why an engine could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime rejected the configuration, or the machine has too little address space for it.
    #[error(
        "set up the sandbox for {instances} guests: {message}; each guest reserves 4 GiB of address \
         space, so raise the limit on virtual memory or configure fewer guests"
    )]
    Setup {
        /// [`Config::instances`].
        instances: u32,
        /// wasmtime's error, with its causes.
        message: String,
    },
    /// The operating system did not start a thread.
    #[error("start the thread that enforces deadlines")]
    Thread(#[source] std::io::Error),
}

/// Loads modules. A clone is the same engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// The parts of an engine that its modules use.
pub(crate) struct Shared {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) linker: Linker<StoreData>,
    pub(crate) config: Config,
    pub(crate) supported: Features,
    pub(crate) ticker: Ticker,
    pub(crate) cache: Option<Cache>,
    pub(crate) resident: Resident,
}

impl Engine {
    /// Sets up an engine and starts its ticker thread, which ends with the last clone and the last module.
    ///
    /// # Errors
    /// wasmtime rejects the configuration, or the thread does not start.
    pub fn new(config: Config) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError::Setup {
            instances: config.instances,
            message: format!("{error:#}"),
        };
        let mut settings = wasmtime_config(CompilerSettings::of(&config));
        settings.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(&config)));
        let wasmtime = wasmtime::Engine::new(&settings).map_err(failed)?;
        let mut linker = Linker::new(&wasmtime);
        contract::link(&mut linker).map_err(failed)?;
        wasi::link(&mut linker).map_err(failed)?;
        let ticker = Ticker::start(&wasmtime, config.deadline).map_err(EngineError::Thread)?;
        let supported = config.supported.iter().copied().collect();
        let cache = config.cache.as_deref().and_then(|folder| open_cache(folder, &wasmtime));
        let resident = Resident::new();
        Ok(Self { shared: Arc::new(Shared { wasmtime, linker, config, supported, ticker, cache, resident }) })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

fn open_cache(folder: &Path, wasmtime: &wasmtime::Engine) -> Option<Cache> {
    Cache::open(folder, wasmtime)
        .inspect_err(|error| {
            tracing::warn!(folder = %folder.display(), %error, "compiled modules are not cached");
        })
        .ok()
}

fn pool(config: &Config) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // As many of each as all guests together may have, so that no module takes the places of another: loading
    // refuses a module that needs more.
    pool.total_component_instances(config.instances)
        .total_core_instances(config.instances.saturating_mul(MAX_CORE_INSTANCES))
        .total_memories(config.instances.saturating_mul(MAX_MEMORIES))
        .total_tables(config.instances.saturating_mul(MAX_TABLES))
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_tables_per_module(MAX_TABLES)
        .max_component_instance_size(MAX_INSTANCE_STATE_BYTES)
        .max_core_instance_size(MAX_INSTANCE_STATE_BYTES)
        .table_elements(MAX_TABLE_ELEMENTS / TABLE_SHARE)
        .max_memory_size(config.memory_bytes);
    pool
}

/// Bytes of wasmtime's own bookkeeping for an instance (`max_component_instance_size`).
const MAX_INSTANCE_STATE_BYTES: usize = 1 << 20;
/// One table of the pool holds 1/8 of the entries that all tables of a guest may have together.
const TABLE_SHARE: usize = 8;
