//! Errors of [`Engine::load`](crate::Engine::load): each says what the file is, and what to do instead.

use crate::fault::Fault;
use crate::gate::{CONTRACT_VERSION, Import};
use crate::limits::{MAX_COMPONENT_DEPTH, MAX_MODULE_BYTES, MAX_TABLES, MAX_TYPE_DEPTH};

/// Why a module was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file has more than [`MAX_MODULE_BYTES`].
    #[error("{bytes} bytes are more than a module may have ({MAX_MODULE_BYTES})")]
    TooLarge {
        /// The size of the file.
        bytes: usize,
    },
    /// Not WebAssembly; says what the file looks like.
    #[error("not a WebAssembly component, but {0}")]
    NotWasm(&'static str),
    /// A WebAssembly core module instead of a component.
    #[error(
        "a WebAssembly core module, not a component: build the workflow crate for wasm32-wasip2, or make \
         a component with `wasm-tools component new`"
    )]
    CoreModule,
    /// Code that wasmtime compiled.
    #[error("native code that was compiled from a component: give the component itself")]
    NativeCode,
    /// Starts like a component, but is not valid.
    #[error("not a valid component: {message} (at byte {offset}); is the file complete?")]
    Malformed {
        /// The parser's error.
        message: String,
        /// The byte offset in the file.
        offset: u64,
    },
    /// Components inside components, more than [`MAX_COMPONENT_DEPTH`] deep.
    #[error("its components are nested more than {MAX_COMPONENT_DEPTH} deep")]
    Nested,
    /// Types inside types, more than [`MAX_TYPE_DEPTH`] deep.
    #[error("its types are nested more than {MAX_TYPE_DEPTH} deep")]
    NestedTypes,
    /// A guest would have more than one memory.
    #[error(
        "a workflow module has one linear memory, and this one has {0}: link its parts into one core module"
    )]
    Memories(u32),
    /// A guest would have more than [`MAX_TABLES`].
    #[error("a workflow module has at most {MAX_TABLES} tables, and this one has {0}")]
    Tables(u32),
    /// A component that implements another world.
    #[error(
        "a component, but not a workflow module: it does not export {}; workflow modules implement the \
         world workflow:host/workflow-module, which the guest SDK's `export!` does",
        list(missing)
    )]
    OtherWorld {
        /// Exports of the contract that it lacks.
        missing: Vec<&'static str>,
    },
    /// It imports interfaces that the gate refuses.
    #[error("the module imports what no workflow may have:{}", lines(.0))]
    Refused(Vec<Import>),
    /// Its imports or exports have the contract's names, but other types.
    #[error("the module does not fit the contract workflow:host@{CONTRACT_VERSION}: {0}")]
    Contract(String),
    /// It is invalid, or the compiler reached a limit.
    #[error("the module does not compile: {0}")]
    Compile(String),
    /// The call of its export `definitions` failed.
    #[error("the module does not say which workflows it defines")]
    Definitions(#[source] Fault),
    /// Its definitions are empty, too many, unsorted or not unique.
    #[error("the module's definitions are not usable: {0}")]
    InvalidDefinitions(String),
}

impl LoadError {
    pub(crate) fn malformed(error: &wasmparser::BinaryReaderError) -> Self {
        Self::Malformed { message: error.message().to_owned(), offset: error.offset() as u64 }
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn lines(imports: &[Import]) -> String {
    imports.iter().map(|import| format!("\n  {import}")).collect()
}
