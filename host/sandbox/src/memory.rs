//! The limits of linear memory and tables. Growing beyond one stops the guest: if the growth just failed, the
//! guest could observe that, and act differently at another host.

use wasmtime::ResourceLimiter;

use crate::fault::LimitKind;
use crate::limits::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES};

/// Counts the memory and the table entries of a guest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryLimiter {
    limit_bytes: usize,
    bytes: usize,
    table_elements: usize,
}

impl MemoryLimiter {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, bytes: 0, table_elements: 0 }
    }

    /// Bytes of linear memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of the entries of all tables.
    pub(crate) fn table_bytes(&self) -> usize {
        self.table_elements * size_of::<usize>()
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let wanted_bytes = self.bytes.saturating_add(desired.saturating_sub(current));
        if wanted_bytes > self.limit_bytes {
            return Err(LimitKind::Memory { wanted_bytes, limit_bytes: self.limit_bytes }.into());
        }
        self.bytes = wanted_bytes;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        if wanted > MAX_TABLE_ELEMENTS {
            return Err(LimitKind::TableElements(wanted).into());
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}
