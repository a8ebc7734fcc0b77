//! Access to a guest's memory and globals: functions that are added to a module when it is loaded.
//!
//! wasmtime shows the memory of a component's core instances to nobody, except to debuggers, for whom
//! code must be compiled differently. So the accessor adds a few tiny functions to the core module that
//! holds the guest's state, and lifts them to exports of the component. They read, write and grow the
//! memory, and get and set the mutable globals; nothing of the guest itself changes, and no guest can
//! call them.
//!
//! A module whose state is not all in one memory and in globals gets no accessor: [`add`] says why.
//! Its guests run as well, but cannot be copied.

mod component;
mod core_module;

use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance, InstancePre, WasmList};

use crate::run::Run;

pub(crate) use component::add;

/// Prefix of the names of all exports that are added.
const PREFIX: &str = "accessor";

/// Why a module has no accessor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsuited {
    Malformed,
    Spread,
    Tables,
    Globals,
}

impl Unsuited {
    /// For people.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "the module has an unusual shape",
            Self::Spread => "the module's state is spread over several core modules",
            Self::Tables => "the module's code changes tables, or drops segments",
            Self::Globals => "the module has a mutable global that is no number",
        }
    }
}

impl From<wasmparser::BinaryReaderError> for Unsuited {
    fn from(_: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed
    }
}

/// Where the accessor's functions are among the exports of a module.
#[derive(Clone, Debug)]
pub(crate) struct Accessor {
    peek: ComponentExportIndex,
    poke: ComponentExportIndex,
    read: ComponentExportIndex,
    aim: ComponentExportIndex,
    write: ComponentExportIndex,
    grow: ComponentExportIndex,
    /// Get and set, by global.
    globals: Vec<(ComponentExportIndex, ComponentExportIndex)>,
}

impl Accessor {
    /// Finds the functions, if the module has an accessor.
    pub(crate) fn find(guest: &InstancePre<Run>) -> Option<Self> {
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
            globals: (0..).map_while(global).collect(),
        })
    }

    /// Shows the memory to a function.
    pub(crate) fn read<T>(
        &self,
        guest: &Instance,
        store: &mut Store<Run>,
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

    /// Writes to the memory.
    pub(crate) fn write(
        &self,
        guest: &Instance,
        store: &mut Store<Run>,
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

    /// Grows the memory by so many pages.
    pub(crate) fn grow(&self, guest: &Instance, store: &mut Store<Run>, pages: u32) -> wasmtime::Result<()> {
        let grow = guest.get_typed_func::<(u32,), (u32,)>(&mut *store, self.grow)?;
        grow.call(store, (pages,))?;
        Ok(())
    }

    /// The bits of the mutable globals.
    pub(crate) fn globals(&self, guest: &Instance, store: &mut Store<Run>) -> wasmtime::Result<Vec<u64>> {
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
        store: &mut Store<Run>,
        values: &[u64],
    ) -> wasmtime::Result<()> {
        for ((_, set), value) in self.globals.iter().zip(values) {
            let set = guest.get_typed_func::<(u64,), ()>(&mut *store, *set)?;
            set.call(&mut *store, (*value,))?;
        }
        Ok(())
    }
}

/// Bytes at address 0 that reading the memory needs for its answer, and that are put back.
pub(crate) const SCRATCH_BYTES: usize = 8;
