//! The limits of modules and guests. They are constants, because with different limits a run would go on at
//! one host and fail at another.

/// Commands that one activation may record.
pub const MAX_COMMANDS: usize = 16_384;
/// Bytes that the commands of one activation take in the host: their payloads and texts, and 100 to 700 bytes for
/// each command beside them. The host holds one call more at most ([`MAX_CALL_BYTES`]). The service takes 4 MiB.
pub const MAX_COMMAND_BYTES: usize = 16 << 20;
/// Bytes of log entries, standard output and measurements of one activation. A replay counts them too,
/// although it drops them, so that an activation fails in both or in neither.
pub const MAX_LOG_BYTES: usize = 1 << 20;
/// Bytes of the message of a panic; the rest is cut off.
pub const MAX_PANIC_BYTES: usize = 16 << 10;
/// Bytes of the path of the source file of a panic; the rest is cut off.
pub const MAX_PATH_BYTES: usize = 1_024;
/// Random bytes that one activation may draw.
pub const MAX_RANDOM_BYTES: usize = 8 << 20;
/// Random bytes that one call may draw (`wit/random.wit`).
pub const MAX_RANDOM_BYTES_PER_CALL: usize = 64 << 10;
/// Named random streams of a run.
pub const MAX_RANDOM_STREAMS: usize = 1_024;
/// Bytes in the name of a random stream and in a patch id.
pub const MAX_NAME_BYTES: usize = 1_024;
/// Patch ids of a run.
pub const MAX_PATCHES: usize = 4_096;
/// Links in the chain of a failure (`wit/types.wit`).
pub const MAX_FAILURE_LINKS: usize = 64;
/// Bytes that a guest may pass in one call of an import or return from one export
/// (`wasmtime::Store::set_hostcall_fuel`).
pub const MAX_CALL_BYTES: usize = 8 << 20;
/// Component handles of a guest that are alive at one time (`Store::set_max_component_handles`). A guest
/// needs about five, for standard output.
pub const MAX_HANDLES: usize = 1_000;
/// Entries of all tables of a guest together.
pub const MAX_TABLE_ELEMENTS: usize = 1 << 17;
/// Bytes of native stack for wasm frames (`Config::max_wasm_stack`). A Rust guest exhausts its own stack in
/// linear memory first.
pub const MAX_WASM_STACK_BYTES: usize = 512 << 10;
/// Frames in the backtrace of a trap. Rust's panic machinery alone takes up to 11.
pub const MAX_BACKTRACE_FRAMES: usize = 64;
/// Bytes of a backtrace as text; the rest is cut off, because it becomes a part of the history.
pub const MAX_BACKTRACE_BYTES: usize = 16 << 10;
/// Bytes of the debug and name sections of one module. Of a module with more its backtraces have neither names
/// nor lines: the sections stay in memory as long as the module. A Rust guest with line tables has about 1 MiB,
/// with full debug information about 10 MiB.
pub const MAX_DEBUG_BYTES: usize = 32 << 20;
/// Steps of finding names and lines for one backtrace: attributes of debug entries, rows of line tables, and the
/// like, about 20 ns each. A guest with line tables needs 300,000.
pub const MAX_SYMBOL_STEPS: u64 = 4_000_000;
/// Bytes of a function's name before it is demangled, and of the path of a source file.
pub const MAX_SYMBOL_BYTES: usize = 4 << 10;
/// Inlined calls that one frame of a backtrace may have.
pub const MAX_INLINED_CALLS: usize = 64;
/// Compilation units of the debug information of one core module.
pub const MAX_UNITS: usize = 10_000;
/// Bytes of the section `.debug_abbrev`: what one entry of a module may have of attributes.
pub const MAX_ABBREVIATION_BYTES: usize = 256 << 10;
/// Bytes of the header of a line table, which lists the source files of a compilation unit.
pub const MAX_LINE_HEADER_BYTES: usize = 256 << 10;
/// Components inside components inside a module. Tools make one level.
pub const MAX_COMPONENT_DEPTH: usize = 8;
/// Component types and instance types inside each other. Tools make two or three levels; newer versions of the parser
/// have the same limit.
pub const MAX_TYPE_DEPTH: usize = 100;
/// Core instances of one guest, those of components inside its component included. A guest built with wit-bindgen has
/// three or four: its code, and modules that forward calls.
pub const MAX_CORE_INSTANCES: u32 = 16;
/// Linear memories of one guest. The pool has one for each guest.
pub const MAX_MEMORIES: u32 = 1;
/// Tables of one guest. A guest built with wit-bindgen has two: that of its functions, and that of its imports.
pub const MAX_TABLES: u32 = 4;
/// Bytes of the file of a module.
pub const MAX_MODULE_BYTES: usize = 64 << 20;
/// Workflow types in one module.
pub const MAX_DEFINITIONS: usize = 1_024;
/// Bytes of the compiled code of one module.
pub const MAX_CODE_BYTES: u64 = 512 << 20;
