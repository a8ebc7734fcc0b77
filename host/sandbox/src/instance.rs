//! A guest: one run's code and memory, and the calls into it.

use std::fmt;

use wasmtime::Store;

use crate::command::Command;
use crate::fault::{Fault, GuestFault, HostFault};
use crate::module::Module;
use crate::random::Streams;
use crate::run::{Phase, Run};
use crate::snapshot::Snapshot;
use crate::wit::{Payload, Query, Task, Update, WorkflowDefinition, WorkflowModule};

/// A guest of one run. Calls take it on the thread that makes them, at most as long as the engine's
/// deadline; so make them on threads that may be held up.
pub struct Instance {
    module: Module,
    store: Store<Run>,
    guest: WorkflowModule,
    condition: Condition,
}

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
    pub(crate) fn new(module: Module, store: Store<Run>, guest: WorkflowModule) -> Self {
        Self { module, store, guest, condition: Condition::Live }
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
        run.notified_patches.extend(activation.patches);
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

    /// Bytes of memory that the guest grew to. What is resident is less: pages it never wrote to are
    /// shared with the module.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory.bytes()
    }

    /// The state of the guest, between two calls. Needs [`Config::inspect`](crate::Config::inspect), as
    /// the following two do.
    pub fn save(&mut self) -> Result<Snapshot, Fault> {
        self.inspectable()?;
        Snapshot::take(self.module.digest(), &mut self.store)
    }

    /// Puts the guest, which must be a new one, into the state of another one of the same module.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Fault> {
        self.inspectable()?;
        snapshot.put(self.module.digest(), &mut self.store)
    }

    /// SHA-256 of the state of the guest. A run and its replay have the same after every activation.
    pub fn state_hash(&mut self) -> Result<[u8; 32], Fault> {
        self.inspectable()?;
        Snapshot::hash(&mut self.store)
    }

    fn inspectable(&self) -> Result<(), Fault> {
        if self.condition == Condition::Dead {
            return Err(HostFault::Spent.into());
        }
        if !self.module.inspectable() {
            return Err(HostFault::State("the engine was not set up for it").into());
        }
        Ok(())
    }

    pub(crate) fn ask_definitions(mut self) -> Result<Vec<WorkflowDefinition>, Fault> {
        self.begin(Phase::Definitions, false)?;
        let answer = self.guest.call_definitions(&mut self.store);
        Ok(self.end(answer)?.0)
    }

    /// From here on the guest counts as dead, until the call turns out well.
    fn begin(&mut self, phase: Phase, replaying: bool) -> Result<(), Fault> {
        match std::mem::replace(&mut self.condition, Condition::Dead) {
            Condition::Live => {}
            Condition::Disposable if phase != Phase::Activate => {}
            Condition::Disposable | Condition::Dead => return Err(HostFault::Spent.into()),
        }
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
