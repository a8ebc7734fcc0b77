//! A loaded module.

use std::fmt;
use std::sync::{Arc, OnceLock};

use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::Engine;
use crate::accessor::{Accessor, Unsuited};
use crate::engine::Shared;
use crate::fault::{self, Circumstances, Fault, HostFault};
use crate::gate::Import;
use crate::instance::Instance;
use crate::limits::{MAX_CALL_BYTES, MAX_HANDLES};
use crate::random::Streams;
use crate::run::Run;
use crate::sink::{Discard, Sink};
use crate::snapshot::Pristine;
use crate::wit::{WorkflowDefinition, WorkflowModuleIndices};

/// What identifies a module: the SHA-256 of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A module, ready to be instantiated. Cheap to clone; its code is unloaded with the last clone and
/// the last instance.
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    digest: Digest,
    guest: Linked,
    imports: Vec<Import>,
    definitions: Vec<WorkflowDefinition>,
    /// The memory of a new guest, once it was needed.
    pristine: OnceLock<Pristine>,
}

/// A module whose imports and exports are resolved.
pub(crate) struct Linked {
    pub(crate) pre: InstancePre<Run>,
    pub(crate) exports: WorkflowModuleIndices,
    pub(crate) accessor: Result<Accessor, Unsuited>,
}

/// What a guest is made for.
pub struct RunInit {
    /// The seed of the run's randomness: see [`random::seed`](crate::random::seed).
    pub random_seed: u64,
    /// Where its log entries and measurements go.
    pub sink: Box<dyn Sink>,
}

impl fmt::Debug for RunInit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunInit").field("random_seed", &self.random_seed).finish_non_exhaustive()
    }
}

impl Module {
    pub(crate) fn new(engine: &Engine, digest: Digest, guest: Linked, imports: Vec<Import>) -> Self {
        let shared = Arc::clone(engine.shared());
        let (definitions, pristine) = (Vec::new(), OnceLock::new());
        Self { inner: Arc::new(Inner { shared, digest, guest, imports, definitions, pristine }) }
    }

    /// The SHA-256 of the module's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.inner.digest
    }

    /// The workflow types of the module, sorted by name. An empty name is the dynamic workflow.
    #[must_use]
    pub fn definitions(&self) -> &[WorkflowDefinition] {
        &self.inner.definitions
    }

    /// What the module imports, in its own order.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.inner.imports
    }

    /// Makes a guest for one run.
    pub fn instantiate(&self, run: RunInit) -> Result<Instance, Fault> {
        let shared = &self.inner.shared;
        let data = Run::new(run.sink, shared.config.memory_bytes, shared.supported);
        let mut store = Store::new(&shared.wasmtime, data);
        store.limiter(|run| &mut run.memory);
        store.set_hostcall_fuel(MAX_CALL_BYTES);
        store.set_max_component_handles(MAX_HANDLES);
        self.arm(&mut store)?;
        let Linked { pre, exports, .. } = &self.inner.guest;
        let raw = pre.instantiate(&mut store).map_err(|error| self.fault(&error, &mut store))?;
        let guest = exports.load(&mut store, &raw).map_err(|error| self.fault(&error, &mut store))?;
        store.data_mut().memory.mark_new();
        store.data_mut().state.random = Streams::new(run.random_seed);
        Ok(Instance::new(self.clone(), store, guest, raw))
    }

    /// Starts the clock, and fills the tank, for a call into the guest.
    pub(crate) fn arm(&self, store: &mut Store<Run>) -> Result<(), Fault> {
        let shared = &self.inner.shared;
        store.set_epoch_deadline(shared.ticker.ticks());
        if let Some(fuel) = shared.config.fuel {
            store.set_fuel(fuel).map_err(|error| HostFault::Wasmtime(error.to_string()))?;
        }
        Ok(())
    }

    /// What an error of a call means.
    pub(crate) fn fault(&self, error: &wasmtime::Error, store: &mut Store<Run>) -> Fault {
        let config = &self.inner.shared.config;
        let circumstances = Circumstances {
            panic: store.data_mut().panic.take(),
            deadline: config.deadline,
            fuel: config.fuel.unwrap_or_default(),
            instances: config.instances,
        };
        fault::classify(error, circumstances)
    }

    pub(crate) fn ask_definitions(&self) -> Result<Vec<WorkflowDefinition>, Fault> {
        let init = RunInit { random_seed: 0, sink: Box::new(Discard) };
        self.instantiate(init)?.ask_definitions()
    }

    /// The way to the state of the module's guests.
    pub(crate) fn accessor(&self) -> Result<&Accessor, Fault> {
        self.inner.guest.accessor.as_ref().map_err(|unsuited| HostFault::State(unsuited.reason()).into())
    }

    /// The memory of a new guest.
    pub(crate) fn pristine(&self) -> Result<&Pristine, Fault> {
        if let Some(pristine) = self.inner.pristine.get() {
            return Ok(pristine);
        }
        let init = RunInit { random_seed: 0, sink: Box::new(Discard) };
        let pristine = self.instantiate(init)?.pristine()?;
        Ok(self.inner.pristine.get_or_init(|| pristine))
    }

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
