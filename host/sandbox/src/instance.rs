//! A guest: one run's code and memory, and the calls into it.

use std::fmt;

use wasmtime::{Store, component};

use crate::command::Command;
use crate::fault::{Fault, GuestFault, HostFault};
use crate::limits::MAX_CALL_BYTES;
use crate::module::{Module, RunInit};
use crate::random::Streams;
use crate::run::{Phase, Run};
use crate::sink::Sink;
use crate::snapshot::{Pristine, Snapshot, Subject};
use crate::wit::{Payload, Query, Task, Update, WorkflowDefinition, WorkflowModule};

/// A guest of one run. Calls take it on the thread that makes them, at most as long as the engine's
/// deadline; so make them on threads that may be held up.
pub struct Instance {
    module: Module,
    store: Store<Run>,
    guest: WorkflowModule,
    /// The same, for exports that are not in the contract.
    raw: component::Instance,
    condition: Condition,
    /// Whether there was a call that may have changed it.
    called: bool,
}

/// Resident memory of a Rust guest after its first activation, as `cargo bench -p host-sandbox` shows
/// it, rounded up.
const NEW_GUEST_BYTES: usize = 64 << 10;

/// What a guest is still good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// Everything.
    Live,
    /// Queries and validators: it may remember things that no replay has.
    Disposable,
    /// Nothing: it was stopped somewhere.
    Dead,
}

/// What a guest is not told, or not as part of a task, because it must not remember it.
#[derive(Clone, Debug, Default)]
pub struct Activation {
    /// Whether the activation ran before.
    pub replaying: bool,
    /// Patches that history says the run has, as far as they come to be known with this activation.
    pub patches: Vec<String>,
    /// The seed after a reset; comes with the job `update-random-seed`.
    pub new_random_seed: Option<u64>,
}

impl Instance {
    pub(crate) fn new(
        module: Module,
        store: Store<Run>,
        guest: WorkflowModule,
        raw: component::Instance,
    ) -> Self {
        Self { module, store, guest, raw, condition: Condition::Live, called: false }
    }

    /// The module that it runs.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Gives the guest its jobs and takes the commands that it issues, in their order.
    ///
    /// After a fault the guest is of no use any more.
    pub fn activate(&mut self, task: &Task, activation: Activation) -> Result<Vec<Command>, Fault> {
        self.begin(Phase::Activate, activation.replaying)?;
        let run = self.store.data_mut();
        run.state.time = task.time;
        run.notify_patches(activation.patches);
        if let Some(seed) = activation.new_random_seed {
            run.state.random = Streams::new(seed);
        }
        let answer = self.guest.call_activate(&mut self.store, task);
        let (answer, commands) = self.end(answer)?;
        answer.map_err(GuestFault::Failed)?;
        self.condition = Condition::Live;
        Ok(commands)
    }

    /// Asks a query. The guest takes no jobs after that, so use a copy.
    pub fn query(&mut self, query: &Query) -> Result<Option<Payload>, Fault> {
        self.begin(Phase::Query, false)?;
        let answer = self.guest.call_query(&mut self.store, query);
        let (answer, _) = self.end(answer)?;
        self.condition = Condition::Disposable;
        Ok(answer.map_err(GuestFault::Failed)?)
    }

    /// Asks whether an update is acceptable; a refusal is [`GuestFault::Failed`]. The guest takes no
    /// jobs after that, so use a copy.
    pub fn validate_update(&mut self, update: &Update) -> Result<(), Fault> {
        self.begin(Phase::ValidateUpdate, false)?;
        let answer = self.guest.call_validate_update(&mut self.store, update);
        let (answer, _) = self.end(answer)?;
        self.condition = Condition::Disposable;
        Ok(answer.map_err(GuestFault::Failed)?)
    }

    /// About how much memory it takes to keep the guest: what a new one takes, and what this one grew
    /// by. A new one shares most of its memory with its module, until it writes to it.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        NEW_GUEST_BYTES + self.store.data().memory.grown_bytes()
    }

    /// The state of the guest, between two calls.
    ///
    /// Not every guest has a snapshot; then [`HostFault::State`] says why, and replay is the way to a
    /// copy.
    pub fn save(&mut self) -> Result<Snapshot, Fault> {
        if self.store.data().gave_handles {
            return Err(HostFault::State("it holds component handles, for standard output perhaps").into());
        }
        let module = self.module.clone();
        let pristine = module.pristine()?;
        self.access(|subject| Snapshot::take(module.digest(), pristine, subject))
    }

    /// Puts the guest, which must be a new one, into the state of another one of the same module.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Fault> {
        if self.called || snapshot.module() != self.module.digest() {
            return Err(HostFault::State("it takes a new guest of the same module").into());
        }
        self.called = true;
        let module = self.module.clone();
        let pristine = module.pristine()?;
        self.access(|subject| snapshot.put(pristine, subject))
    }

    /// A disposable copy, for queries and validators. What it logs goes to the sink.
    pub fn copy(&mut self, sink: Box<dyn Sink>) -> Result<Self, Fault> {
        let snapshot = self.save()?;
        // The seed is part of the state.
        let mut copy = self.module.instantiate(RunInit { random_seed: 0, sink })?;
        copy.restore(&snapshot)?;
        copy.condition = Condition::Disposable;
        Ok(copy)
    }

    /// SHA-256 of the state of the guest. A run and its replay have the same after every activation.
    pub fn state_hash(&mut self) -> Result<[u8; 32], Fault> {
        self.access(|subject| subject.hash())
    }

    /// The memory of the guest, which is a new one.
    pub(crate) fn pristine(mut self) -> Result<Pristine, Fault> {
        self.access(Pristine::take)
    }

    fn access<T>(
        &mut self,
        action: impl FnOnce(&mut Subject<'_>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        if self.condition == Condition::Dead {
            return Err(HostFault::Spent.into());
        }
        self.module.arm(&mut self.store)?;
        let accessor = self.module.accessor()?;
        // Not the guest's doing, and bounded by its memory.
        self.store.set_hostcall_fuel(usize::MAX);
        let mut subject = Subject { accessor, guest: &self.raw, store: &mut self.store };
        let answer = action(&mut subject);
        self.store.set_hostcall_fuel(MAX_CALL_BYTES);
        answer.map_err(|error| HostFault::Wasmtime(format!("{error:#}")).into())
    }

    pub(crate) fn ask_definitions(mut self) -> Result<Vec<WorkflowDefinition>, Fault> {
        self.begin(Phase::Definitions, false)?;
        let answer = self.guest.call_definitions(&mut self.store);
        Ok(self.end(answer)?.0)
    }

    /// From here on the guest counts as dead, until the call turns out well.
    fn begin(&mut self, phase: Phase, replaying: bool) -> Result<(), Fault> {
        let spent = match self.condition {
            Condition::Live => false,
            Condition::Disposable => phase == Phase::Activate,
            Condition::Dead => true,
        };
        if spent {
            return Err(HostFault::Spent.into());
        }
        self.condition = Condition::Dead;
        self.called = true;
        self.store.data_mut().begin(phase, replaying);
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
