//! A guest: an instance of a module for one run, and the calls into it.

use std::fmt;

use wasmtime::{Store, component};

use crate::backtrace::{self, Frame};
use crate::command::Command;
use crate::contract;
use crate::fault::{Fault, GuestFault, HostFault};
use crate::limits::{MAX_CALL_BYTES, MAX_HANDLES};
use crate::module::Module;
use crate::random::Streams;
use crate::resident::Extent;
use crate::sink::{Discard, Sink};
use crate::snapshot::{NewMemory, Snapshot, Subject};
use crate::store_data::{CallKind, Stopped, StoreData};
use crate::wit::{Failure, Payload, Query, Task, Update, WorkflowDefinition, WorkflowModule};

/// A guest of one run. A call runs the guest on the calling thread, for at most the engine's deadline; so do
/// not call it on a thread of an async runtime.
pub struct Instance {
    module: Module,
    store: Store<StoreData>,
    guest: WorkflowModule,
    /// The same instance, for the exports of the accessor.
    raw: component::Instance,
    usability: Usability,
    /// The address of the guest's memory; `None` if the module has no accessor.
    memory_address: Option<usize>,
    /// Whether a call or a restore has changed the guest since it was instantiated.
    changed: bool,
}

/// Bytes that wasmtime and the sandbox keep for a guest beside its memory and tables, as
/// `tests/resident.rs` measures them.
const BOOKKEEPING_BYTES: usize = 18 << 10;

/// Which calls a guest still accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usability {
    /// All calls.
    Live,
    /// Queries and update validators: a replay does not make these calls, so the state may differ from it.
    Disposable,
    /// None: a fault stopped the guest in the middle of a call.
    Dead,
}

/// The parts of an activation that the host does not pass to the guest as jobs.
#[derive(Clone, Debug, Default)]
pub struct Activation {
    /// Whether the workflow task is in the history already, so that its commands are checked and its log is
    /// dropped.
    pub replaying: bool,
    /// Patch ids whose markers the history has, as far as they become known with this activation.
    pub patches: Vec<String>,
    /// The new random seed after a reset; the task has the job `update-random-seed` then.
    pub new_random_seed: Option<u64>,
}

/// What a guest is instantiated with.
pub struct RunInit {
    /// The random seed of the run: see [`random::seed`](crate::random::seed).
    pub random_seed: u64,
    /// Receives the log entries and measurements of the run.
    pub sink: Box<dyn Sink>,
}

impl fmt::Debug for RunInit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunInit").field("random_seed", &self.random_seed).finish_non_exhaustive()
    }
}

impl Module {
    /// Makes a guest for one run.
    ///
    /// # Errors
    /// As many guests are alive as the engine allows ([`HostFault::NoRoom`]), the code that runs at
    /// instantiation trapped or reached a limit, or the sandbox failed.
    pub fn instantiate(&self, run: RunInit) -> Result<Instance, Fault> {
        let shared = self.shared();
        let data = StoreData::new(run.sink, shared.config.memory_bytes, shared.supported);
        let mut store = Store::new(&shared.wasmtime, data);
        store.limiter(|data| &mut data.memory);
        store.set_hostcall_fuel(MAX_CALL_BYTES);
        store.set_max_component_handles(MAX_HANDLES);
        self.arm(&mut store)?;
        let linked = self.linked();
        let raw = linked.pre.instantiate(&mut store).map_err(|error| self.fault(&error, &mut store))?;
        let guest = linked.exports(&mut store, &raw).map_err(|error| self.fault(&error, &mut store))?;
        store.data_mut().state.random = Streams::new(run.random_seed);
        let module = self.clone();
        let (usability, changed, memory_address) = (Usability::Live, false, None);
        let mut instance = Instance { module, store, guest, raw, memory_address, usability, changed };
        if self.accessor().is_ok() {
            instance.memory_address = Some(instance.access(|subject| subject.extent())?.address);
        }
        Ok(instance)
    }

    /// Calls the export `definitions` of a guest that is discarded afterwards.
    pub(crate) fn ask_definitions(&self) -> Result<Vec<WorkflowDefinition>, Fault> {
        self.instantiate(discarded())?.definitions()
    }
}

/// For a guest that belongs to no run.
fn discarded() -> RunInit {
    RunInit { random_seed: 0, sink: Box::new(Discard) }
}

/// The fault of an export that returned a failure.
fn failed(failure: Failure) -> Fault {
    match contract::checked(&failure) {
        Ok(()) => GuestFault::Failed(failure).into(),
        Err(error) => GuestFault::Trapped { message: error.to_string(), backtrace: String::new() }.into(),
    }
}

fn new_memory(module: &Module) -> Result<&NewMemory, Fault> {
    module.new_memory(|| module.instantiate(discarded())?.new_memory())
}

impl Instance {
    /// The module of the guest.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Passes the jobs of a workflow task to the guest, and returns the commands that it issued, in order.
    ///
    /// # Errors
    /// The guest failed the task, trapped or reached a limit, or the host failed. Every further call then
    /// fails with [`HostFault::Spent`].
    pub fn activate(&mut self, task: &Task, activation: Activation) -> Result<Vec<Command>, Fault> {
        let answer = self.call_activate(task, activation)?;
        let (answer, commands) = self.end(answer)?;
        answer.map_err(failed)?;
        self.usability = Usability::Live;
        Ok(commands)
    }

    fn call_activate(
        &mut self,
        task: &Task,
        activation: Activation,
    ) -> Result<wasmtime::Result<Result<(), Failure>>, Fault> {
        self.begin(CallKind::Activate, activation.replaying)?;
        let run = self.store.data_mut();
        run.state.time = task.time;
        run.state.patches.announce(activation.patches);
        if let Some(seed) = activation.new_random_seed {
            run.state.random = Streams::new(seed);
        }
        Ok(self.guest.call_activate(&mut self.store, task))
    }

    /// Passes the jobs of a workflow task to the guest, and stops it when it asks for the command at `place` among those
    /// that are not [internal](Command::is_internal): the calls that led there, innermost first. Empty if it does not
    /// ask for as many. The guest accepts no further call.
    ///
    /// # Errors
    /// As [`Instance::activate`].
    pub fn calls_to_command(
        &mut self,
        task: &Task,
        activation: Activation,
        place: usize,
    ) -> Result<Vec<Frame>, Fault> {
        self.store.data_mut().stop_at = Some(place);
        let answer = self.call_activate(task, activation)?;
        self.store.data_mut().stop_at = None;
        self.usability = Usability::Dead;
        match answer {
            Err(error) if error.is::<Stopped>() => Ok(backtrace::frames(&error, self.module.symbols())),
            answer => self.end(answer)?.0.map_err(failed).map(|()| Vec::new()),
        }
    }

    /// Answers a query. The guest accepts no activation afterwards, so call it on a [copy](Self::copy).
    ///
    /// # Errors
    /// The query failed ([`GuestFault::Failed`]), the guest trapped or reached a limit, or the host failed.
    pub fn query(&mut self, query: &Query) -> Result<Option<Payload>, Fault> {
        self.begin(CallKind::Query, false)?;
        let answer = self.guest.call_query(&mut self.store, query);
        let (answer, _) = self.end(answer)?;
        self.usability = Usability::Disposable;
        answer.map_err(failed)
    }

    /// Validates an update. The guest accepts no activation afterwards, so call it on a [copy](Self::copy).
    ///
    /// # Errors
    /// The validator rejected the update ([`GuestFault::Failed`]), the guest trapped or reached a limit, or
    /// the host failed.
    pub fn validate_update(&mut self, update: &Update) -> Result<(), Fault> {
        self.begin(CallKind::ValidateUpdate, false)?;
        let answer = self.guest.call_validate_update(&mut self.store, update);
        let (answer, _) = self.end(answer)?;
        self.usability = Usability::Disposable;
        answer.map_err(failed)
    }

    /// Bytes that the guest occupies in this process: the pages of its memory that it has written to, and what
    /// the host keeps for it. It shares the other pages with its module. Where the pages cannot be counted, the
    /// size of its memory. Takes 5 µs for a usual guest, 200 µs for one of 64 MiB.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let data = self.store.data();
        let bytes = data.memory.bytes();
        let memory = match self.memory_address {
            Some(address) => self.module.shared().resident.bytes(Extent { address, bytes }),
            None => bytes,
        };
        BOOKKEEPING_BYTES + memory + data.memory.table_bytes() + data.state.bytes()
    }

    /// Saves the state of the guest between two calls.
    ///
    /// # Errors
    /// The guest has no snapshot ([`HostFault::State`] says why; a replay makes a copy then), or the sandbox
    /// failed.
    pub fn save(&mut self) -> Result<Snapshot, Fault> {
        if self.store.data().gave_handles {
            return Err(HostFault::State(
                "it holds component handles, as it does once it has printed to standard output",
            )
            .into());
        }
        let module = self.module.clone();
        let new_memory = new_memory(&module)?;
        self.access(|subject| Snapshot::take(module.digest(), new_memory, subject))
    }

    /// Restores the state of another guest of the same module. This guest must be new.
    ///
    /// # Errors
    /// This guest is not new or of another module, or the sandbox failed.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Fault> {
        if self.changed || snapshot.module() != self.module.digest() {
            return Err(
                HostFault::State("a snapshot is restored into a new guest of the same module only").into()
            );
        }
        self.changed = true;
        let module = self.module.clone();
        let new_memory = new_memory(&module)?;
        self.access(|subject| snapshot.restore(new_memory, subject))
    }

    /// A copy of the guest for queries and update validators. Its log entries go to `sink`.
    ///
    /// # Errors
    /// As [`Instance::save`] and [`Module::instantiate`].
    pub fn copy(&mut self, sink: Box<dyn Sink>) -> Result<Self, Fault> {
        let snapshot = self.save()?;
        // The snapshot has the seed.
        let mut copy = self.module.instantiate(RunInit { random_seed: 0, sink })?;
        copy.restore(&snapshot)?;
        copy.usability = Usability::Disposable;
        Ok(copy)
    }

    /// SHA-256 of the state of the guest. A run and its replay have the same hash after every activation.
    ///
    /// # Errors
    /// The module has no accessor ([`HostFault::State`]), or the sandbox failed.
    pub fn state_hash(&mut self) -> Result<[u8; 32], Fault> {
        self.access(|subject| subject.hash())
    }

    /// The memory of this guest, which is new.
    fn new_memory(mut self) -> Result<NewMemory, Fault> {
        self.access(NewMemory::take)
    }

    fn access<T>(
        &mut self,
        action: impl FnOnce(&mut Subject<'_>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        if self.usability == Usability::Dead {
            return Err(HostFault::Spent.into());
        }
        self.module.arm(&mut self.store)?;
        let accessor = self.module.accessor()?;
        // The accessor passes as many bytes as the guest has memory, which its own limit bounds.
        self.store.set_hostcall_fuel(usize::MAX);
        let mut subject = Subject { accessor, guest: &self.raw, store: &mut self.store };
        let answer = action(&mut subject);
        self.store.set_hostcall_fuel(MAX_CALL_BYTES);
        answer.map_err(|error| HostFault::Wasmtime(format!("{error:#}")).into())
    }

    fn definitions(mut self) -> Result<Vec<WorkflowDefinition>, Fault> {
        self.begin(CallKind::Definitions, false)?;
        let answer = self.guest.call_definitions(&mut self.store);
        Ok(self.end(answer)?.0)
    }

    /// Starts a call. The guest counts as dead until the call has succeeded.
    fn begin(&mut self, call: CallKind, replaying: bool) -> Result<(), Fault> {
        let spent = match self.usability {
            Usability::Live => false,
            Usability::Disposable => call == CallKind::Activate,
            Usability::Dead => true,
        };
        if spent {
            return Err(HostFault::Spent.into());
        }
        self.usability = Usability::Dead;
        self.changed = true;
        self.store.data_mut().begin(call, replaying);
        self.module.arm(&mut self.store)
    }

    fn end<T>(&mut self, answer: wasmtime::Result<T>) -> Result<(T, Vec<Command>), Fault> {
        let commands = self.store.data_mut().end();
        match answer {
            Ok(answer) => Ok((answer, commands)),
            Err(error) => Err(self.module.fault(&error, &mut self.store)),
        }
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("module", &self.module).finish_non_exhaustive()
    }
}
