//! The engine: wasmtime set up so that a guest behaves the same everywhere, and what all modules share.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{
    InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy, WasmBacktraceDetails,
};

use crate::cache::Cache;
use crate::compile::Flavour;
use crate::config::{Config, Features};
use crate::limits::{MAX_BACKTRACE_FRAMES, MAX_CORE_INSTANCES, MAX_TABLE_ELEMENTS, MAX_WASM_STACK_BYTES};
use crate::run::Run;
use crate::ticker::Ticker;
use crate::{contract, wasi};

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The machine does not allow what the configuration needs.
    #[error(
        "set up the sandbox for {instances} guests: {message}; each guest reserves 4 GiB of address \
         space, so a limit on virtual memory may be in the way"
    )]
    Setup {
        /// As many as were asked for.
        instances: u32,
        /// What wasmtime says.
        message: String,
    },
    /// A thread could not be started.
    #[error("start the thread that watches deadlines")]
    Thread(#[source] std::io::Error),
}

/// Loads modules. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What the modules of an engine share.
pub(crate) struct Shared {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) linker: Linker<Run>,
    pub(crate) config: Config,
    pub(crate) supported: Features,
    pub(crate) ticker: Ticker,
    pub(crate) cache: Option<Cache>,
}

impl Engine {
    /// Sets up an engine, with a thread of its own that ends with the last clone.
    pub fn new(config: Config) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError::Setup {
            instances: config.instances,
            message: format!("{error:#}"),
        };
        let mut settings = settings(Flavour::of(&config));
        settings.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(&config)));
        let wasmtime = wasmtime::Engine::new(&settings).map_err(failed)?;
        let mut linker = Linker::new(&wasmtime);
        contract::link(&mut linker).map_err(failed)?;
        wasi::link(&mut linker).map_err(failed)?;
        let ticker = Ticker::start(&wasmtime, config.deadline).map_err(EngineError::Thread)?;
        let supported = config.supported.iter().copied().collect();
        let cache = config.cache.as_deref().and_then(|folder| open_cache(folder, &wasmtime));
        Ok(Self { shared: Arc::new(Shared { wasmtime, linker, config, supported, ticker, cache }) })
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
            tracing::warn!(folder = %folder.display(), %error, "compiled modules are not kept");
        })
        .ok()
}

/// Everything that decides which code comes out of the compiler. The same for an engine that runs and
/// for one that only compiles.
pub(crate) fn settings(flavour: Flavour) -> wasmtime::Config {
    let mut settings = wasmtime::Config::new();
    settings
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .epoch_interruption(true)
        .consume_fuel(flavour.fuel)
        .memory_init_cow(true)
        .max_wasm_stack(MAX_WASM_STACK_BYTES)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(MAX_BACKTRACE_FRAMES))
        .concurrency_support(false)
        .shared_memory(false)
        // wasmtime allows more by default. What a later toolchain emits by default is bulk memory,
        // sign extension, multi-value, reference types and fixed-width SIMD, all of which stay on.
        .wasm_component_model(true)
        .wasm_relaxed_simd(false)
        .wasm_features(wasmtime::WasmFeatures::THREADS, false)
        .wasm_shared_everything_threads(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_tail_call(false)
        .wasm_stack_switching(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false);
    settings
}

fn pool(config: &Config) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // A guest of wit-bindgen is one core module with a memory, and two or three without that pass
    // calls on.
    let core_instances = config.instances.saturating_mul(CORE_INSTANCES_PER_GUEST);
    pool.total_component_instances(config.instances)
        .total_core_instances(core_instances)
        .total_memories(config.instances)
        .total_tables(config.instances.saturating_mul(TABLES_PER_GUEST))
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_component_instance_size(MAX_INSTANCE_STATE_BYTES)
        .max_core_instance_size(MAX_INSTANCE_STATE_BYTES)
        .table_elements(MAX_TABLE_ELEMENTS / TABLE_SHARE)
        .max_memory_size(config.memory_bytes);
    pool
}

/// Core instances, on the average, of one guest.
const CORE_INSTANCES_PER_GUEST: u32 = 8;
/// Tables, on the average, of one guest.
const TABLES_PER_GUEST: u32 = 4;
/// Bytes of wasmtime's own bookkeeping for an instance.
const MAX_INSTANCE_STATE_BYTES: usize = 1 << 20;
/// One table may have this part of all entries that a guest may have.
const TABLE_SHARE: usize = 8;
