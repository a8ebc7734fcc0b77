//! Builds workflow crates to WebAssembly components, for tests and tasks.
