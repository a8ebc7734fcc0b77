//! `workflow:host/random`

use crate::store_data::StoreData;
use crate::wit::workflow::host::random::Host;

impl Host for StoreData {
    fn next_u64(&mut self, stream: String) -> wasmtime::Result<u64> {
        self.random_u64(&stream)
    }

    fn next_bytes(&mut self, stream: String, length: u32) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(&stream, length.into())
    }
}
