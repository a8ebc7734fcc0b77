//! Access to a guest's memory and globals, through functions that are added to a module when it is loaded.
//!
//! wasmtime gives access to the memory of a component's core instances only through its debugger interface,
//! which needs slower code. So the accessor adds a few functions to the core module that holds the guest's
//! state, and lifts them to exports of the component. They read, write and grow the memory, and get and set
//! the mutable globals. The guest's own code does not change, and cannot call them.
//!
//! A module whose state is not all in one memory and in globals gets no accessor: [`add`] says why. Its
//! guests run, but cannot be copied: a replay makes another one.

mod component;
mod core_module;

use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance, InstancePre, WasmList};

use crate::store_data::StoreData;

pub(crate) use component::{Extended, add};

/// The prefix of the names of the added exports.
const PREFIX: &str = "accessor";

/// Why a module has no accessor: [`NoAccessor::reason`] is the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAccessor {
    Malformed,
    Spread,
    Tables,
    Globals,
    Nested,
    Resources,
    Names,
}

impl NoAccessor {
    /// The reason, as a part of an error message.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "the module lacks sections that compilers emit, or is malformed",
            Self::Spread => "the module's state is spread over several core modules or memories",
            Self::Tables => "the module's code changes tables or drops segments",
            Self::Globals => "the module has a mutable global that is not a number",
            Self::Nested => "the module has components inside it that have code",
            Self::Resources => "the module defines resources, whose handles are state outside of its memory",
            Self::Names => "the module has exports that are named like those that the host adds to it",
        }
    }
}

/// Adds to a count. A section says how many items it has, and may lie.
fn add_to(count: &mut u32, more: u32) -> Result<(), NoAccessor> {
    *count = count.checked_add(more).ok_or(NoAccessor::Malformed)?;
    Ok(())
}

/// Whether a name is one that the accessor may give to an export.
fn is_reserved(name: &str) -> bool {
    name.starts_with(PREFIX)
}

impl From<wasmparser::BinaryReaderError> for NoAccessor {
    fn from(_: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed
    }
}

/// The indices of the accessor's functions among the exports of a module.
#[derive(Clone, Debug)]
pub(crate) struct Accessor {
    peek: ComponentExportIndex,
    poke: ComponentExportIndex,
    read: ComponentExportIndex,
    aim: ComponentExportIndex,
    write: ComponentExportIndex,
    grow: ComponentExportIndex,
    /// The functions that get and set each mutable global.
    globals: Vec<(ComponentExportIndex, ComponentExportIndex)>,
}

impl Accessor {
    /// Finds the functions of a module to which [`add`] has added an accessor for so many mutable globals. Exports
    /// of the module itself are never among them: [`add`] refuses a module with one of their names.
    pub(crate) fn find(guest: &InstancePre<StoreData>, globals: usize) -> Option<Self> {
        let component = guest.component();
        let find = |name: &str| component.get_export_index(None, format!("{PREFIX}-{name}"));
        let global = |number: usize| {
            Some((find(&format!("get-global{number}"))?, find(&format!("set-global{number}"))?))
        };
        Some(Self {
            peek: find("peek")?,
            poke: find("poke")?,
            read: find("read")?,
            aim: find("aim")?,
            write: find("write")?,
            grow: find("grow")?,
            globals: (0..globals).map(global).collect::<Option<_>>()?,
        })
    }

    /// Passes the memory to a function, with the bytes at address 0 that the read overwrites.
    pub(crate) fn read<T>(
        &self,
        guest: &Instance,
        store: &mut Store<StoreData>,
        look: impl FnOnce(&[u8], [u8; SCRATCH_BYTES]) -> T,
    ) -> wasmtime::Result<T> {
        let peek = guest.get_typed_func::<(), (u64,)>(&mut *store, self.peek)?;
        let read = guest.get_typed_func::<(), (WasmList<u8>,)>(&mut *store, self.read)?;
        let poke = guest.get_typed_func::<(u64,), ()>(&mut *store, self.poke)?;
        let (scratch,) = peek.call(&mut *store, ())?;
        let (memory,) = read.call(&mut *store, ())?;
        let seen = look(memory.as_le_slice(&*store), scratch.to_le_bytes());
        poke.call(&mut *store, (scratch,))?;
        Ok(seen)
    }

    /// Writes parts of the memory, each at its address.
    pub(crate) fn write(
        &self,
        guest: &Instance,
        store: &mut Store<StoreData>,
        parts: impl Iterator<Item = (u32, impl AsRef<[u8]>)>,
    ) -> wasmtime::Result<()> {
        let aim = guest.get_typed_func::<(u32,), ()>(&mut *store, self.aim)?;
        let write = guest.get_typed_func::<(&[u8],), ()>(&mut *store, self.write)?;
        for (at, bytes) in parts {
            aim.call(&mut *store, (at,))?;
            write.call(&mut *store, (bytes.as_ref(),))?;
        }
        Ok(())
    }

    /// Grows the memory by `pages` of 64 KiB.
    pub(crate) fn grow(
        &self,
        guest: &Instance,
        store: &mut Store<StoreData>,
        pages: u32,
    ) -> wasmtime::Result<()> {
        let grow = guest.get_typed_func::<(u32,), (u32,)>(&mut *store, self.grow)?;
        grow.call(store, (pages,))?;
        Ok(())
    }

    /// The bits of the mutable globals.
    pub(crate) fn globals(
        &self,
        guest: &Instance,
        store: &mut Store<StoreData>,
    ) -> wasmtime::Result<Vec<u64>> {
        let get = |(get, _): &(ComponentExportIndex, _)| {
            let get = guest.get_typed_func::<(), (u64,)>(&mut *store, *get)?;
            Ok(get.call(&mut *store, ())?.0)
        };
        self.globals.iter().map(get).collect()
    }

    /// Sets the bits of the mutable globals.
    pub(crate) fn set_globals(
        &self,
        guest: &Instance,
        store: &mut Store<StoreData>,
        values: &[u64],
    ) -> wasmtime::Result<()> {
        for ((_, set), value) in self.globals.iter().zip(values) {
            let set = guest.get_typed_func::<(u64,), ()>(&mut *store, *set)?;
            set.call(&mut *store, (*value,))?;
        }
        Ok(())
    }
}

/// Bytes at address 0 that a read of the memory overwrites with its result, and restores.
pub(crate) const SCRATCH_BYTES: usize = 8;
