//! The state of a guest: to hash it, to keep it, and to put it into another guest of the same module.
//!
//! Between calls a guest is its linear memories, its mutable globals, and what the host keeps for it.
//! Tables are not covered: a guest made by LLVM does not change them. Component handles are not
//! either: a guest that got one has no snapshot.
//!
//! Needs an engine with [`Config::inspect`](crate::Config::inspect).

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use wasmtime::{Global, Memory, Mutability, Store, Val};

use crate::fault::{Fault, HostFault};
use crate::module::Digest;
use crate::run::{Run, State};

/// The state of a guest between two calls.
#[derive(Clone, Debug)]
pub struct Snapshot {
    module: Digest,
    memories: Vec<Vec<u8>>,
    /// Their bits.
    globals: Vec<u64>,
    host: State,
}

impl Snapshot {
    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.memories.iter().map(Vec::len).sum::<usize>() + self.globals.len() * size_of::<u64>()
    }

    pub(crate) fn take(module: Digest, store: &mut Store<Run>) -> Result<Self, Fault> {
        if store.data().gave_handles {
            return Err(HostFault::State("it holds component handles, for standard output perhaps").into());
        }
        let parts = Parts::of(store);
        let memories = parts.memories.iter().map(|memory| memory.data(&mut *store).to_vec()).collect();
        let globals =
            parts.globals.iter().map(|global| bits(&global.get(&mut *store))).collect::<Result<_, _>>()?;
        Ok(Self { module, memories, globals, host: store.data().state.clone() })
    }

    pub(crate) fn put(&self, module: Digest, store: &mut Store<Run>) -> Result<(), Fault> {
        let parts = Parts::of(store);
        if self.module != module {
            return Err(HostFault::State("it is that of another module").into());
        }
        if (parts.memories.len(), parts.globals.len()) != (self.memories.len(), self.globals.len()) {
            return Err(HostFault::State("it does not have the shape of the module's guests").into());
        }
        for (memory, saved) in parts.memories.iter().zip(&self.memories) {
            fit(memory, saved.len(), store)?;
            memory.data_mut(&mut *store).copy_from_slice(saved);
        }
        for (global, bits) in parts.globals.iter().zip(&self.globals) {
            let value = value(&global.get(&mut *store), *bits)?;
            global.set(&mut *store, value).map_err(wasmtime_failed)?;
        }
        store.data_mut().state = self.host.clone();
        Ok(())
    }

    /// The SHA-256 of the state of a guest.
    pub(crate) fn hash(store: &mut Store<Run>) -> Result<[u8; 32], Fault> {
        let parts = Parts::of(store);
        let mut hash = Sha256::new();
        for memory in &parts.memories {
            hash.update((memory.data_size(&*store) as u64).to_le_bytes());
            hash.update(memory.data(&*store));
        }
        for global in &parts.globals {
            hash.update(bits(&global.get(&mut *store))?.to_le_bytes());
        }
        store.data().state.digest(|bytes| hash.update(bytes));
        Ok(hash.finalize().into())
    }
}

/// Grows a memory to the size that it had.
fn fit(memory: &Memory, bytes: usize, store: &mut Store<Run>) -> Result<(), Fault> {
    let has = memory.data_size(&*store);
    let missing =
        bytes.checked_sub(has).ok_or(HostFault::State("the guest has grown further: use a new one"))?;
    if missing > 0 {
        let pages = missing as u64 / memory.page_size(&*store);
        memory.grow(&mut *store, pages).map_err(wasmtime_failed)?;
    }
    Ok(())
}

fn wasmtime_failed(error: wasmtime::Error) -> Fault {
    HostFault::Wasmtime(format!("{error:#}")).into()
}

/// What can change in a guest's core instances, each once: one that exports to another is in the index
/// spaces of both.
struct Parts {
    memories: Vec<Memory>,
    globals: Vec<Global>,
}

impl Parts {
    fn of(store: &mut Store<Run>) -> Self {
        let mut parts = Self { memories: Vec::new(), globals: Vec::new() };
        let (mut seen_memories, mut seen_globals) = (BTreeSet::new(), BTreeSet::new());
        for instance in store.debug_all_instances() {
            for index in 0.. {
                let Some(memory) = instance.debug_memory(&mut *store, index) else { break };
                if seen_memories.insert(memory.debug_index_in_store()) {
                    parts.memories.push(memory);
                }
            }
            for index in 0.. {
                let Some(global) = instance.debug_global(&mut *store, index) else { break };
                let mutable = global.ty(&*store).mutability() == Mutability::Var;
                if seen_globals.insert(global.debug_index_in_store()) && mutable {
                    parts.globals.push(global);
                }
            }
        }
        parts
    }
}

fn bits(value: &Val) -> Result<u64, HostFault> {
    match value {
        Val::I32(value) => Ok(u64::from(value.cast_unsigned())),
        Val::I64(value) => Ok(value.cast_unsigned()),
        Val::F32(bits) => Ok(u64::from(*bits)),
        Val::F64(bits) => Ok(*bits),
        _ => Err(HostFault::State("it has a global that is no number")),
    }
}

/// The value of the same type as `like` that has these bits.
fn value(like: &Val, bits: u64) -> Result<Val, HostFault> {
    const WIDE: HostFault = HostFault::State("it has a global with more bits than its type");
    let narrow = u32::try_from(bits);
    match like {
        Val::I32(_) => Ok(Val::I32(narrow.map_err(|_| WIDE)?.cast_signed())),
        Val::I64(_) => Ok(Val::I64(bits.cast_signed())),
        Val::F32(_) => Ok(Val::F32(narrow.map_err(|_| WIDE)?)),
        Val::F64(_) => Ok(Val::F64(bits)),
        _ => Err(HostFault::State("it has a global that is no number")),
    }
}
