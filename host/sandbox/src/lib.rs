//! Workflow modules in wasmtime: compile, gate, instantiate, activate.
