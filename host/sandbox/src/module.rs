//! A loaded module.

use std::fmt;
use std::sync::{Arc, OnceLock};

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::accessor::{Accessor, NoAccessor};
use crate::digest::Digest;
use crate::engine::{Engine, Shared};
use crate::fault::{self, Circumstances, Fault, HostFault};
use crate::gate::Import;
use crate::snapshot::NewMemory;
use crate::store_data::StoreData;
use crate::symbols::Symbols;
use crate::wit::{WorkflowDefinition, WorkflowModule, WorkflowModuleIndices};

/// A loaded module. A clone is the same module; the code is unloaded with the last clone and the last
/// instance.
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    digest: Digest,
    guest: Linked,
    imports: Vec<Import>,
    symbols: Symbols,
    definitions: Vec<WorkflowDefinition>,
    /// The memory of a new guest, once a snapshot needed it.
    new_memory: OnceLock<NewMemory>,
}

/// A component whose imports and exports are resolved.
pub(crate) struct Linked {
    pub(crate) pre: InstancePre<StoreData>,
    pub(crate) accessor: Result<Accessor, NoAccessor>,
    exports: WorkflowModuleIndices,
    /// Set once the types of the exports were found to be those of the contract.
    exports_fit: OnceLock<()>,
}

impl Linked {
    pub(crate) fn new(
        pre: InstancePre<StoreData>,
        exports: WorkflowModuleIndices,
        accessor: Result<Accessor, NoAccessor>,
    ) -> Self {
        Self { pre, accessor, exports, exports_fit: OnceLock::new() }
    }

    /// The exports of an instance of this component. Only the first instance is checked for their types, which takes a
    /// quarter of the time that making a guest takes.
    pub(crate) fn exports(
        &self,
        store: &mut Store<StoreData>,
        instance: &Instance,
    ) -> wasmtime::Result<WorkflowModule> {
        if self.exports_fit.get().is_some()
            && let Some(exports) = self.exports.load_again(&mut *store, instance)
        {
            return Ok(exports);
        }
        let exports = self.exports.load(store, instance)?;
        self.exports_fit.get_or_init(|| ());
        Ok(exports)
    }
}

impl Module {
    pub(crate) fn new(
        engine: &Engine,
        digest: Digest,
        guest: Linked,
        imports: Vec<Import>,
        symbols: Symbols,
    ) -> Self {
        let shared = Arc::clone(engine.shared());
        let (definitions, new_memory) = (Vec::new(), OnceLock::new());
        Self { inner: Arc::new(Inner { shared, digest, guest, imports, symbols, definitions, new_memory }) }
    }

    /// SHA-256 of the bytes of the module's file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.inner.digest
    }

    /// The workflow types of the module, sorted by name. The dynamic workflow has an empty name.
    #[must_use]
    pub fn definitions(&self) -> &[WorkflowDefinition] {
        &self.inner.definitions
    }

    /// The imports of the module, in the order of its import sections.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.inner.imports
    }

    /// Sets the deadline and the fuel of a call into a guest.
    pub(crate) fn arm(&self, store: &mut Store<StoreData>) -> Result<(), Fault> {
        let shared = &self.inner.shared;
        store.set_epoch_deadline(shared.ticker.ticks());
        if let Some(fuel) = shared.config.fuel {
            store.set_fuel(fuel).map_err(|error| HostFault::Wasmtime(error.to_string()))?;
        }
        Ok(())
    }

    /// Turns the error of a call into a fault.
    pub(crate) fn fault(&self, error: &wasmtime::Error, store: &mut Store<StoreData>) -> Fault {
        let config = &self.inner.shared.config;
        let circumstances = Circumstances {
            panic: store.data_mut().panic.take(),
            deadline: config.deadline,
            fuel: config.fuel.unwrap_or_default(),
            instances: config.instances,
        };
        fault::classify(error, circumstances, &self.inner.symbols)
    }

    /// The symbols of the module's functions.
    pub(crate) fn symbols(&self) -> &Symbols {
        &self.inner.symbols
    }

    /// The accessor of the state of the module's guests.
    pub(crate) fn accessor(&self) -> Result<&Accessor, Fault> {
        self.inner
            .guest
            .accessor
            .as_ref()
            .map_err(|no_accessor| HostFault::State(no_accessor.reason()).into())
    }

    /// The memory of a new guest, which `take` reads from one the first time.
    pub(crate) fn new_memory(
        &self,
        take: impl FnOnce() -> Result<NewMemory, Fault>,
    ) -> Result<&NewMemory, Fault> {
        if let Some(memory) = self.inner.new_memory.get() {
            return Ok(memory);
        }
        let memory = take()?;
        Ok(self.inner.new_memory.get_or_init(|| memory))
    }

    /// The configuration and the engine of the module.
    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// The component with its imports and exports resolved.
    pub(crate) fn linked(&self) -> &Linked {
        &self.inner.guest
    }

    /// Sets the definitions of a module that was just loaded and has no clone yet.
    pub(crate) fn set_definitions(&mut self, definitions: Vec<WorkflowDefinition>) {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.definitions = definitions;
        }
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("digest", &self.inner.digest).finish_non_exhaustive()
    }
}
