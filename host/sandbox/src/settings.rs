//! The settings of wasmtime that make a guest behave the same on every machine.

use wasmtime::{OptLevel, Strategy, WasmBacktraceDetails};

use crate::config::Config;
use crate::limits::{MAX_BACKTRACE_FRAMES, MAX_WASM_STACK_BYTES};

/// The part of the configuration that changes the compiled code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompilerSettings {
    /// Whether the code counts fuel.
    pub(crate) fuel: bool,
}

impl CompilerSettings {
    pub(crate) fn of(config: &Config) -> Self {
        Self { fuel: config.fuel.is_some() }
    }
}

/// The configuration of wasmtime, except for memory allocation. The engine that runs guests and the child
/// process that compiles modules both use it, so that the code of one loads in the other.
pub(crate) fn wasmtime_config(compiler: CompilerSettings) -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .epoch_interruption(true)
        .consume_fuel(compiler.fuel)
        .memory_init_cow(true)
        .max_wasm_stack(MAX_WASM_STACK_BYTES)
        // The sandbox reads debug sections itself, within limits: see `symbols`.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(MAX_BACKTRACE_FRAMES))
        .concurrency_support(false)
        .shared_memory(false)
        // wasmtime's defaults enable more. Bulk memory, sign extension, multi-value, reference types and
        // fixed-width SIMD stay enabled, because toolchains emit them by default.
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
    config
}
