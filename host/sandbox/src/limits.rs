//! How much a module and its guests may take. Not configurable: a limit that differs between hosts would
//! let a run go on here and fail there.

/// Commands that one activation may record.
pub const MAX_COMMANDS: usize = 16_384;
/// Bytes of payloads and texts in the commands of one activation.
pub const MAX_COMMAND_BYTES: usize = 8 << 20;
/// Bytes of log entries, standard output and measurements of one activation. Counted in replay too,
/// where they go nowhere, so that an activation does not fail in one and pass in the other.
pub const MAX_LOG_BYTES: usize = 1 << 20;
/// Bytes of what a guest says when it panics; the rest is cut off.
pub const MAX_PANIC_BYTES: usize = 16 << 10;
/// Random bytes that one activation may draw.
pub const MAX_RANDOM_BYTES: usize = 8 << 20;
/// Random bytes that one call may draw, as the contract says.
pub const MAX_RANDOM_BYTES_PER_CALL: usize = 64 << 10;
/// Named random streams of a run.
pub const MAX_RANDOM_STREAMS: usize = 1_024;
/// Bytes in the name of a random stream and in a patch id.
pub const MAX_NAME_BYTES: usize = 1_024;
/// Patches of a run.
pub const MAX_PATCHES: usize = 4_096;
/// Links in the chain of a failure, as the contract says.
pub const MAX_FAILURE_LINKS: usize = 64;
/// Bytes that a guest may hand over in one call, in either direction of the call
/// (`wasmtime::Store::set_hostcall_fuel`).
pub const MAX_CALL_BYTES: usize = 8 << 20;
/// Component handles that are alive at one time. A guest needs a handful, for standard output.
pub const MAX_HANDLES: usize = 1_000;
/// Entries of all tables of a guest together.
pub const MAX_TABLE_ELEMENTS: usize = 1 << 17;
/// Bytes of native stack for wasm frames. A Rust guest runs out of its own stack in linear memory
/// first.
pub const MAX_WASM_STACK_BYTES: usize = 512 << 10;
/// Frames in the backtrace of a trap. Rust's panic machinery alone takes up to 11.
pub const MAX_BACKTRACE_FRAMES: usize = 64;
/// Core modules in one component.
pub const MAX_CORE_INSTANCES: u32 = 64;
/// Bytes of a module's file.
pub const MAX_MODULE_BYTES: usize = 64 << 20;
/// Workflow types in one module.
pub const MAX_DEFINITIONS: usize = 1_024;
/// Bytes of the code that one module compiles to.
pub const MAX_CODE_BYTES: u64 = 512 << 20;
