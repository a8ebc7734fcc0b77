//! The state of a guest: to hash it, to keep it, and to put it into another guest of the same module.
//!
//! Between calls a guest is its linear memory, its mutable globals, and what the host keeps for it. A
//! module that keeps state elsewhere has no [accessor](crate::accessor), and so no snapshots. Component
//! handles are not covered either: a guest that got one, to print for example, has no snapshot.

use sha2::{Digest as _, Sha256};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::accessor::{Accessor, SCRATCH_BYTES};
use crate::module::Digest;
use crate::run::{Run, State};

/// What memory is compared and kept by. The page of most processors.
const PAGE_BYTES: usize = 4 << 10;
const WASM_PAGE_BYTES: usize = 64 << 10;

/// The state of a guest between two calls: what differs from a new guest of its module.
#[derive(Clone, Debug)]
pub struct Snapshot {
    module: Digest,
    memory_bytes: usize,
    /// Where each changed page is, and what is in it.
    pages: Vec<(u32, Vec<u8>)>,
    globals: Vec<u64>,
    host: State,
}

/// The memory of a new guest of a module.
#[derive(Debug)]
pub(crate) struct Pristine(Vec<u8>);

/// A guest, as far as its state is concerned.
pub(crate) struct Subject<'a> {
    pub(crate) accessor: &'a Accessor,
    pub(crate) guest: &'a Instance,
    pub(crate) store: &'a mut Store<Run>,
}

impl Snapshot {
    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.pages.len() * (PAGE_BYTES + size_of::<(u32, Vec<u8>)>())
    }

    /// The module whose guests can have this state.
    #[must_use]
    pub fn module(&self) -> Digest {
        self.module
    }

    pub(crate) fn take(
        module: Digest,
        pristine: &Pristine,
        subject: &mut Subject<'_>,
    ) -> wasmtime::Result<Self> {
        let (memory_bytes, pages) =
            subject.read(|memory, scratch| (memory.len(), changed_pages(memory, scratch, &pristine.0)))?;
        let globals = subject.accessor.globals(subject.guest, subject.store)?;
        let host = subject.store.data().state.clone();
        Ok(Self { module, memory_bytes, pages, globals, host })
    }

    /// Puts a new guest into this state.
    pub(crate) fn put(&self, pristine: &Pristine, subject: &mut Subject<'_>) -> wasmtime::Result<()> {
        let Subject { accessor, guest, store } = subject;
        let missing = self.memory_bytes.saturating_sub(pristine.0.len()) / WASM_PAGE_BYTES;
        if missing > 0 {
            accessor.grow(guest, store, u32::try_from(missing)?)?;
        }
        accessor.write(guest, store, self.pages.iter().map(|(at, page)| (*at, page)))?;
        accessor.set_globals(guest, store, &self.globals)?;
        store.data_mut().state = self.host.clone();
        Ok(())
    }
}

impl Pristine {
    pub(crate) fn take(subject: &mut Subject<'_>) -> wasmtime::Result<Self> {
        subject.read(|memory, scratch| Self(patched(memory, scratch)))
    }
}

impl Subject<'_> {
    fn read<T>(&mut self, look: impl FnOnce(&[u8], [u8; SCRATCH_BYTES]) -> T) -> wasmtime::Result<T> {
        self.accessor.read(self.guest, self.store, look)
    }

    /// The SHA-256 of the state.
    pub(crate) fn hash(&mut self) -> wasmtime::Result<[u8; 32]> {
        let mut hash = self.read(|memory, scratch| {
            let (_, rest) = memory.split_at(SCRATCH_BYTES.min(memory.len()));
            let length = (memory.len() as u64).to_le_bytes();
            Sha256::new().chain_update(length).chain_update(scratch).chain_update(rest)
        })?;
        for global in self.accessor.globals(self.guest, self.store)? {
            hash.update(global.to_le_bytes());
        }
        self.store.data().state.digest(|bytes| hash.update(bytes));
        Ok(hash.finalize().into())
    }
}

/// The memory, with what was at the place that reading it needed.
fn patched(memory: &[u8], scratch: [u8; SCRATCH_BYTES]) -> Vec<u8> {
    let mut memory = memory.to_vec();
    if let Some(start) = memory.first_chunk_mut() {
        *start = scratch;
    }
    memory
}

fn changed_pages(memory: &[u8], scratch: [u8; SCRATCH_BYTES], pristine: &[u8]) -> Vec<(u32, Vec<u8>)> {
    const ZERO: [u8; PAGE_BYTES] = [0; PAGE_BYTES];
    let first = patched(&memory[..PAGE_BYTES.min(memory.len())], scratch);
    let pages = std::iter::once(first.as_slice()).chain(memory.chunks(PAGE_BYTES).skip(1));
    let before = pristine.chunks(PAGE_BYTES).chain(std::iter::repeat(ZERO.as_slice()));
    // A memory is at most 4 GiB.
    (0_u32..)
        .step_by(PAGE_BYTES)
        .zip(pages.zip(before))
        .filter(|(_, (page, before))| page != before)
        .map(|(at, (page, _))| (at, page.to_vec()))
        .collect()
}
