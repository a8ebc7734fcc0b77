//! The engine: wasmtime with its linker, deadline ticker and cache, which all modules share.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::background::Background;
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
    pub(crate) background: Arc<Background>,
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
        let shared = Shared {
            wasmtime,
            linker,
            config,
            supported,
            ticker,
            cache,
            resident: Resident::new(),
            background: Arc::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The places in which the engine compiles modules, for other work that keeps a processor busy for long.
    #[must_use]
    pub fn background(&self) -> &Arc<Background> {
        &self.shared.background
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
        .max_memory_size(config.memory_bytes)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(KEPT_BYTES)
        .table_keep_resident(KEPT_BYTES);
    pool
}

/// Bytes of wasmtime's own bookkeeping for an instance (`max_component_instance_size`).
const MAX_INSTANCE_STATE_BYTES: usize = 1 << 20;
/// Bytes that the place of a guest in the pool keeps in memory for the next guest. To reset them takes less than to
/// give them back to the system and to fault them in again: for a usual guest, which writes to 60 KiB, half of what it
/// takes to make and to drop it.
const KEPT_BYTES: usize = 256 << 10;
/// One table of the pool holds 1/8 of the entries that all tables of a guest may have together.
const TABLE_SHARE: usize = 8;
