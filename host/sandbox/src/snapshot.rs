//! The state of a guest: hashed, saved, and restored into a new guest of the same module.
//!
//! Between calls the state of a guest is its linear memory, its mutable globals, and the host's data for it.
//! A module that has state elsewhere has no [accessor](crate::accessor), and its guests no snapshots. A guest
//! that holds a component handle, which it gets when it prints, has no snapshot either.

use sha2::{Digest as _, Sha256};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::accessor::{Accessor, SCRATCH_BYTES};
use crate::digest::Digest;
use crate::resident::Extent;
use crate::store_data::{HostState, StoreData};

/// The unit in which memory is compared and saved: the page size of most processors.
const PAGE_BYTES: usize = 4 << 10;
const WASM_PAGE_BYTES: usize = 64 << 10;

/// The state of a guest between two calls: what differs from a new guest of its module.
#[derive(Clone, Debug)]
pub struct Snapshot {
    module: Digest,
    memory_bytes: usize,
    /// The address and contents of each page that differs from a new guest.
    pages: Vec<(u32, Vec<u8>)>,
    globals: Vec<u64>,
    host: HostState,
}

/// The memory of a new guest of a module. A snapshot contains the pages that differ from it.
#[derive(Debug)]
pub(crate) struct NewMemory(Vec<u8>);

/// Access to the state of one guest.
pub(crate) struct Subject<'a> {
    pub(crate) accessor: &'a Accessor,
    pub(crate) guest: &'a Instance,
    pub(crate) store: &'a mut Store<StoreData>,
}

impl Snapshot {
    /// The size of the snapshot in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.host.bytes()
            + self.globals.len() * size_of::<u64>()
            + self.pages.len() * (PAGE_BYTES + size_of::<(u32, Vec<u8>)>())
    }

    /// The digest of the guest's module.
    #[must_use]
    pub fn module(&self) -> Digest {
        self.module
    }

    pub(crate) fn take(
        module: Digest,
        new_memory: &NewMemory,
        subject: &mut Subject<'_>,
    ) -> wasmtime::Result<Self> {
        let (memory_bytes, pages) =
            subject.read(|memory, scratch| (memory.len(), changed_pages(memory, scratch, &new_memory.0)))?;
        let globals = subject.accessor.globals(subject.guest, subject.store)?;
        let host = subject.store.data().state.clone();
        Ok(Self { module, memory_bytes, pages, globals, host })
    }

    /// Restores this state into a new guest.
    pub(crate) fn restore(&self, new_memory: &NewMemory, subject: &mut Subject<'_>) -> wasmtime::Result<()> {
        let Subject { accessor, guest, store } = subject;
        let missing = self.memory_bytes.saturating_sub(new_memory.0.len()) / WASM_PAGE_BYTES;
        if missing > 0 {
            accessor.grow(guest, store, u32::try_from(missing)?)?;
        }
        accessor.write(guest, store, self.pages.iter().map(|(at, page)| (*at, page)))?;
        accessor.set_globals(guest, store, &self.globals)?;
        store.data_mut().state = self.host.clone();
        Ok(())
    }
}

impl NewMemory {
    pub(crate) fn take(subject: &mut Subject<'_>) -> wasmtime::Result<Self> {
        subject.read(|memory, scratch| Self(patched(memory, scratch)))
    }
}

impl Subject<'_> {
    fn read<T>(&mut self, look: impl FnOnce(&[u8], [u8; SCRATCH_BYTES]) -> T) -> wasmtime::Result<T> {
        self.accessor.read(self.guest, self.store, look)
    }

    /// Where the memory is. It stays there, because the pool has room for the largest memory.
    pub(crate) fn extent(&mut self) -> wasmtime::Result<Extent> {
        self.read(|memory, _| Extent { address: memory.as_ptr().addr(), bytes: memory.len() })
    }

    /// SHA-256 of the state.
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

/// A copy of the memory, with the bytes that the read itself overwrote.
fn patched(memory: &[u8], scratch: [u8; SCRATCH_BYTES]) -> Vec<u8> {
    let mut memory = memory.to_vec();
    if let Some(start) = memory.first_chunk_mut() {
        *start = scratch;
    }
    memory
}

fn changed_pages(memory: &[u8], scratch: [u8; SCRATCH_BYTES], new_memory: &[u8]) -> Vec<(u32, Vec<u8>)> {
    const ZERO: [u8; PAGE_BYTES] = [0; PAGE_BYTES];
    let first = patched(&memory[..PAGE_BYTES.min(memory.len())], scratch);
    let pages = std::iter::once(first.as_slice()).chain(memory.chunks(PAGE_BYTES).skip(1));
    let before = new_memory.chunks(PAGE_BYTES).chain(std::iter::repeat(ZERO.as_slice()));
    // A 32-bit memory has at most 4 GiB, so addresses fit.
    (0_u32..)
        .step_by(PAGE_BYTES)
        .zip(pages.zip(before))
        .filter(|(_, (page, before))| page != before)
        .map(|(at, (page, _))| (at, page.to_vec()))
        .collect()
}
