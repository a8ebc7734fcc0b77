//! The memory that a guest occupies: the pages that it does not share with its module.
//!
//! The size of a linear memory says little. A guest of Rust has 1.1 MiB and writes to 60 KiB of it; a module with
//! `(memory 1000)` has 64 MiB, and may write to all of it without growing. So the pages are counted. Linux says
//! of each page of a process whether it is there, and whether it is the process's own (`proc_pid_pagemap(5)`).

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Reads which pages of this process are in memory.
#[derive(Debug)]
pub(crate) struct Resident {
    /// `None` where the system does not have it.
    pagemap: Option<File>,
    page_bytes: usize,
}

/// The address and the size of a guest's linear memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) address: usize,
    pub(crate) bytes: usize,
}

/// Bytes of an entry of the page map.
const ENTRY_BYTES: usize = 8;
/// Entries that are read at once.
const ENTRIES: usize = 4_096;

const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// The page belongs to a file: it is one of the module's image, which all guests share.
const SHARED: u64 = 1 << 61;

impl Resident {
    pub(crate) fn new() -> Self {
        let pagemap = File::open("/proc/self/pagemap").ok();
        Self { pagemap, page_bytes: rustix::param::page_size() }
    }

    /// Bytes of the pages that the guest occupies alone. Where the system does not tell, all its bytes.
    pub(crate) fn bytes(&self, memory: Extent) -> usize {
        self.pages(memory).map_or(memory.bytes, |pages| pages * self.page_bytes)
    }

    fn pages(&self, memory: Extent) -> Option<usize> {
        let pagemap = self.pagemap.as_ref()?;
        let mut buffer = [0; ENTRIES * ENTRY_BYTES];
        let first = memory.address / self.page_bytes;
        let total = memory.bytes.div_ceil(self.page_bytes);
        let mut pages = 0;
        for start in (0..total).step_by(ENTRIES) {
            let entries = &mut buffer[..ENTRIES.min(total - start) * ENTRY_BYTES];
            pagemap.read_exact_at(entries, ((first + start) * ENTRY_BYTES) as u64).ok()?;
            let (entries, _) = entries.as_chunks::<ENTRY_BYTES>();
            pages +=
                entries.iter().map(|entry| u64::from_le_bytes(*entry)).filter(|entry| own(*entry)).count();
        }
        Some(pages)
    }
}

fn own(entry: u64) -> bool {
    entry & (PRESENT | SWAPPED) != 0 && entry & SHARED == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_count_once_they_are_written_to() {
        const BYTES: usize = 16 << 20;
        let resident = Resident::new();
        let mut memory: Vec<u8> = Vec::with_capacity(BYTES);
        let extent = Extent { address: memory.as_ptr().addr(), bytes: BYTES };
        let before = resident.bytes(extent);
        memory.resize(BYTES / 2, 1);
        let written = resident.bytes(extent) - before;
        assert!((BYTES / 2 - (1 << 16)..=BYTES / 2 + (1 << 16)).contains(&written), "{written}");
    }

    #[test]
    fn without_a_page_map_all_of_it_counts() {
        let resident = Resident { pagemap: None, page_bytes: 4_096 };
        assert_eq!(resident.bytes(Extent { address: 0, bytes: 5_000 }), 5_000);
    }
}
